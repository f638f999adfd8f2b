package main_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
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
