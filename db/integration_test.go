package db_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func (n *network) asAdvertiser() proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: n.advertiser}
}

// startTest starts one as the offer's advertiser, and gives the request to fire.
func (d *desk) startTest(t testing.TB) (*proofback.IntegrationTest, string) {
	t.Helper()
	test, err := d.store.StartIntegrationTest(t.Context(), d.asAdvertiser(), d.offer)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(test.PostbackURL("https://track.example", d.keys.Encode(test.Click.ID), &test.Terms.Goals[0]))
	if err != nil {
		t.Fatal(err)
	}
	return test, u.RawQuery
}

// fire has a request to the advertiser's own endpoint decided.
func (d *desk) fire(t testing.TB, query string) proofback.Postback {
	t.Helper()
	in := d.incoming(query)
	in.Endpoint, _ = d.setup.Snapshot().Advertiser(d.advertiser)
	log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in})
	if err != nil {
		t.Fatal(err)
	}
	return log[0]
}

func TestAnIntegrationIsTestedFromClickToConversion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.exec(t, `UPDATE offers SET status = 'PAUSED'`)
	test, query := d.startTest(t)
	if p := d.fire(t, strings.Replace(query, "cid=", "cid=x", 1)); p.Reason != proofback.ReasonDamagedClickID {
		t.Fatalf("a damaged click id is %s", p.Reason)
	}
	look := func() *proofback.IntegrationTest {
		t.Helper()
		now, err := d.store.IntegrationTest(t.Context(), d.asAdvertiser(), test.Click.ID)
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	if now := look(); len(now.Strays) != 1 || len(now.Postbacks) != 0 || now.Passed() {
		t.Fatalf("after a stray: %+v", now)
	}
	if p := d.fire(t, query); p.Reason != proofback.ReasonAccepted {
		t.Fatalf("what was to be fired is %s: %s", p.Reason, p.Message)
	}
	now := look()
	if !now.Passed() || len(now.Postbacks) != 1 || len(now.Postbacks[0].Checks) < 5 || len(now.Conversions) != 1 || !now.Conversions[0].Test {
		t.Fatalf("after the postback: %+v", now.Steps())
	}
}

func TestWhatComesOfATestCountsForNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapDaily, Limit: "1"}}
	})
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Even if somebody could be told, nobody is.
	d.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, 'Nobody', 'ACTIVE', 'EUR', now())`, uuid.Nil)
	d.exec(t, `
		INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_since, created_at)
		VALUES ($1, $2, '{PENDING,APPROVED}', 'GET', 'https://affiliate.example/', '{}', '', now(), now())`, newID(t), uuid.Nil)
	ledger := d.count(t, `SELECT count(*) FROM ledger`)
	test, query := d.startTest(t)
	for i, want := range []proofback.Reason{proofback.ReasonAccepted, proofback.ReasonDuplicate} {
		if p := d.fire(t, query); p.Reason != want {
			t.Fatalf("request %d is %s: %s", i, p.Reason, p.Message)
		}
	}
	if p := d.fire(t, query+"&status=approved"); p.Reason != proofback.ReasonStatusUpdated {
		t.Fatalf("approval is %s: %s", p.Reason, p.Message)
	}
	if n := d.count(t, `SELECT count(*) FROM ledger`); n != ledger {
		t.Errorf("%d ledger entries were written", n-ledger)
	}
	if n := d.count(t, `SELECT count(*) FROM deliveries`); n != 0 {
		t.Errorf("%d deliveries were recorded", n)
	}
	used, err := d.store.CapsUsed(t.Context(), proofback.System(), []uuid.UUID{d.offer})
	if err != nil || used[d.offer][0] != "0" {
		t.Errorf("the cap is used by %v, %v", used, err)
	}
	// A real event takes the cap's one place, under the test's transaction id.
	real := strings.Replace(query, d.keys.Encode(test.Click.ID), d.click(t), 1)
	if p := d.fire(t, real); p.Reason != proofback.ReasonAccepted {
		t.Fatalf("a real event is %s: %s", p.Reason, p.Message)
	}
	if p := d.fire(t, strings.Replace(real, "txid=test", "txid=more", 1)); p.Reason != proofback.ReasonCapReached {
		t.Errorf("the next one is %s: %s", p.Reason, p.Message)
	}

	staff := proofback.Actor{Role: proofback.RoleManager}
	listed := func(f proofback.ConversionFilter) int {
		t.Helper()
		w, err := d.store.Conversions(t.Context(), staff, f, proofback.ConversionOrder{}, all)
		if err != nil {
			t.Fatal(err)
		}
		return len(w.Items)
	}
	if real, tests, both := listed(proofback.ConversionFilter{}), listed(proofback.ConversionFilter{Tests: true}), listed(proofback.ConversionFilter{ClickID: test.Click.ID}); real != 2 || tests != 1 || both != 1 {
		t.Errorf("%d real ones, %d tests and %d of the click are listed, want 2, 1 and 1", real, tests, both)
	}
	clicks := func(f proofback.ClickFilter) int {
		t.Helper()
		w, err := d.store.Clicks(t.Context(), staff, f, all)
		if err != nil {
			t.Fatal(err)
		}
		return len(w.Items)
	}
	if real, tests, one := clicks(proofback.ClickFilter{}), clicks(proofback.ClickFilter{Tests: true}), clicks(proofback.ClickFilter{ClickID: test.Click.ID}); real != 1 || tests != 1 || one != 1 {
		t.Errorf("%d real clicks, %d tests and %d by id are listed, want 1 each", real, tests, one)
	}
	now, err := d.store.IntegrationTest(t.Context(), staff, test.Click.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := d.store.MoveConversions(t.Context(), staff, []uuid.UUID{now.Conversions[0].ID}, proofback.StatusRejected, "why not")
	if err != nil || len(problems) != 1 || problems[0].Code != proofback.CodeConflict {
		t.Errorf("staff moved a test: %v, %v", problems, err)
	}
}

func TestOnlyTheOffersSideTestsAnIntegration(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	test, _ := d.startTest(t)
	other := proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: newID(t)}
	for name, c := range map[string]struct {
		actor proofback.Actor
		want  proofback.Code
	}{
		"staff":            {proofback.Actor{Role: proofback.RoleAdmin}, ""},
		"its advertiser":   {d.asAdvertiser(), ""},
		"other advertiser": {other, proofback.CodeNotFound},
		"affiliate":        {proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: d.affiliate}, proofback.CodeForbidden},
		"nobody":           {proofback.Actor{}, proofback.CodeUnauthenticated},
	} {
		_, started := d.store.StartIntegrationTest(t.Context(), c.actor, d.offer)
		_, looked := d.store.IntegrationTest(t.Context(), c.actor, test.Click.ID)
		if proofback.CodeOf(started) != c.want || proofback.CodeOf(looked) != c.want {
			t.Errorf("%s: %v and %v", name, started, looked)
		}
	}
	click, _ := d.keys.Parse(d.click(t))
	for name, id := range map[string]uuid.UUID{"a real click": click, "nothing": newID(t)} {
		if _, err := d.store.IntegrationTest(t.Context(), d.asAdvertiser(), id); proofback.CodeOf(err) != proofback.CodeNotFound {
			t.Errorf("%s is a test: %v", name, err)
		}
	}
}
