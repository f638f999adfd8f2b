package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const reconciliation = `query($id: ID!) { node(id: $id) { ... on Reconciliation {
	id status progress error lineCount badLineCount badLines { line problem }
	summary { kind count difference { amount currency } }
	items(first: 50) { edges { node { number kind transactionId detail platform { id status } advertiserRow { line raw } } } }
} } }`

// compared is what the API tells of a reconciliation.
type compared struct {
	Node struct {
		ID, Status, Error       string
		LineCount, BadLineCount int
		BadLines                []struct{ Line int }
		Summary                 []struct {
			Kind       string
			Count      int
			Difference *struct{ Amount, Currency string }
		}
		Items struct {
			Edges []struct {
				Node struct {
					Number                      int
					Kind, TransactionID, Detail string
					Platform                    *struct{ ID, Status string }
				}
			}
		}
	}
}

// done waits until a reconciliation is compared.
func (p *process) done(token, id string) (c compared) {
	p.t.Helper()
	eventually(p.t, "compared", func() bool {
		c = compared{}
		p.graphql(token, reconciliation, map[string]any{"id": id}, &c)
		return c.Node.Status == "DONE" || c.Node.Status == "FAILED"
	})
	return c
}

func (c *compared) item(t *testing.T, txid string) (number int, kind, detail string) {
	t.Helper()
	for _, e := range c.Node.Items.Edges {
		if e.Node.TransactionID == txid {
			return e.Node.Number, e.Node.Kind, e.Node.Detail
		}
	}
	t.Fatalf("%s is not among %+v", txid, c.Node.Items.Edges)
	return 0, "", ""
}

// adjusts takes over the amounts that differ, and gives the answer.
func (p *process) adjusts(token, id string, dryRun bool) string {
	p.t.Helper()
	var got struct{ CorrectReconciliation json.RawMessage }
	p.graphql(token, `mutation($in: CorrectReconciliationInput!) { correctReconciliation(input: $in) {
		corrected adjusted { number conversion { transactionId } amount { amount currency } payout { amount currency } revenue { amount currency } monthClosed }
		payoutDifference { amount currency } revenueDifference { amount currency } refused { message } userErrors { message }
	} }`, map[string]any{"in": map[string]any{"id": id, "action": "ADJUST", "kinds": []string{"AMOUNT_DIFFERS"}, "reason": "agreed", "dryRun": dryRun}}, &got)
	return string(got.CorrectReconciliation)
}

