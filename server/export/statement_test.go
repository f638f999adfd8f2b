package export

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestAStatementIsAFileAndAPageForItsAffiliate(t *testing.T) {
	t.Parallel()
	y := newYard(t, 1)
	// The month of its conversion is over for who closes it.
	later := dbtest.Open(t, func(c *db.Config) {
		c.URL = y.store.Pool().Config().ConnString()
		c.Now = func() time.Time { return y.at.AddDate(0, 2, 0) }
	})
	month, _ := proofback.ParseMonth(proofback.MonthName(y.at))
	if _, err := later.ClosePeriod(t.Context(), proofback.System(), month); err != nil {
		t.Fatal(err)
	}
	if made, err := later.MakeStatements(t.Context(), proofback.System()); err != nil || made != 1 {
		t.Fatal(made, err)
	}
	owner := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[0]}
	w, err := y.store.Statements(t.Context(), owner, proofback.StatementFilter{}, proofback.Page{Limit: 1})
	if err != nil || len(w.Items) != 1 {
		t.Fatal(err, w)
	}
	ask := url.Values{"id": {proofback.GlobalID(proofback.KindStatement, w.Items[0].ID)}}
	status, rows := y.get(owner, "/export/statement.csv", ask)
	if status != 200 || len(rows) != 2 || rows[0]["kind"] != "OPENING" || rows[0]["amount"] != "0.00" ||
		rows[1]["kind"] != "CONVERSION" || rows[1]["amount"] != "27.18" || rows[1]["transaction_id"] != "'@tx" {
		t.Errorf("%d %v", status, rows)
	}
	resp := y.ask(owner, "/export/statement.html", ask, "")
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%v, %v", resp.Header, err)
	}
	for _, want := range []string{"Statement " + proofback.MonthName(y.at), "=Blog", "27.18", "@tx", "Socks, &#34;warm&#34;", "</html>"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
	if strings.Contains(string(page), "20.00") {
		t.Error("the page tells the revenue")
	}
	y.provesIt(owner, later, ask)
	for _, tt := range []struct {
		actor  proofback.Actor
		query  url.Values
		status int
	}{
		{nobody, ask, 401},
		{proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[1]}, ask, 404},
		{proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: y.advertiser}, ask, 404},
		{staff, url.Values{"id": {proofback.GlobalID(proofback.KindStatement, uuid.New())}}, 404},
		{staff, nil, 400},
		{staff, url.Values{"id": {"x"}}, 400},
		{staff, ask, 200},
	} {
		for _, path := range []string{"/export/statement.csv", "/export/statement.html", "/export/statement-proof.json"} {
			resp := y.ask(tt.actor, path, tt.query, "")
			_ = resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("%s %s: %d, want %d", path, tt.actor.Role, resp.StatusCode, tt.status)
			}
		}
	}
}

// provesIt fetches the proof of a statement when it is sealed, and holds the CSV against it.
func (y *yard) provesIt(owner proofback.Actor, store *db.Store, ask url.Values) {
	y.t.Helper()
	body := func(path string, want int) []byte {
		resp := y.ask(owner, path, ask, "")
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			y.t.Fatalf("%s: %d %s %v", path, resp.StatusCode, text, err)
		}
		return text
	}
	body("/export/statement-proof.json", 503) // it is not sealed yet
	key, err := proofback.NewLedgerKey(proofback.LedgerOrigin("test"), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		y.t.Fatal(err)
	}
	if _, err := store.Seal(y.t.Context(), proofback.System(), &db.LedgerSealer{Key: key}); err != nil {
		y.t.Fatal(err)
	}
	proof, err := proofback.ParseProof(body("/export/statement-proof.json", 200))
	if err != nil {
		y.t.Fatal(err)
	}
	facts, _, err := proof.Verify(key.Public)
	if err != nil || len(facts) != 2 || facts[0]["kind"] != "period_close" || facts[0]["by_user"] != "" {
		y.t.Fatal(facts, err)
	}
	file, err := proofback.ReadStatementFile(bytes.NewReader(body("/export/statement.csv", 200)))
	if err == nil {
		err = file.Check(facts[1])
	}
	if err != nil {
		y.t.Error(err)
	}
}
