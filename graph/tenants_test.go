package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// foreignMark is in every name, URL and transaction id of the foreign tenant.
const foreignMark = "FOREIGN"

// tenant is an advertiser and an affiliate who work with each other and with nobody
// else, with a row of everything that there can be.
type tenant struct {
	affiliate, advertiser proofback.Actor
	ids                   map[proofback.Kind]string
	click                 string // as its advertiser got it
	txid                  string
	request               string // the request id of its postback
}

// tenants is a network of two tenants.
type tenants struct {
	*loop
	own, foreign *tenant
}

// idle enqueues nothing.
type idle struct{}

func (idle) EnqueueDeliveries(context.Context, pgx.Tx, []db.DeliveryKey) error { return nil }
func (idle) EnqueuePlan(context.Context, pgx.Tx, db.Plan) error                { return nil }
func (idle) EnqueueLooks(context.Context, pgx.Tx, []uuid.UUID) error           { return nil }

func newTenants(t testing.TB, change ...func(*db.Config)) *tenants {
	t.Helper()
	w := &tenants{loop: &loop{market: &market{api: newAPI(t, change...)}, links: map[string]string{}}}
	w.store.SetEnqueuer(idle{})
	w.own, w.foreign = w.tenant("Own"), w.tenant(foreignMark)
	return w
}

func (w *tenants) tenant(name string) *tenant {
	w.t.Helper()
	n := &tenant{ids: map[proofback.Kind]string{}}
	ids := n.ids
	add := func(kind proofback.Kind, mutation, payload, object string, input vars) *answer {
		w.t.Helper()
		made := w.must(manager, mutation, vars{"input": input})
		ids[kind] = made.id(payload, object, "id")
		return made
	}
	add(proofback.KindAdvertiser, "CreateAdvertiser", "createAdvertiser", "advertiser", vars{"name": name + " shop"})
	add(proofback.KindAffiliate, "CreateAffiliate", "createAffiliate", "affiliate", vars{"name": name + " blog"})
	n.advertiser, n.affiliate = actorOf(w.t, ids[proofback.KindAdvertiser]), actorOf(w.t, ids[proofback.KindAffiliate])
	add(proofback.KindUser, "CreateUser", "createUser", "user", vars{
		"email": name + "@shop.example", "password": "long enough", "role": "ADVERTISER", "advertiserId": ids[proofback.KindAdvertiser],
	})
	n.advertiser.UserID = key(w.t, ids[proofback.KindUser])
	add(proofback.KindUser, "CreateUser", "createUser", "user", vars{
		"email": name + "@blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": ids[proofback.KindAffiliate],
	})
	n.affiliate.UserID = key(w.t, ids[proofback.KindUser])

	w.keyOf(n.advertiser, name)
	ids[proofback.KindAuditEntry] = w.do(admin, `query($id: ID!) { auditLog(first: 1, filter: {objectId: $id}) { edges { node { id } } } }`, vars{"id": ids[proofback.KindUser]}).
		id("auditLog", "edges", 0, "node", "id")
	ids[proofback.KindAPIKey] = w.keyOf(n.affiliate, name)

	w.shop, w.blog = ids[proofback.KindAdvertiser], ids[proofback.KindAffiliate]
	offer := w.offer(name+" offer", "PRIVATE")
	offer["landingUrl"] = "https://shop.example/" + name + "?cid={click_id}"
	ids[proofback.KindGoal] = add(proofback.KindOffer, "CreateOffer", "createOffer", "offer", offer).id("createOffer", "offer", "goals", 0, "id")
	w.public = ids[proofback.KindOffer] // what click is on
	w.must(manager, "DecideOfferAccess", vars{"input": vars{"offerId": w.public, "affiliateId": w.blog, "status": "APPROVED"}})
	ids[proofback.KindOfferAccess] = w.firstID("offerAccesses", vars{"affiliateId": w.blog}, "OfferAccessFilter")
	add(proofback.KindTrackingLink, "CreateTrackingLink", "createTrackingLink", "trackingLink", vars{"offerId": w.public, "affiliateId": w.blog, "name": name})
	w.links[w.blog] = ids[proofback.KindTrackingLink]
	add(proofback.KindAffiliatePostback, "CreateAffiliatePostback", "createAffiliatePostback", "affiliatePostback", vars{
		"affiliateId": w.blog, "urlTemplate": "https://blog.example/" + name + "?s={status}",
	})
	if err := w.setup.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.happened(n, name)
	return n
}

