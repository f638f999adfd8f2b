package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// An affiliate fetches the proof of its conversion, checks it without us, and finds
// out when it was touched; the network finds out what was done to the database.
func TestAnAffiliateProvesWhatItWasPromised(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, database := startOnNewDatabase(t, "PROOFBACK_DATA_DIR="+folder)
	click := p.clickOnce()
	if status, text := p.get("/postback?" + url.Values{
		"click_id": {click}, "event_type": {"sale"}, "txid": {"PROVEN-1"}, "amount": {"49.90"}, "currency": {"EUR"},
	}.Encode()); status != 200 || !strings.Contains(text, "ACCEPTED") {
		t.Fatal(status, text)
	}
	fjell := p.signIn("fjell@demo.example")
	var document string
	eventually(t, "a proof", func() bool {
		var got struct {
			Conversions struct {
				Edges []struct {
					Node struct{ Proof *struct{ Document string } }
				}
			}
		}
		p.graphql(fjell, `{ conversions(first: 1, filter: {transactionId: "PROVEN-1"}) { edges { node { proof { document } } } } }`, nil, &got)
		if len(got.Conversions.Edges) == 1 && got.Conversions.Edges[0].Node.Proof != nil {
			document = got.Conversions.Edges[0].Node.Proof.Document
		}
		return document != ""
	})
	file := filepath.Join(t.TempDir(), "proof.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	_, key := p.get("/ledger/key")
	verify := []string{"verify", "proof", file, "--key", strings.TrimSpace(key)}
	code, out, stderr := runToEnd(t, verify)
	if code != 0 || !strings.Contains(out, "The proof holds") || !strings.Contains(out, `payout: "4.49"`) || strings.Contains(out, "revenue") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(document, "4.49", "44.9", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = runToEnd(t, verify); code != 1 || !strings.Contains(stderr, "payout is not the value that was sealed") {
		t.Errorf("a payout made larger: %d %s", code, stderr)
	}

	if status, text := p.get("/ledger/checkpoint"); status != 200 || !strings.Contains(text, "\n\n— proofback.ledger/") {
		t.Errorf("%d %s", status, text)
	}
	for path, want := range map[string]int{"0/000.p/1": 200, "0/x999/999": 404, "0/-1": 404, "x": 404, "data/000": 404} {
		if status, text := p.get("/ledger/tile/" + path); status != want || want == 200 && len(text) != 32 {
			t.Errorf("tile %s: %d, %d bytes", path, status, len(text))
		}
	}
	if status, text := p.get("/ledger"); status != 200 || !strings.Contains(text, "What it cannot prove") {
		t.Errorf("%d %s", status, text)
	}

	p.stop()
	settings := onDatabase(database, "PROOFBACK_DATA_DIR="+folder)
	if code, out, stderr = runToEnd(t, []string{"verify", "ledger"}, settings...); code != 0 || !strings.Contains(out, ": 0 differences") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `UPDATE conversions SET payout = 0.01 WHERE txid = 'PROVEN-1'`); err != nil {
		t.Fatal(err)
	}
	if code, out, _ = runToEnd(t, []string{"verify", "ledger"}, settings...); code != 1 || strings.Count(out, "is not what the ledger has") != 1 {
		t.Errorf("%d %s", code, out)
	}
}

// An affiliate checks the file of a statement with its proof, on a machine that knows
// nothing but the ledger's key.
func TestAStatementIsCheckedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	key, err := proofback.NewLedgerKey(proofback.LedgerOrigin("test"), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(proofback.StatementColumns, ",") + "\n0,OPENING,,,,,,,,,0.00,EUR,,\n" +
		"1,CONVERSION,," + proofback.GlobalID(proofback.KindConversion, uuid.New()) + ",,sale,,,20.00,EUR,20.00,EUR,,\n"
	file, err := proofback.ReadStatementFile(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	month, _ := proofback.ParseMonth("2026-01")
	s := &proofback.Statement{
		ID: uuid.New(), PeriodID: uuid.New(), AffiliateID: uuid.New(), TimeRange: month, Currency: "EUR", Opening: "0", Earned: "20", Adjusted: "0",
		Payable: "20", Carried: "0", Minimum: "0", Lines: 1, Digest: file.Digest, MadeAt: month.To,
	}
	entry := s.Entry(proofback.Salt{1})
	checkpoint, err := key.Sign(1, entry.LeafHash())
	if err != nil {
		t.Fatal(err)
	}
	proven := proofback.ProvenEntry{Entry: string(entry.Canonical)}
	proven.Open(s.Openings(proofback.Salt{1}))
	document, err := json.Marshal(proofback.NewStatementProof(s.ID, []proofback.ProvenEntry{proven}, checkpoint.Note))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	verify := []string{"verify", "proof", write("proof.json", string(document)), "--key", key.Public, "--statement"}
	for _, tt := range []struct {
		file, out, stderr string
		code              int
	}{
		{write("statement.csv", text), "The statement holds: its 1 lines are those of 2026-01 in the ledger, and come to 20 EUR, of which 20 are paid and 0 carried.", "", 0},
		{write("less.csv", strings.Replace(text, "EUR,20.00", "EUR,19.00", 1)), "The proof holds", `the statement is not the one in the ledger: its earned is "19", the ledger has "20"`, 1},
		{write("other.csv", "a,b\n1,2\n"), "The proof holds", "the statement cannot be read: not the CSV of a statement", 1},
		{filepath.Join(folder, "none.csv"), "The proof holds", "no such file", 1},
	} {
		if code, out, stderr := runToEnd(t, append(verify, tt.file)); code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: %d %s %s", tt.file, code, out, stderr)
		}
	}
}
