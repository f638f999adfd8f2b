package db_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// audited is a bookkeeping in which everything that is verified has happened: sales of
// a month that is closed and of one that is open, moves, corrections, caps, endpoints
// with deliveries and attempts, a statement, and counts for reports.
type audited struct {
	*bookkeeping
	closed, open uuid.UUID // conversions
	sealer       *db.LedgerSealer
}

func newAudited(t testing.TB, beforeSealing ...func(*audited)) *audited {
	t.Helper()
	a := &audited{bookkeeping: newBookkeeping(t)}
	a.exec(t, `UPDATE offers SET created_at = $1`, booksFrom.AddDate(0, -1, 0))
	a.exec(t, `
		INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_since, created_at)
		VALUES ($1, $2, '{PENDING,APPROVED,REJECTED}', 'GET', 'https://blog.example/', '{}', '', $3, $3)`, newID(t), a.affiliate, a.now.Add(-time.Hour))
	a.putTerms(t, func(terms *proofback.Terms) {
		for _, metric := range []proofback.CapMetric{proofback.CapConversions, proofback.CapPayout, proofback.CapClicks} {
			terms.Caps = append(terms.Caps, proofback.Cap{Metric: metric, Period: proofback.CapDaily, Limit: "100000"})
		}
	})
	at := a.now
	click := proofback.Click{
		ID: keyAt(at), At: at, LinkID: keyAt(at), OfferID: a.offer, AffiliateID: a.affiliate,
		AdvertiserID: a.advertiser, TermsID: a.terms.ID, Device: proofback.DeviceDesktop,
	}
	if err := a.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{click}); err != nil {
		t.Fatal(err)
	}
	if err := a.desk.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.visitor = click.ID
	a.pass(time.Hour)
	a.closed = a.sale(a.now, "approved", eur("100"))
	a.sale(a.now, "pending", proofback.Money{Amount: "50", Currency: "USD"})
	a.correct(a.closed, "40", "")
	a.pass(25 * 24 * time.Hour)
	a.close("2026-01")
	a.open = a.sale(a.now, "pending", eur("70"))
	a.move(approved, a.open)
	a.move(rejected, a.closed)
	a.sale(booksFrom.Add(time.Minute), "approved", eur("20")) // which comes late
	a.correct(a.open, "30", "60")
	if n, err := a.store.MakeStatements(t.Context(), proofback.System()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	a.exec(t, `
		WITH done AS (UPDATE deliveries SET attempts = 1, status = 'DELIVERED', next_attempt_at = NULL RETURNING id, affiliate_id)
		INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, duration)
		SELECT id, affiliate_id, 1, $1, '', 'DELIVERED', '1 ms' FROM done`, a.now)
	if n, err := a.store.CloseClickCounts(t.Context(), proofback.System()); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	for _, do := range beforeSealing {
		do(a)
	}
	a.seal(t)
	a.pass(48 * time.Hour)
	if _, err := a.store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	return a
}