// Finance sends the advertiser's list, sees what differs and why, corrects it, and
// the next comparison agrees.
func TestFinanceReconcilesInOneSitting(t *testing.T) {
	t.Parallel()
	var list atomic.Value
	list.Store("")
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		_, _ = fmt.Fprint(w, list.Load())
	}))
	t.Cleanup(feed.Close)
	p, database := startOnNewDatabase(t, "PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8")
	manager, fjell := p.signIn("manager@demo.example"), p.signIn("fjell@demo.example")
	var advertiser string
	clicks := map[string]string{}
	for _, txid := range []string{"R-1", "R-2", "R-3"} {
		clicks[txid] = p.clickOnce()
	}
	for txid, event := range map[string]string{"R-1": "sale", "R-2": "sale", "R-3": "nonsense"} {
		p.get("/postback?" + url.Values{"click_id": {clicks[txid]}, "event_type": {event}, "txid": {txid}, "amount": {"40"}, "currency": {"EUR"}}.Encode())
	}
	var found struct {
		Conversions struct {
			Edges []struct {
				Node struct{ Advertiser struct{ ID string } }
			}
		}
	}
	p.graphql(manager, `{ conversions(first: 1, filter: {transactionId: "R-1"}) { edges { node { advertiser { id } } } } }`, nil, &found)
	advertiser = found.Conversions.Edges[0].Node.Advertiser.ID

	now := time.Now().UTC()
	at := now.Format("2006-01-02 15:04:05Z07:00")
	text := "order_id,click,event,amount,currency,date\n" +
		"R-1,,sale,40.00,EUR," + at + "\n" +
		"R-2,,sale,42.00,EUR," + at + "\n" +
		"R-3," + clicks["R-3"] + ",sale,40.00,EUR," + at + "\n" +
		"R-9,,sale,1.00,EUR," + at + "\n" +
		"R-1,,sale,40.00,EUR," + at + "\n" +
		"R-8,,sale,nought,EUR," + at + "\n"
	list.Store(text)
	send := func(token, body, contentType string) (int, string) {
		target := p.url + "/reconciliations?" + url.Values{
			"advertiser": {advertiser}, "from": {now.Add(-time.Minute).Format(time.RFC3339)}, "to": {now.Add(time.Hour).Format(time.RFC3339)},
		}.Encode()
		return fetch(t, http.MethodPost, target, strings.NewReader(body), http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {contentType}})
	}
	for _, tt := range []struct {
		token, body, contentType string
		want                     int
	}{
		{"", text, "text/csv", 401}, {fjell, text, "text/csv", 403}, {manager, text, "image/png", 400}, {manager, "a,b\n1,2\n", "text/csv", 400}, {manager, "", "text/csv", 400},
	} {
		if status, answer := send(tt.token, tt.body, tt.contentType); status != tt.want || tt.token != "" && !strings.Contains(answer, `"message"`) {
			t.Errorf("%d %s, want %d", status, answer, tt.want)
		}
	}
	status, answer := send(manager, text, "text/csv; charset=utf-8")
	if status != http.StatusAccepted {
		t.Fatal(status, answer)
	}
	id := strings.Split(answer, `"`)[3]
	c := p.done(manager, id)
	if c.Node.Status != "DONE" || c.Node.LineCount != 6 || c.Node.BadLineCount != 1 || len(c.Node.BadLines) != 1 || c.Node.BadLines[0].Line != 7 {
		t.Fatalf("%+v", c.Node)
	}
	for txid, want := range map[string][2]string{
		"R-2": {"AMOUNT_DIFFERS", "they say 42.00 EUR, we have 40 EUR"},
		"R-3": {"MISSING_HERE", "its postback was refused as UNKNOWN_EVENT"},
		"R-9": {"MISSING_HERE", "no postback about it ever arrived"},
	} {
		if _, kind, detail := c.item(t, txid); kind != want[0] || !strings.HasPrefix(detail, want[1]) {
			t.Errorf("%s: %s %q, want %v", txid, kind, detail, want)
		}
	}
	kinds := ""
	for _, s := range c.Node.Summary {
		if s.Kind != "MISSING_THERE" { // the demo's own sales of this minute
			kinds += fmt.Sprintf("%s %d;", s.Kind, s.Count)
		}
	}
	if kinds != "AMOUNT_DIFFERS 1;DUPLICATE_THERE 1;MISSING_HERE 2;MATCHED 1;" {
		t.Error(kinds)
	}
	var hidden compared
	p.graphql(fjell, reconciliation, map[string]any{"id": id}, &hidden)
	if hidden.Node.ID != "" {
		t.Error("an affiliate sees it")
	}

	number, _, _ := c.item(t, "R-3")
	correct := func(dryRun bool) (corrected, refused int) {
		var got struct {
			CorrectReconciliation struct {
				Corrected, RefusedCount int
				UserErrors              []struct{ Message string }
			}
		}
		p.graphql(manager, `mutation($in: CorrectReconciliationInput!) { correctReconciliation(input: $in) { corrected refusedCount refused { number message } userErrors { message } } }`,
			map[string]any{"in": map[string]any{"id": id, "action": "IMPORT", "kinds": []string{"MISSING_HERE"}, "reason": "their list has it", "dryRun": dryRun}}, &got)
		if len(got.CorrectReconciliation.UserErrors) > 0 {
			t.Fatal(got)
		}
		return got.CorrectReconciliation.Corrected, got.CorrectReconciliation.RefusedCount
	}
	count := `SELECT count(*) FROM conversions WHERE txid = 'R-3'`
	if done, refused := correct(true); done != 1 || refused != 1 || queryInt(t, database, count) != 0 {
		t.Errorf("a dry run: %d corrected, %d refused", done, refused)
	}
	if done, refused := correct(false); done != 1 || refused != 1 || queryInt(t, database, count) != 1 {
		t.Errorf("%d corrected, %d refused (item %d)", done, refused, number)
	}
	if status, file := fetch(t, http.MethodGet, p.url+"/export/reconciliation.csv?id="+id, nil, http.Header{"Authorization": {"Bearer " + manager}}); status != 200 || strings.Count(file, "\r\n") < 7 || !strings.Contains(file, "UNREADABLE,7,") {
		t.Errorf("%d\n%s", status, file)
	}

	// The sale that is another is taken over with what follows from it, and then agrees.
	for _, dryRun := range []bool{true, false} {
		got := p.adjusts(manager, id, dryRun)
		if !strings.Contains(got, `"amount":{"amount":"2.00","currency":"EUR"},"payout":{"amount":"0.18","currency":"EUR"},"revenue":{"amount":"0.26","currency":"EUR"},"monthClosed":false`) ||
			!strings.Contains(got, `"payoutDifference":[{"amount":"0.18","currency":"EUR"}],"revenueDifference":[{"amount":"0.26","currency":"EUR"}]`) {
			t.Errorf("dry run %v: %s", dryRun, got)
		}
	}
	if got := p.adjusts(manager, id, false); !strings.Contains(got, `"corrected":0,`) || !strings.Contains(got, "adjusted by this item already") {
		t.Error(got)
	}
	_, answer = send(manager, text, "text/csv")
	again := p.done(manager, strings.Split(answer, `"`)[3])
	if _, kind, _ := again.item(t, "R-2"); kind != "MATCHED" {
		t.Errorf("the sale that was adjusted is %s", kind)
	}

	// The same list by a feed, now that it is corrected.
	var set struct {
		SetReconciliationFeed struct {
			Feed       *struct{ ID, URL string }
			UserErrors []struct{ Message string }
		}
	}
	p.graphql(manager, `mutation($in: SetReconciliationFeedInput!) { setReconciliationFeed(input: $in) { feed { id url } userErrors { message } } }`,
		map[string]any{"in": map[string]any{"advertiserId": advertiser, "url": feed.URL + "/list.csv?token=verysecret", "format": "CSV", "schedule": "30 6 * * *"}}, &set)
	if set.SetReconciliationFeed.Feed == nil || strings.Contains(set.SetReconciliationFeed.Feed.URL, "verysecret") {
		t.Fatalf("%+v", set)
	}
	queryInt(t, database, `WITH f AS (UPDATE reconciliation_feeds SET next_run_at = now() RETURNING 1) SELECT count(*) FROM f`)
	queryInt(t, database, `WITH j AS (INSERT INTO river_job (kind, args, queue, max_attempts, state) VALUES ('due_feeds', '{}', 'upkeep', 5, 'available') RETURNING 1) SELECT count(*) FROM j`)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.said.String())
		}
	})
	eventually(t, "fetched", func() bool {
		return queryInt(t, database, `SELECT count(*) FROM reconciliations AS r JOIN reconciliation_feeds AS f ON f.last_run = r.id AND f.etag = '"1"' WHERE r.status = 'DONE'`) == 1
	})
	// A feed compares whole days up to today, so today's events are outside of it.
	if n := queryInt(t, database, `SELECT count(*) FROM reconciliation_items AS i JOIN reconciliation_feeds AS f ON f.last_run = i.reconciliation_id WHERE i.kind = 'OUTSIDE_PERIOD'`); n != 5 {
		t.Errorf("%d lines are outside of the feed's days", n)
	}
	// The list is the same the next time: it is not sent, and compared anew.
	queryInt(t, database, `WITH f AS (UPDATE reconciliation_feeds SET next_run_at = now() RETURNING 1) SELECT count(*) FROM f`)
	queryInt(t, database, `WITH j AS (INSERT INTO river_job (kind, args, queue, max_attempts, state) VALUES ('due_feeds', '{}', 'upkeep', 5, 'available') RETURNING 1) SELECT count(*) FROM j`)
	eventually(t, "compared anew", func() bool {
		return queryInt(t, database, `
			SELECT count(*)
			FROM reconciliations AS r
			JOIN reconciliation_feeds AS f ON f.last_run = r.id AND f.etag = '"1"'
			WHERE r.status = 'DONE'
			AND r.lines = 6
			AND r.bad_lines = 1
			AND (SELECT count(*) FROM reconciliations WHERE source = r.source) = 2`) == 1
	})
	if strings.Contains(p.said.String(), "verysecret") {
		t.Error("the feed's secret is in the log")
	}
}
