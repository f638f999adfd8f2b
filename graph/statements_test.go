package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// counter counts what is sent to Postgres.
type counter struct{ atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if !strings.HasPrefix(q.SQL, "NOTIFY") { // which goes out when it likes
		c.Add(1)
	}
	return ctx
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (*counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) { c.Add(1) }

func (*counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// oneThing are the operations that are about one thing each, however many there are.
var oneThing = []string{
	"SignIn", "RefreshSession", "SignOut", "Viewer",
	"CreateAdvertiser", "UpdateAdvertiser", "RotateAdvertiserSecret", "CreateAffiliate", "CreateUser",
	"CreateOffer", "UpdateOffer", "SetPayout", "RequestOfferAccess", "DecideOfferAccess", "CreateTrackingLink",
	"CreateAffiliatePostback", "TestAffiliatePostback", "AuditRedirects", "SetReconciliationFeed",
	"ConversionChanges", // each change is an operation of its own
}

// page is an operation that shows rows, by who asks for one of them and for a hundred.
type page struct {
	operation string
	one, many vars
	rows      []any // where its list is
}

// TestAHundredRowsCostTheStatementsOfOne runs every operation of partner UIs.
func TestAHundredRowsCostTheStatementsOfOne(t *testing.T) {
	t.Parallel()
	sent := &counter{}
	w := newTenants(t, func(c *db.Config) { c.Tracer = sent })
	story := w.multiply(t)
	few, many := w.own, w.foreign // tenants with one row of everything, and with a hundred

	of := func(n *tenant) vars {
		return vars{"first": 100, "filter": vars{"affiliateId": n.ids[proofback.KindAffiliate]}}
	}
	ofShop := func(n *tenant) vars {
		return vars{"first": 100, "filter": vars{"advertiserId": n.ids[proofback.KindAdvertiser]}}
	}
	report := func(n *tenant) vars {
		return vars{"input": vars{
			"from": time.Now().Add(-time.Hour).Format(time.RFC3339), "to": time.Now().Add(time.Hour).Format(time.RFC3339),
			"groupBy": []string{"OFFER", "AFFILIATE", "ADVERTISER", "GOAL"}, "first": 100,
			"filter": vars{"affiliateIds": []string{n.ids[proofback.KindAffiliate]}},
		}}
	}
	pages := []page{
		{"Offers", ofShop(few), ofShop(many), []any{"offers", "edges"}},
		{"Clicks", of(few), of(many), []any{"clicks", "edges"}},
		{"Conversions", of(few), of(many), []any{"conversions", "edges"}},
		{"Postbacks", ofShop(few), ofShop(many), []any{"postbacks", "edges"}},
		{"Deliveries", of(few), of(many), []any{"deliveries", "edges"}},
		{"Trace", vars{"by": vars{"clickId": few.click}}, vars{"by": vars{"clickId": story}}, []any{"trace", "conversions"}},
		{"Report", report(few), report(many), []any{"report", "rows"}},
		{"Diagnostics", vars{"filter": ofShop(few)["filter"]}, vars{"filter": ofShop(many)["filter"]}, []any{"diagnostics"}},
		{
			"ExchangeRates",
			vars{"date": "1999-01-04", "base": "EUR"},
			vars{"date": time.Now().UTC().Format(time.DateOnly), "base": "EUR"},
			[]any{"exchangeRates"},
		},
	}
	list := func(n *tenant) vars { return vars{"id": n.ids[proofback.KindReconciliation]} }
	pages = append(pages, page{"Reconciliation", list(few), list(many), []any{"node", "items", "edges"}})
	tested := map[string]bool{}
	for _, p := range pages {
		tested[p.operation] = true
		for role, actors := range map[string][2]proofback.Actor{
			"staff":       {manager, manager},
			"affiliates":  {few.affiliate, many.affiliate},
			"advertisers": {few.advertiser, many.advertiser},
		} {
			if p.operation == "Reconciliation" && role == "affiliates" {
				continue // they see none
			}
			t.Run(p.operation+" as "+role, func(t *testing.T) { w.compare(t, sent, p, actors) })
		}
	}
	for _, operation := range []string{"RetryDeliveries", "ApproveConversions", "RejectConversions", "ReplayPostbacks"} {
		tested[operation] = true
		t.Run(operation, func(t *testing.T) { w.compareChanges(t, sent, operation) })
	}
	for _, op := range loadOperations(t).Operations {
		if !tested[op.Name] && !slices.Contains(oneThing, op.Name) {
			t.Errorf("%s: nobody counts what its rows cost", op.Name)
		}
	}
}

// compare asks for one row and for a hundred. What is only read anew each minute may
// fall to either of the two, so there is a second try; a relation that is not gathered
// costs more in both.
func (w *tenants) compare(t *testing.T, sent *counter, p page, actors [2]proofback.Actor) {
	t.Helper()
	cost := func(actor proofback.Actor, v vars) (rows int, statements int64) {
		before := sent.Load()
		got := w.must(actor, p.operation, v)
		statements = sent.Load() - before
		list, _ := got.at(p.rows...).([]any)
		return len(list), statements
	}
	var rows, more int
	var one, many int64
	for range 2 {
		rows, one = cost(actors[0], p.one)
		more, many = cost(actors[1], p.many)
		if one == many {
			break
		}
	}
	if one != many {
		t.Errorf("%d statements for %d rows, and %d for %d", one, rows, many, more)
	}
	hidden := p.operation == "Deliveries" && actors[0].Role == proofback.RoleAdvertiser
	enough := 90
	if p.operation == "Reconciliation" {
		enough = 50 // as many as it asks for
	}
	if !hidden && (more < enough || rows > 2) && p.operation != "Diagnostics" && p.operation != "ExchangeRates" {
		t.Errorf("%d rows, and %d: that compares nothing", rows, more)
	}
}

// compareChanges has staff change one thing and a hundred of its kind.
func (w *tenants) compareChanges(t *testing.T, sent *counter, operation string) {
	t.Helper()
	query := map[string]string{
		"ApproveConversions": `SELECT id FROM conversions WHERE affiliate_id = $1 AND NOT test ORDER BY id LIMIT 100`,
		"RejectConversions":  `SELECT id FROM conversions WHERE affiliate_id = $1 AND NOT test ORDER BY id LIMIT 100`,
		"ReplayPostbacks":    `SELECT id FROM postbacks WHERE affiliate_id = $1 AND result = 'accepted' AND replay_of IS NULL ORDER BY id LIMIT 100`,
		"RetryDeliveries":    `SELECT id FROM deliveries WHERE affiliate_id = $1 AND status = 'FAILED' ORDER BY id LIMIT 100`,
	}[operation]
	kind := map[string]proofback.Kind{
		"ApproveConversions": proofback.KindConversion, "RejectConversions": proofback.KindConversion,
		"ReplayPostbacks": proofback.KindPostback, "RetryDeliveries": proofback.KindDelivery,
	}[operation]
	var rows [2]int
	var statements [2]int64
	for i, n := range []*tenant{w.own, w.foreign} {
		ids := w.keys(kind, query, n.affiliate.AffiliateID)
		input := vars{"ids": ids}
		if operation == "RejectConversions" {
			input["reason"] = "returned"
		}
		before := sent.Load()
		w.must(manager, operation, vars{"input": input})
		rows[i], statements[i] = len(ids), sent.Load()-before
	}
	// What is only read anew each minute, such as which partitions there are, falls to
	// one of the two; a change cannot be tried again for that.
	const seldom = 2
	if rows[0] != 1 || rows[1] < 90 || statements[1] > statements[0]+seldom {
		t.Errorf("%d statements for %d rows, and %d for %d", statements[0], rows[0], statements[1], rows[1])
	}
}

// keys are the global ids of what a query finds.
func (w *tenants) keys(kind proofback.Kind, query string, args ...any) []string {
	w.t.Helper()
	rows, err := w.store.Pool().Query(w.t.Context(), query, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		w.t.Fatal(err)
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = proofback.GlobalID(kind, id)
	}
	return list
}

// multiply gives the foreign tenant ninety-nine offers more, each with what comes of
// a click, and the click of a long story.
func (w *tenants) multiply(t *testing.T) (story string) {
	t.Helper()
	n := w.foreign
	w.shop, w.blog = n.ids[proofback.KindAdvertiser], n.ids[proofback.KindAffiliate]
	for i := range 99 {
		name := fmt.Sprint(foreignMark, " offer ", i)
		w.public = w.must(manager, "CreateOffer", vars{"input": w.offer(name, "PUBLIC")}).id("createOffer", "offer", "id")
		w.links[w.blog] = w.must(n.affiliate, "CreateTrackingLink", vars{"input": vars{"offerId": w.public, "name": name}}).id("createTrackingLink", "trackingLink", "id")
		click := w.click(w.blog)
		w.sale(click, name)
		w.postback(click, "event_type=unknown&txid="+fmt.Sprint("unknown", i))
	}
	story = w.click(w.blog)
	for i := range 99 {
		w.sale(story, fmt.Sprint("story", i))
	}
	if _, err := w.store.LoadShippedRates(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, duration, error)
			SELECT id, affiliate_id, 1, created_at, 'https://blog.example/', 'TIMEOUT', '10 s', '' FROM deliveries ON CONFLICT DO NOTHING`,
		`UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL, attempts = 1`,
		`INSERT INTO reconciliation_items (reconciliation_id, n, kind, line, conversion_id, suggested_id, txid, detail)
			SELECT r.id, 1 + row_number() OVER (ORDER BY c.id), 'MATCHED', 1, c.id, c.id, c.txid, ''
			FROM reconciliations AS r
			JOIN conversions AS c ON c.advertiser_id = r.advertiser_id
			WHERE c.txid LIKE 'story%'`,
	} {
		if _, err := w.store.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return story
}