// seal seals the ledger.
func (a *audited) seal(t testing.TB) {
	t.Helper()
	key, err := proofback.NewLedgerKey(proofback.LedgerOrigin("test"), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	a.sealer = &db.LedgerSealer{Key: key}
	if _, err := a.store.Seal(t.Context(), proofback.System(), a.sealer); err != nil {
		t.Fatal(err)
	}
}

// verify gives what is found, by check.
func (a *audited) verify(t testing.TB, only ...proofback.SelfCheck) (*proofback.Verification, map[proofback.SelfCheck][]string) {
	t.Helper()
	found := map[proofback.SelfCheck][]string{}
	run, err := a.store.Verify(t.Context(), a.staff, db.VerifyConfig{Only: only, LedgerKeys: []string{a.sealer.Key.Public}, Found: func(d proofback.Discrepancy) error {
		found[d.Check] = append(found[d.Check], d.Key+": "+d.What)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return run, found
}

// tamper writes with all triggers off, as whoever owns the database can.
func (a *audited) tamper(t testing.TB, sql string, args ...any) {
	t.Helper()
	tx, err := a.store.Pool().Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `SET LOCAL session_replication_role = replica`)
	}
	if err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v %v", sql, tag, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Each kind of difference is planted, and named by the checks that it is a difference
// to, and by no other.
func TestEachPlantedDifferenceIsNamedAndNothingElse(t *testing.T) {
	t.Parallel()
	type want map[proofback.SelfCheck]string
	const clicks, conversions, books, statements, deliveries, caps, orphans, ledger, rollups, reports = proofback.CheckClicks, proofback.CheckConversions, proofback.CheckBooks,
		proofback.CheckStatements, proofback.CheckDeliveries, proofback.CheckCaps, proofback.CheckOrphans, proofback.CheckLedger, proofback.CheckRollups, proofback.CheckReports
	for _, tt := range []struct {
		name, tamper string
		want         want
	}{
		{"nothing", ``, want{}},
		{"a status", `UPDATE conversions SET status = 'PENDING' WHERE id = $1`, want{conversions: "it is pending; its 2 moves come to pending 0, approved 1", rollups: "others in 1 are there"}},
		{"a first status", `UPDATE conversions SET began = 'APPROVED' WHERE id = $1`, want{conversions: "it began as approved, its first move says pending"}},
		{"a move removed", `DELETE FROM transitions WHERE conversion_id = $1 AND from_status IS NOT NULL`, want{conversions: "it is approved; its 1 moves come to pending 1", ledger: "was deleted", orphans: "the move that it tells of is gone"}},
		{"a move added", `INSERT INTO transitions SELECT gen_random_uuid(), conversion_id, advertiser_id, affiliate_id, 'APPROVED', 'REJECTED', at - interval '1 year', by_kind, by_user, reason, postback_id FROM transitions WHERE conversion_id = $1 LIMIT 1`, want{conversions: "rejected 1 times more", ledger: "is not in the ledger"}},
		{"a first move removed", `DELETE FROM transitions WHERE conversion_id = $1 AND from_status IS NULL`, want{conversions: "it began 0 times", ledger: "the move that the conversion", orphans: "the move that it tells of is gone"}},
		{"a first move entered twice", `INSERT INTO ledger (id, kind, at, canonical) SELECT id, 'transition', at, convert_to(jsonb_build_object('conversion_id', conversion_id, 'to', 'pending')::text, 'UTF8') FROM transitions WHERE conversion_id = $1 AND from_status IS NULL`, want{reports: "pending conversions: reports come to 1, the ledger to 2"}},
		{"a conversion removed", `DELETE FROM conversions WHERE id = $1`, want{caps: "there are 0", ledger: "was deleted", orphans: "its conversion is gone", rollups: "nothing is there", reports: "approved conversions: reports come to 2, the ledger to 1"}},
		{"a payout", `UPDATE conversions SET payout = payout + 1, normal_payout = normal_payout + 1 WHERE id = $1`, want{caps: "the counter is at 35, there are 36", ledger: "is not what the ledger has", rollups: "others in 1 are there", reports: "payout in EUR: reports come to 40, the ledger to 41"}},
		{"what a month was closed with", `UPDATE conversions SET settled_status = 'PENDING' WHERE settled_status = 'APPROVED'`, want{books: "its month was closed with it as pending, it is rejected", reports: "pending conversions: reports come to 2, the ledger to 1"}},
		{"a booking removed", `DELETE FROM adjustments WHERE kind = 'STATUS' AND from_status = 'APPROVED' AND of_id IS NULL`, want{books: "its month was closed with it as approved, it is rejected", ledger: "was deleted", reports: "approved conversions: reports come to 3, the ledger to 2"}},
		{"a statement's sum", `UPDATE statements SET earned = earned + 1, payable = payable + 1`, want{statements: "it says 51.00 earned and -10.00 adjusted, its lines come to 50.00 and -10.00", ledger: "is not what the ledger has"}},
		{"a statement's line", `UPDATE statement_lines SET adjustment_id = NULL WHERE kind = 'CORRECTION'`, want{statements: "its lines are not those that its digest was made of"}},
		{"a line removed", `DELETE FROM statement_lines WHERE number = 1`, want{statements: "it says 2 lines, 1 are there"}},
		{"a line of nothing", `UPDATE statement_lines SET conversion_id = gen_random_uuid() WHERE number = 1`, want{statements: "its lines are not those", orphans: "line 1 of statement"}},
		{"a delivery removed", `WITH gone AS (DELETE FROM deliveries WHERE conversion_id = $1 AND event = 'APPROVED' RETURNING id) DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM gone)`, want{deliveries: "it became approved at 2026-02-04T13:00:00Z"}},
		{"an attempt removed", `DELETE FROM attempts WHERE delivery_id = (SELECT id FROM deliveries WHERE conversion_id = $1 LIMIT 1)`, want{orphans: "another number of times"}},
		{"an attempt of nothing", `UPDATE attempts SET delivery_id = gen_random_uuid() WHERE delivery_id = (SELECT id FROM deliveries WHERE conversion_id = $1 LIMIT 1)`, want{orphans: "attempt 1 of delivery"}},
		{"a counter of conversions", `UPDATE cap_usage SET used = used + 1 WHERE metric = 'CONVERSIONS' AND starts = (SELECT max(starts) FROM cap_usage)`, want{caps: "the counter is at 2, there are 1"}},
		{"a counter of payout", `UPDATE cap_usage SET used = used - 0.01 WHERE metric = 'PAYOUT' AND starts = (SELECT max(starts) FROM cap_usage)`, want{caps: "the counter is at 34.99, there are 35"}},
		{"a counter of clicks", `UPDATE cap_usage SET used = used + 1 WHERE metric = 'CLICKS'`, want{caps: "daily clicks of offer"}},
		{"a click removed", `DELETE FROM clicks WHERE id = (SELECT click_id FROM conversions WHERE id = $1)`, want{clicks: "visitors were sent on for 1, and 0 are there", caps: "daily clicks of offer", orphans: "its click is gone", rollups: "1 and 0 are there"}},
		{"a click added", `INSERT INTO clicks SELECT (jsonb_populate_record(c, jsonb_build_object('id', overlay(id::text PLACING 'ffffffffffff' FROM 25)))).* FROM clicks AS c WHERE id = (SELECT click_id FROM conversions WHERE id = $1)`, want{clicks: "2 are there, and processes accepted 1", caps: "daily clicks of offer", rollups: "3 and 0 are there"}},
		{"a click of an hour in which there was none", `INSERT INTO clicks SELECT (jsonb_populate_record(c, jsonb_build_object('id', uuid_v7(at + interval '5 hours'), 'at', at + interval '5 hours'))).* FROM clicks AS c WHERE id = (SELECT click_id FROM conversions WHERE id = $1)`, want{clicks: "1 are there, and no process counted any", caps: "daily clicks of offer", rollups: "3 and 0 are there"}},
		{"a spool of a dead process", `WITH dead AS (INSERT INTO spools SELECT id, hour, hour + interval '1 hour', hour FROM click_counts) UPDATE click_counts SET spooled = 1, accepted = accepted + 1`, want{clicks: "the rest may be in the spool of a process that was last seen at 2026-01-10T", ledger: "is not what the ledger has"}},
		{"a count of clicks", `UPDATE click_counts SET accepted = accepted + 1, stored = stored + 1`, want{clicks: "visitors were sent on for 2, and 1 are there", ledger: "is not what the ledger has"}},
		{"a request that made another", `UPDATE conversions SET postback_id = (SELECT id FROM postbacks WHERE conversion_id <> $1 LIMIT 1) WHERE id = $1`, want{ledger: "postback_id", orphans: "was made by another"}},
		{"a request removed", `DELETE FROM postbacks WHERE conversion_id = $1`, want{orphans: "the request that made it is gone from the log"}},
		{"an endpoint removed", `DELETE FROM destinations`, want{orphans: "its endpoint is gone"}},
		{"an entry of the ledger removed", `DELETE FROM ledger WHERE id = (SELECT id FROM transitions WHERE conversion_id = $1 AND from_status IS NOT NULL)`, want{ledger: "was deleted", reports: "approved conversions: reports come to 2, the ledger to 1"}},
		{"a count", `UPDATE rollup_offers SET clicks = clicks + 1`, want{rollups: "3 clicks and 0 bots are rolled up, 2 and 0 are there"}},
		{"what waits for nothing", `INSERT INTO parked VALUES (gen_random_uuid(), 1, gen_random_uuid())`, want{orphans: "it waits, and is gone"}},
		{"a request that is not in the log", `INSERT INTO deferred (postback_id, click_id, reading, until) VALUES (uuid_v7(now()), gen_random_uuid(), '{}', now())`, want{orphans: "it waits to be decided"}},
		{"a reconciled conversion", `INSERT INTO reconciliation_items (reconciliation_id, n, kind, detail) VALUES (gen_random_uuid(), 1, 'MATCHED', '')`, want{orphans: "item 1 of reconciliation"}},
		{"a correction by an item that is gone", `UPDATE adjustments SET reconciliation_id = gen_random_uuid(), item = 1 WHERE kind = 'AMOUNT' AND conversion_id = $1`, want{orphans: "the item that it was made for is gone"}},
		{"what a statement was opened with", `UPDATE statements SET opening = 5, payable = payable + 5`, want{statements: "it opens with 5 EUR, the one before carried 0 EUR", ledger: "is not what the ledger has"}},
		{"a count of conversions", `UPDATE rollup_offer_conversions SET approved = approved + 1`, want{rollups: "rollup_offer_conversions"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAudited(t)
			if tt.tamper != "" {
				if strings.Contains(tt.tamper, "$1") {
					a.tamper(t, tt.tamper, a.open)
				} else {
					a.tamper(t, tt.tamper)
				}
			}
			_, found := a.verify(t)
			got := slices.Sorted(maps.Keys(found))
			if want := slices.Sorted(maps.Keys(tt.want)); !slices.Equal(got, want) {
				t.Errorf("found by %v, want %v: %v", got, want, found)
			}
			for check, what := range tt.want {
				if list := found[check]; !slices.ContainsFunc(list, func(d string) bool { return strings.Contains(d, what) }) {
					t.Errorf("%s says %q, and not %q", check, list, what)
				}
			}
		})
	}
}

// A difference stays written down: it is not told twice while it is there, is resolved
// when it is gone, and is another when it comes back. A check that was not made resolves
// nothing.
func TestDifferencesAreKeptAsTheyWereFound(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	change := func(by string) {
		a.tamper(t, `UPDATE cap_usage SET used = used + $1::numeric WHERE metric = 'CONVERSIONS' AND starts = (SELECT max(starts) FROM cap_usage)`, by)
	}
	list := func(actor proofback.Actor, f proofback.DiscrepancyFilter) []*proofback.Discrepancy {
		w, err := a.store.Discrepancies(t.Context(), actor, f, proofback.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return w.Items
	}
	change("1")
	run, _ := a.verify(t, proofback.CheckCaps)
	if run.FinishedAt.IsZero() || len(run.Checks) != 1 || run.Checks[0].Compared == 0 || run.Differences() != 1 {
		t.Errorf("%+v", run)
	}
	a.pass(time.Hour)
	a.verify(t, proofback.CheckCaps)
	first := list(a.staff, proofback.DiscrepancyFilter{})
	if len(first) != 1 || first[0].Kind != proofback.KindOffer || first[0].Subject != a.offer || !first[0].SeenAt.Equal(first[0].FoundAt.Add(time.Hour)) {
		t.Fatalf("%+v", first)
	}
	change("-1")
	a.verify(t, proofback.CheckBooks)
	if l := list(a.staff, proofback.DiscrepancyFilter{Open: new(true)}); len(l) != 1 {
		t.Errorf("another check resolved it: %+v", l)
	}
	a.verify(t)
	if l := list(a.staff, proofback.DiscrepancyFilter{Check: proofback.CheckCaps}); len(l) != 1 || !l[0].ResolvedAt.Equal(a.now) {
		t.Errorf("it is gone, and not resolved: %+v", l)
	}
	change("1")
	a.verify(t)
	if l := list(a.staff, proofback.DiscrepancyFilter{}); len(l) != 2 || !l[0].ResolvedAt.IsZero() || l[1].ID != first[0].ID {
		t.Errorf("it came back: %+v", l)
	}
	for _, sql := range []string{
		`UPDATE discrepancies SET what = 'nothing'`, `UPDATE discrepancies SET seen_at = now() WHERE resolved_at IS NOT NULL`,
		`DELETE FROM discrepancies`, `TRUNCATE discrepancies`,
	} {
		if _, err := a.store.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is let through", sql)
		}
	}
	for _, partner := range []proofback.Actor{a.affiliateActor(), a.advertiserActor()} {
		if _, err := a.store.Verify(t.Context(), partner, db.VerifyConfig{}); proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("a partner verifies: %v", err)
		}
		if _, err := a.store.Discrepancies(t.Context(), partner, proofback.DiscrepancyFilter{}, proofback.Page{Limit: 1}); proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("a partner reads: %v", err)
		}
	}
}

func TestOneProcessVerifiesAtATime(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	var inner error
	_, err := a.store.Verify(t.Context(), a.staff, db.VerifyConfig{Done: func(proofback.SelfCheckResult) error {
		if inner == nil {
			_, inner = a.store.Verify(t.Context(), a.staff, db.VerifyConfig{})
		}
		return nil
	}})
	if err != nil || proofback.CodeOf(inner) != proofback.CodeConflict {
		t.Errorf("%v, and meanwhile %v", err, inner)
	}
	a.verify(t)
}

// Whatever happens in months of traffic, nothing is said to be different.
func TestAHealthyDatabaseHasNoDifferences(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.randomMonths(3)
	if _, err := b.store.MakeStatements(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	a := &audited{bookkeeping: b}
	a.seal(t)
	run, found := a.verify(t)
	if len(found) > 0 || len(run.Checks) != len(proofback.SelfChecks()) || run.FinishedAt.IsZero() {
		t.Error(found, run)
	}
}
