package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

// state makes the statements that are due, and gives the affiliate's, oldest first.
func (b *bookkeeping) state() []*proofback.Statement {
	b.t.Helper()
	if _, err := b.store.MakeStatements(b.t.Context(), proofback.System()); err != nil {
		b.t.Fatal(err)
	}
	w, err := b.store.Statements(b.t.Context(), b.affiliateActor(), proofback.StatementFilter{}, proofback.Page{Limit: 100, Backward: true})
	if err != nil {
		b.t.Fatal(err)
	}
	list := w.Items
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (b *bookkeeping) lines(s *proofback.Statement) []*proofback.StatementLine {
	b.t.Helper()
	list, err := b.store.StatementLines(b.t.Context(), b.affiliateActor(), s.ID, 0, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// said tells a statement and its lines in a few words.
func (b *bookkeeping) said(s *proofback.Statement) []string {
	b.t.Helper()
	out := []string{fmt.Sprintf("%s: %s + %s + %s = %s paid, %s carried %s, least %s", s.Month(), s.Opening, s.Earned, s.Adjusted, s.Payable, s.Carried, s.Currency, s.Minimum)}
	for _, l := range b.lines(s) {
		out = append(out, fmt.Sprintf("%d %s %s: %s %s, %s (%s)", l.Number, l.Kind, l.TxID, l.Sent.Amount, l.Sent.Currency, l.Amount, l.Reason))
	}
	return out
}

func TestAStatementTellsAMonthLineByLineAndCarriesWhatIsTooLittle(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	if err := b.store.SetMinimumPayout(t.Context(), b.admin, [16]byte{}, "20"); err != nil {
		t.Fatal(err)
	}
	january := b.now
	b.pass(time.Hour)
	first := b.sale(january, "approved", eur("20"))
	b.sale(january, "approved", proofback.Money{Amount: "11", Currency: "USD"})
	second := b.sale(january, "pending", eur("60"))
	b.sale(january, "rejected", eur("60"))
	b.now = time.Date(2026, 2, 3, 9, 0, 0, 0, time.UTC)
	b.sale(b.now, "approved", eur("8"))
	b.close("2026-01")
	list := b.state()
	// 5.50 USD at 1.1 and 10/37 dollars for a euro.
	want := []string{
		"2026-01: 0.00 + 14.01 + 0.00 = 0.00 paid, 14.01 carried EUR, least 20.00",
		"1 CONVERSION sale-1: 10.00 EUR, 10.00 ()",
		"2 CONVERSION sale-2: 5.50 USD, 4.01 ()",
	}
	if diff := cmp.Diff(want, b.said(list[0])); diff != "" || len(list) != 1 {
		t.Errorf("%d statements: %s", len(list), diff)
	}

	b.pass(time.Hour)
	b.move(approved, second)
	b.pass(time.Hour)
	b.correct(second, "26.50", "")
	b.pass(time.Hour)
	b.sale(january, "approved", eur("2"))
	b.pass(time.Hour)
	b.move(rejected, first)
	b.now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	b.close("2026-02")
	b.pass(time.Hour)
	b.move(rejected, second)
	b.now = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	b.close("2026-03")
	list = b.state()
	if len(list) != 3 {
		t.Fatalf("%d statements", len(list))
	}
	for i, want := range [][]string{want, {
		"2026-02: 14.01 + 4.00 + 17.50 = 35.51 paid, 0.00 carried EUR, least 20.00",
		"1 CONVERSION sale-5: 4.00 EUR, 4.00 ()",
		"2 LATE sale-6: 1.00 EUR, 1.00 (the postback said approved)",
		"3 APPROVAL sale-3: 30.00 EUR, 30.00 (looked at again)",
		"4 REVERSAL sale-1: -10.00 EUR, -10.00 (looked at again)",
		"5 CORRECTION sale-3: -3.50 EUR, -3.50 (wrong price)",
	}, {
		"2026-03: 0.00 + 0.00 + -26.50 = 0.00 paid, -26.50 carried EUR, least 20.00",
		"1 REVERSAL sale-3: -30.00 EUR, -30.00 (looked at again)",
		"2 REVERSAL sale-3: 3.50 EUR, 3.50 (looked at again)",
	}} {
		if diff := cmp.Diff(want, b.said(list[i])); diff != "" {
			t.Error(diff)
		}
	}
	if n := b.count(t, `SELECT count(*) FROM ledger AS l JOIN statements AS s ON s.id = l.id AND l.kind = 'statement'`); n != 3 {
		t.Errorf("%d statements in the ledger", n)
	}
	if again := b.state(); len(again) != 3 {
		t.Errorf("%d statements, made twice", len(again))
	}
	for _, sql := range []string{
		`UPDATE statements SET payable = 1`, `DELETE FROM statement_lines`,
		`INSERT INTO statement_lines SELECT statement_id, number + 100, affiliate_id, kind, conversion_id, adjustment_id, at, sent, sent_currency, amount FROM statement_lines`,
		`INSERT INTO statements SELECT (json_populate_record(s, json_build_object('id', gen_random_uuid(), 'affiliate_id', gen_random_uuid()))).* FROM statements AS s`,
	} {
		if _, err := b.store.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "is refused") && !strings.Contains(err.Error(), "is not the sum of its lines") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestStatementsWaitForTheRatesThatTheyNeed(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.exec(t, `UPDATE affiliates SET currency = 'GBP' WHERE id = $1`, b.affiliate)
	b.sale(b.now, "approved", eur("20"))
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	made, err := b.store.MakeStatements(t.Context(), proofback.System())
	if made != 0 || err == nil || !strings.Contains(err.Error(), "1 statements of 2026-01 wait for reference rates, the first for EUR in GBP of 2026-01-10") {
		t.Errorf("%d made, %v", made, err)
	}
	b.exec(t, `INSERT INTO rates VALUES ('GBP', '2026-01-09', 0.5, 'TEST')`)
	if list := b.state(); len(list) != 1 || b.said(list[0])[0] != "2026-01: 0.00 + 5.00 + 0.00 = 5.00 paid, 0.00 carried GBP, least 0" {
		t.Errorf("%v", b.said(list[0]))
	}
	p, err := b.store.Periods(t.Context(), b.affiliateActor(), all)
	if err != nil || p.Items[0].StatementsAt.IsZero() {
		t.Errorf("%+v, %v", p.Items, err)
	}
}

func TestStatementsAreTheirAffiliatesAlone(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.sale(b.now, "approved", eur("20"))
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	id := b.state()[0].ID
	stranger := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: keyAt(day)}
	for actor, want := range map[proofback.Actor]int{b.staff: 1, b.affiliateActor(): 1, stranger: 0, b.advertiserActor(): 0} {
		w, err := b.store.Statements(t.Context(), actor, proofback.StatementFilter{}, all)
		found, err2 := b.store.StatementsByID(t.Context(), actor, []uuid.UUID{id})
		lines, err3 := b.store.StatementLines(t.Context(), actor, id, 0, 10)
		if err != nil || err2 != nil || err3 != nil || len(w.Items) != want || len(found) != want || len(lines) != want {
			t.Errorf("%s: %d, %d, %d; %v %v %v", actor.Role, len(w.Items), len(found), len(lines), err, err2, err3)
		}
	}
	if _, err := b.store.MakeStatements(t.Context(), b.admin); err == nil {
		t.Error("a person made statements")
	}
	for _, actor := range []proofback.Actor{b.affiliateActor(), b.advertiserActor()} {
		if err := b.store.SetMinimumPayout(t.Context(), actor, b.affiliate, "1"); proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("%s: %v", actor.Role, err)
		}
	}
}

// Whatever happened: a statement is the sum of its lines, opens with what the one
// before carried, and all statements together come to what a report of the same time
// in the same currency says was earned.
func TestStatementsAddUpToTheirLinesAndToTheReport(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.exec(t, `UPDATE affiliates SET currency = 'USD', minimum_payout = 400 WHERE id = $1`, b.affiliate)
	b.randomMonths(3)
	list := b.state()
	if len(list) != 3 {
		t.Fatalf("%d statements", len(list))
	}
	carried, earned := proofback.Decimal("0"), proofback.Decimal("0")
	rapid.Check(t, func(r *rapid.T) {
		i := rapid.IntRange(0, len(list)-1).Draw(r, "statement")
		s, sum := list[i], proofback.Decimal("0")
		for n, l := range b.lines(s) {
			if sum = sum.Add(l.Amount); l.Number != n+1 {
				r.Fatalf("line %d is number %d", n+1, l.Number)
			}
		}
		if !sum.Equal(s.Earned.Add(s.Adjusted)) || !s.Balance().Equal(s.Payable.Add(s.Carried)) {
			r.Fatalf("%s: the lines come to %s: %+v", s.Month(), sum, s)
		}
		if i > 0 && !s.Opening.Equal(list[i-1].Carried) {
			r.Fatalf("%s opens with %s, after %s", s.Month(), s.Opening, list[i-1].Carried)
		}
		payable, left := proofback.Settle(s.Balance(), "400")
		if !payable.Equal(s.Payable) || !left.Equal(s.Carried) {
			r.Fatalf("%+v", s)
		}
	})
	for _, s := range list {
		carried, earned = s.Carried, earned.Add(s.Earned).Add(s.Adjusted)
	}
	report := b.months(b.affiliateActor(), func(in *proofback.ReportInput) {
		in.Range.To, in.Currency = list[2].To, "USD"
	})
	if !report.Totals.Payout.Amount.Equal(earned) {
		t.Errorf("the report says %s, the statements %s, of which %s are carried", report.Totals.Payout.Amount, earned, carried)
	}
	for i, row := range report.Rows {
		if s := list[i]; !row.Metrics.Payout.Amount.Equal(s.Earned.Add(s.Adjusted)) {
			t.Errorf("%s: the report says %s, the statement %s and %s", s.Month(), row.Metrics.Payout.Amount, s.Earned, s.Adjusted)
		}
	}
}

// The proof of a statement goes on from the one before it, has lines of adjustments in its
// digest, and is shown to nobody whose the statement is not.
func TestAStatementIsProven(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.now = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	a.close("2026-02")
	all := a.state()
	last := all[len(all)-1]
	if proof, err := a.store.StatementProof(t.Context(), a.affiliateActor(), last.ID); err != nil || proof != nil {
		t.Errorf("before it is sealed: %v %v", proof, err)
	}
	a.seal(t)
	for i, s := range all {
		proof, err := a.store.StatementProof(t.Context(), a.affiliateActor(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		facts, _, err := proof.Verify(a.sealer.Key.Public)
		if err != nil || len(facts) != 2+i || facts[len(facts)-1]["statement_digest"] != s.Digest {
			t.Errorf("%s: %v %v", s.Month(), facts, err)
		}
	}
	others := []proofback.Actor{a.advertiserActor(), {Role: proofback.RoleAffiliate, AffiliateID: newID(t)}, {}}
	for _, actor := range others {
		if proof, err := a.store.StatementProof(t.Context(), actor, last.ID); err == nil || proof != nil {
			t.Errorf("%s is shown it", actor.Role)
		}
	}
}