// keyOf makes an API key of a partner's.
func (w *tenants) keyOf(actor proofback.Actor, name string) string {
	w.t.Helper()
	made := w.do(actor, `mutation($name: String!) { createApiKey(input: {name: $name}) { apiKey { id } } }`, vars{"name": name})
	return made.id("createApiKey", "apiKey", "id")
}

// happened adds what visitors, postbacks and jobs leave.
func (w *tenants) happened(n *tenant, name string) {
	w.t.Helper()
	n.click, n.txid = w.click(w.blog), name+"-1"
	p := w.postback(n.click, "event_type=sale&txid="+n.txid)
	w.postback(n.click, "event_type=unknown&txid="+n.txid)
	n.request = p.ID.String()
	n.ids[proofback.KindConversion] = proofback.GlobalID(proofback.KindConversion, p.ConversionID)
	n.ids[proofback.KindPostback] = proofback.GlobalID(proofback.KindPostback, p.ID)
	n.ids[proofback.KindClick] = w.firstID("clicks", vars{"clickId": n.click}, "ClickFilter")
	n.ids[proofback.KindDelivery] = w.firstID("deliveries", vars{"affiliateId": w.blog}, "DeliveryFilter")
	n.ids[proofback.KindRedirectAudit] = w.must(manager, "AuditRedirects", vars{"input": vars{"offerId": w.public}}).id("auditRedirects", "audit", "id")
	test := w.do(manager, `mutation($offer: ID!) { testIntegration(input: {offerId: $offer}) { integrationTest { id } } }`, vars{"offer": w.public})
	n.ids[proofback.KindIntegrationTest] = test.id("testIntegration", "integrationTest", "id")

	now := time.Now().UTC()
	affiliate, delivery := key(w.t, w.blog), key(w.t, n.ids[proofback.KindDelivery])
	notice := uuid.Must(uuid.NewV7())
	n.ids[proofback.KindNotice] = proofback.GlobalID(proofback.KindNotice, notice)
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{
			`INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, duration, error) VALUES ($1, $2, 1, $3, $4, 'TIMEOUT', '10 s', $4)`,
			[]any{delivery, affiliate, now, "https://blog.example/" + name},
		},
		{`UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL, attempts = 1 WHERE id = $1`, []any{delivery}},
		{
			`INSERT INTO notices (id, affiliate_id, destination_id, kind, message, at) VALUES ($1, $2, $3, 'STOPPED', $4, $5)`,
			[]any{notice, affiliate, key(w.t, n.ids[proofback.KindAffiliatePostback]), name, now},
		},
	} {
		if _, err := w.store.Pool().Exec(w.t.Context(), s.sql, s.args...); err != nil {
			w.t.Fatalf("%s: %v", s.sql, err)
		}
	}
	w.compared(n, name, now)
	w.verified(n, name, now)
	w.disputed(n, name)
	w.stated(n, name, now)
	w.saved(n, name, now)
	click := key(w.t, n.ids[proofback.KindClick])
	err := w.store.RecordPixelSignals(w.t.Context(), []proofback.PixelSignal{{ID: uuid.Must(uuid.NewV7()), At: now, ClickID: click, EventType: name, TxID: n.txid}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// compared adds a list of the advertiser's that was compared.
func (w *tenants) compared(n *tenant, name string, now time.Time) {
	w.t.Helper()
	list, conversion := uuid.Must(uuid.NewV7()), key(w.t, n.ids[proofback.KindConversion])
	n.ids[proofback.KindReconciliation] = proofback.GlobalID(proofback.KindReconciliation, list)
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{
			`INSERT INTO reconciliations (id, advertiser_id, source, status, range_from, range_to, created_at, finished_at) VALUES ($1, $2, $3, 'DONE', $4, $4, $4, $4)`,
			[]any{list, n.advertiser.AdvertiserID, "https://shop.example/" + name, now},
		},
		{`INSERT INTO reconciliation_rows (reconciliation_id, line, raw, problem, txid) VALUES ($1, 1, $2, '', $2)`, []any{list, n.txid}},
		{
			`INSERT INTO reconciliation_items (reconciliation_id, n, kind, line, conversion_id, suggested_id, txid, detail) VALUES ($1, 1, 'MATCHED', 1, $2, $2, $3, $3)`,
			[]any{list, conversion, n.txid},
		},
		{`INSERT INTO reconciliation_summary (reconciliation_id, kind, count) VALUES ($1, 'MATCHED', 1)`, []any{list}},
	} {
		if _, err := w.store.Pool().Exec(w.t.Context(), s.sql, s.args...); err != nil {
			w.t.Fatalf("%s: %v", s.sql, err)
		}
	}
}

// saved adds a report that the affiliate's user has kept, and that was made once.
func (w *tenants) saved(n *tenant, name string, now time.Time) {
	w.t.Helper()
	report, err := w.store.CreateSavedReport(w.t.Context(), n.affiliate, proofback.SavedReport{
		Name: name, Format: proofback.ReportCSV, TimeZone: "UTC", Schedule: "30 6 * * *",
		Query: proofback.SavedQuery{Period: proofback.PeriodYesterday, Basis: proofback.BasisEvent, GroupBy: []proofback.Dimension{proofback.DimDay}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	run := uuid.Must(uuid.NewV7())
	n.ids[proofback.KindSavedReport] = proofback.GlobalID(proofback.KindSavedReport, report.ID)
	n.ids[proofback.KindReportRun] = proofback.GlobalID(proofback.KindReportRun, run)
	_, err = w.store.Pool().Exec(w.t.Context(), `
		INSERT INTO report_runs (id, report_id, user_id, affiliate_id, status, scheduled, at, name, format, range_from, range_to,
			created_at, started_at, finished_at, rows, bytes, kept_until)
		VALUES ($1, $2, $3, $4, 'DONE', true, $5, $6, 'CSV', $5, $5, $5, $5, $5, 1, 1, $5::timestamptz + interval '1 day')`,
		run, report.ID, n.affiliate.UserID, n.affiliate.AffiliateID, now, name)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.store.Pool().Exec(w.t.Context(), `UPDATE notices SET saved_report_id = $1 WHERE affiliate_id = $2`, report.ID, n.affiliate.AffiliateID)
	if err != nil {
		w.t.Fatal(err)
	}
}

// everybodys are things that belong to nobody: everybody may see them.
const everybodys = proofback.KindPeriod

// monthsAgo is the beginning of a month that is over.
func monthsAgo(n int) time.Time {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// stated adds an adjustment, and a statement of a month that is closed.
func (w *tenants) stated(n *tenant, name string, now time.Time) {
	w.t.Helper()
	before := monthsAgo(6)
	period, err := w.store.Periods(w.t.Context(), admin, proofback.Page{Limit: 1})
	if err == nil && len(period.Items) == 0 {
		_, err = w.store.ClosePeriod(w.t.Context(), admin, proofback.TimeRange{From: before, To: before.AddDate(0, 1, 0)})
		if err == nil {
			period, err = w.store.Periods(w.t.Context(), admin, proofback.Page{Limit: 1})
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	closed, conversion := period.Items[0].ID, key(w.t, n.ids[proofback.KindConversion])
	n.ids[everybodys] = proofback.GlobalID(everybodys, closed)
	made, problems, err := w.store.AdjustConversions(w.t.Context(), admin, []proofback.Correction{{ConversionID: conversion, Payout: "2.00"}}, name)
	if err != nil || len(problems) > 0 {
		w.t.Fatal(err, problems)
	}
	n.ids[proofback.KindAdjustment] = proofback.GlobalID(proofback.KindAdjustment, made[0].ID)
	statement := uuid.Must(uuid.NewV7())
	n.ids[proofback.KindStatement] = proofback.GlobalID(proofback.KindStatement, statement)
	_, err = w.store.Pool().Exec(w.t.Context(), `
		WITH made AS (
			INSERT INTO statements (id, period_id, affiliate_id, currency, opening, earned, adjusted, payable, carried, minimum, lines, digest, made_at)
			VALUES ($1, $2, $3, 'EUR', 0, 1, 0, 1, 0, 0, 1, '', $4)
		)
		INSERT INTO statement_lines (statement_id, number, affiliate_id, kind, conversion_id, adjustment_id, at, sent, sent_currency, amount)
		VALUES ($1, 1, $3, 'CONVERSION', $5, $6, $4, 1, 'EUR', 1)`,
		statement, closed, key(w.t, w.blog), now, conversion, made[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
}

// firstID is the id of the first row that staff find in a list.
func (w *tenants) firstID(list string, filter vars, filterType string) string {
	w.t.Helper()
	got := w.do(manager, `query($filter: `+filterType+`) { `+list+`(filter: $filter) { edges { node { id } } } }`, vars{"filter": filter})
	return got.id(list, "edges", 0, "node", "id")
}

// secrets are what nobody of the other tenant may ever be told.
func (n *tenant) secrets(t testing.TB) []string {
	t.Helper()
	list := []string{foreignMark, n.click, n.request}
	for kind, id := range n.ids {
		if kind != everybodys {
			list = append(list, id, key(t, id).String())
		}
	}
	return list
}
