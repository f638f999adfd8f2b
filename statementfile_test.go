package proofback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// provenStatement is the proof of a statement that carries on what the one before left,
// the ledger's key, and the statement's file.
func provenStatement(t testing.TB, change ...func(before, s *Statement)) (*Proof, string, string) {
	t.Helper()
	key, err := NewLedgerKey(LedgerOrigin("test"), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	sold, corrected := GlobalID(KindConversion, id(7)), GlobalID(KindConversion, id(8))
	file := "\ufeff" + strings.Join(StatementColumns, ",") + "\r\n" +
		"0,OPENING,2026-02-01T00:00:00Z,,,,,,,,3.50,EUR,,\r\n" +
		"1,CONVERSION,2026-02-03T00:00:00Z," + sold + ",'@tx,sale,2026-02-03T00:00:00Z,\"Socks, warm\",20.00,EUR,20.00,EUR,,\r\n" +
		"2,CORRECTION,2026-02-04T00:00:00Z," + corrected + ",b,sale,2026-01-03T00:00:00Z,Socks,-1.50,EUR,-1.50,EUR,\"wrong\nprice\"," + GlobalID(KindAdjustment, id(9)) + "\r\n"
	// As docs/ledger.md says.
	digest := sha256.Sum256(fmt.Appendf(nil, "1 CONVERSION %s  20\n2 CORRECTION %s %s -1.5", id(7), id(8), id(9)))
	before := &Statement{
		ID: id(1), PeriodID: id(3), AffiliateID: id(5), TimeRange: TimeRange{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		Currency: "EUR", Opening: "0", Earned: "3.50", Adjusted: "0", Payable: "0", Carried: "3.50", Minimum: "20", Lines: 1, MadeAt: time.Unix(0, 0),
	}
	s := &Statement{
		ID: id(2), PeriodID: id(4), AffiliateID: id(5), TimeRange: TimeRange{From: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)},
		Currency: "EUR", Opening: "3.50", Earned: "20.00", Adjusted: "-1.50", Payable: "22.00", Carried: "0", Minimum: "20", Lines: 2,
		Digest: hex.EncodeToString(digest[:]), MadeAt: time.Unix(0, 0),
	}
	for _, c := range change {
		c(before, s)
	}
	first, second := before.Entry(Salt{1}), s.Entry(Salt{2})
	checkpoint, err := key.Sign(2, tlog.NodeHash(first.LeafHash(), second.LeafHash()))
	if err != nil {
		t.Fatal(err)
	}
	entries := []ProvenEntry{
		{Index: 0, Entry: string(first.Canonical), Path: []LedgerHash{second.LeafHash()}},
		{Index: 1, Entry: string(second.Canonical), Path: []LedgerHash{first.LeafHash()}},
	}
	entries[0].Open(before.Openings(Salt{1}))
	entries[1].Open(s.Openings(Salt{2}))
	return NewStatementProof(s.ID, entries, checkpoint.Note), key.Public, file
}

// An affiliate holds the file of its statement against the ledger, and finds out what was
// changed in it.
func TestAStatementIsHeldAgainstItsProof(t *testing.T) {
	t.Parallel()
	proof, key, text := provenStatement(t)
	facts, _, err := proof.Verify(key)
	if err != nil || len(facts) != 2 {
		t.Fatal(facts, err)
	}
	other := GlobalID(KindConversion, id(99))
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"a line's amount", "20.00,EUR,20.00,EUR", "20.00,EUR,21.00,EUR", `its earned is "21", the ledger has "20"`},
		{"two amounts that come to the same", "EUR,-1.50,EUR", "EUR,-1.5,EUR", ""},
		{"another conversion", GlobalID(KindConversion, id(7)), other, "its digest is"},
		{"another adjustment", GlobalID(KindAdjustment, id(9)), "", "its digest is"},
		{"another order", "1,CONVERSION", "3,CONVERSION", "its digest is"},
		{"what it opens with", ",3.50,EUR", ",0.50,EUR", `its opening is "0.5", the ledger has "3.5"`},
		{"another kind", "CORRECTION", "REVERSAL", "its digest is"},
		{"no kind", "CORRECTION", "GIFT", `line 4: "GIFT" is no kind of line`},
		{"no amount", "20.00,EUR,20.00", "20.00,EUR,much", `line 3: "much" is not an amount`},
		{"no number", "1,CONVERSION", "one,CONVERSION", `line 3: "one" is not a number`},
		{"no id", GlobalID(KindConversion, id(7)), "x", `line 3: "x" is not the id of a conversion`},
		{"the id of something else", GlobalID(KindAdjustment, id(9)), other, "is not the id of an adjustment"},
		{"another currency", "20.00,EUR,20.00,EUR", "20.00,EUR,20.00,USD", `line 3: it is in "USD", the statement in "EUR"`},
		{"no opening", "0,OPENING", "0,CONVERSION", "line 2: the first row is not of the kind OPENING"},
		{"a column that is gone", "adjustment_id", "adjustment", `there is no column "adjustment_id"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(text, tt.old) {
				t.Fatalf("%q is not in the file", tt.old)
			}
			file, err := ReadStatementFile(strings.NewReader(strings.Replace(text, tt.old, tt.new, 1)))
			if err == nil {
				err = file.Check(facts[1])
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	for name, short := range map[string]string{"nothing at all": "", "a header": text[:strings.Index(text, "\r\n")+2]} {
		if _, err := ReadStatementFile(strings.NewReader(short)); err == nil {
			t.Errorf("%s is taken for a statement", name)
		}
	}
	rows := strings.SplitAfter(text, "\r\n")
	file, err := ReadStatementFile(strings.NewReader(rows[0] + rows[1] + rows[2]))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Check(facts[1]); err == nil || err.Error() != `its lines is "1", the ledger has "2"` {
		t.Error(err)
	}
}

// What the ledger has of a statement must be right in itself, and go on from the one
// before it.
func TestAStatementThatIsWrongInItselfIsNotProven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(before, s *Statement)
		touch  func(*Proof)
		want   string
	}{
		{name: "another rest than was carried", change: func(b, _ *Statement) { b.Payable, b.Carried = "1", "2.50" }, want: "it opens with 3.5 EUR, and the statement before carried 2.5 EUR"},
		{name: "in another currency", change: func(b, _ *Statement) { b.Currency = "USD" }, want: "carried 3.5 USD"},
		{name: "less is paid", change: func(_, s *Statement) { s.Payable = "21.00" }, want: "22 are to be paid and 0 carried, where it says 21 and 0"},
		{name: "paid below the minimum", change: func(_, s *Statement) { s.Minimum = "23" }, want: "0 are to be paid and 22 carried"},
		{name: "of another affiliate", change: func(b, _ *Statement) { b.AffiliateID = id(6) }, want: "is neither the statement before"},
		{name: "of a later month", change: func(b, _ *Statement) { b.From = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }, want: "is neither the statement before"},
		{name: "another statement", touch: func(p *Proof) { p.Statement = id(1) }, want: "its last entry is not the statement"},
		{name: "nothing shown", touch: func(p *Proof) { p.Entries[1].Opened = nil }, want: "what it says of opening is not shown"},
		{name: "without the one before", touch: func(p *Proof) { p.Entries = p.Entries[1:] }, want: "it opens with 3.5 EUR, and the statement before carried 0 EUR"},
		{name: "as the proof of a conversion", touch: func(p *Proof) { p.Statement, p.Conversion = [16]byte{}, id(7) }, want: "a statement of another affiliate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var change []func(before, s *Statement)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			proof, key, _ := provenStatement(t, change...)
			if tt.touch != nil {
				tt.touch(proof)
			}
			if _, _, err := proof.Verify(key); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
