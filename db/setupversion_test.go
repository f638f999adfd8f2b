package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// What postbacks are priced by and told to is taken from memory as long as it is what
// the database holds. Whatever was committed before is honoured, by a request that is
// alone and by several, whether or not word of it has arrived.
func TestPostbacksAreToldAndPricedByTheSetupThatHolds(t *testing.T) {
	t.Parallel()
	asked := new(askCounter)
	d := newDesk(t, func(c *db.Config) { c.Tracer = asked })
	d.store.SetEnqueuer(nobody{})
	var to uuid.UUID
	payout := func(price string, ago time.Duration) func() {
		return func() {
			err := d.store.SetPayout(t.Context(), proofback.System(), db.OwnPrice{
				AffiliateID: d.affiliate, GoalID: d.terms.Goals[0].ID,
				From:   time.Now().Add(-ago),
				Payout: proofback.Price{Model: proofback.PriceFixed, Amount: proofback.Decimal(price), Currency: "EUR"},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	sql := func(query string) func() { return func() { d.exec(t, query) } }
	for _, c := range []struct {
		name   string
		change func()
		renews bool
		told   int
		payout string
	}{
		{"a destination", func() {
			made, _, err := d.store.CreateDestination(t.Context(), asAffiliate(d.affiliate), proofback.Destination{URLTemplate: "https://t.example/"})
			if err != nil {
				t.Fatal(err)
			}
			to = made.ID
		}, true, 1, "3.50"},
		{"how it does", sql(`UPDATE destinations SET failures = 3, health_state = 'FAILING', next_slot_at = now()`), false, 1, "3.50"},
		{"a price", payout("6", 2*time.Hour), true, 1, "6"},
		{"another price", payout("7", time.Hour), true, 1, "7"},
		{"for other statuses", sql(`UPDATE destinations SET statuses = '{APPROVED}'`), true, 0, "7"},
		{"for this one", sql(`UPDATE destinations SET statuses = '{PENDING}'`), true, 1, "7"},
		{"for another event", sql(`UPDATE destinations SET event_type = 'install'`), true, 0, "7"},
		{"for this one", sql(`UPDATE destinations SET event_type = 'sale'`), true, 1, "7"},
		{"switched off", func() {
			if _, err := d.store.UpdateDestination(t.Context(), proofback.System(), to, func(d *proofback.Destination) { d.Enabled = false }); err != nil {
				t.Fatal(err)
			}
		}, true, 0, "7"},
		{"paused", sql(`UPDATE destinations SET health_state = 'PAUSED'`), true, 1, "7"},
		{"deleted", sql(`DELETE FROM destinations`), true, 0, "7"},
	} {
		for _, together := range []int{1, 2} {
			check := func(when string, alone int64) {
				t.Helper()
				if together > 1 {
					alone++ // clicks are asked for before
				}
				queries := make([]string, together)
				for i := range queries {
					queries[i] = sale(d.click(t), uuid.NewString(), "100")
				}
				before, told := asked.n.Load(), d.count(t, `SELECT count(*) FROM deliveries`)
				log := d.decide(t, queries...)
				if asks := asked.n.Load() - before; asks != alone {
					t.Errorf("%s, %d, %s: asked %d times", c.name, together, when, asks)
				}
				if told = d.count(t, `SELECT count(*) FROM deliveries`) - told; told != c.told*together {
					t.Errorf("%s, %d, %s: %d were told", c.name, together, when, told)
				}
				if n := d.count(t, `SELECT count(*) FROM conversions WHERE postback_id = $1 AND payout = $2::text::numeric`, log[0].ID, c.payout); n != 1 {
					t.Errorf("%s, %d, %s: the payout is another", c.name, together, when)
				}
			}
			if together == 1 {
				c.change()
			}
			if c.renews {
				check("without word", 2)
			} else {
				check("without word", 1)
			}
			if together == 1 {
				continue
			}
			if err := d.setup.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			check("with word", 1)
		}
	}
}

// A price in another currency is capped and normalised at the rates that there are, also
// by a process that has not heard of it: they are not said to be missing.
func TestAPriceInAnotherCurrencyHasItsRatesBeforeWordOfItHasArrived(t *testing.T) {
	t.Parallel()
	for _, together := range []int{1, 2} {
		d := newDesk(t)
		d.store.SetEnqueuer(nobody{})
		d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) VALUES ('USD', (now() AT TIME ZONE 'UTC')::date - 2, 1.25, 'TEST')`)
		d.putTerms(t, func(terms *proofback.Terms) {
			terms.Caps = []proofback.Cap{{Metric: proofback.CapPayout, Period: proofback.CapTotal, Limit: "100"}}
		})
		if err := d.setup.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := d.store.SetPayout(t.Context(), proofback.System(), db.OwnPrice{
			AffiliateID: d.affiliate, GoalID: d.terms.Goals[0].ID, From: time.Now().Add(-time.Hour),
			Payout: proofback.Price{Model: proofback.PriceFixed, Amount: "10", Currency: "USD"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second finds them in memory
			queries := make([]string, together)
			for i := range queries {
				queries[i] = sale(d.click(t), uuid.NewString(), "100")
			}
			for _, p := range d.decide(t, queries...) {
				if p.Reason != proofback.ReasonAccepted {
					t.Errorf("%d: %s: %s", together, p.Reason, p.Message)
				}
			}
		}
		if n := d.count(t, `SELECT count(*) FROM conversions WHERE payout = 10 AND payout_currency = 'USD' AND normal_payout = 8`); n != 2*together {
			t.Errorf("%d: %d are normalised", together, n)
		}
	}
}

// A process that does not know yet that an offer has a cap counts for it all the same.
func TestACapIsCountedForBeforeWordOfItHasArrived(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	before := d.click(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "100"}}
	})
	other := &desk{network: d.network, keys: d.keys}
	other.setup = d.network.setup(t)
	other.decide(t, sale(d.click(t), "capped", "10"))
	d.decide(t, sale(before, "alone", "10"))
	d.decide(t, sale(before, "one", "10"), sale(before, "two", "10"))
	if n := d.count(t, `SELECT used FROM cap_usage WHERE metric = 'CONVERSIONS' AND period = 'TOTAL'`); n != 4 {
		t.Errorf("%d are counted", n)
	}
}

// Whoever is told of changes is told by transaction.
func TestWhatAPostbackStoresNamesItsTransaction(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	d.decide(t, sale(d.click(t), "alone", "10"))
	d.decide(t, sale(d.click(t), "one", "10"), sale(d.click(t), "two", "10"))
	for _, table := range []string{"transitions", "ledger"} {
		if n := d.count(t, `SELECT count(*) FROM `+table+` WHERE xact = xmin::text::bigint AND xact = (SELECT xmin::text::bigint FROM conversions ORDER BY id DESC LIMIT 1)`); n != 2 {
			t.Errorf("%s: %d of the last two", table, n)
		}
		if n := d.count(t, `SELECT count(*) FROM `+table+` WHERE xact IS DISTINCT FROM xmin::text::bigint`); n != 0 {
			t.Errorf("%s: %d name another", table, n)
		}
	}
}

// Destinations are read one after the other, and what one does not say is not taken from the
// one before: here of which offer it is to be told.
func TestEachDestinationIsToldByItsOwnWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	d.exec(t, `INSERT INTO offers SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'terms_id', terms_id))).* FROM offers AS o`)
	for _, sql := range []string{`offer_id = offer_id`, `offer_id = (SELECT id FROM offers WHERE id <> destinations.offer_id)`, `offer_id = NULL`, `event_type = 'install'`} {
		made, _, err := d.store.CreateDestination(t.Context(), asAffiliate(d.affiliate), proofback.Destination{OfferID: d.offer, URLTemplate: "https://t.example/"})
		if err != nil {
			t.Fatal(err)
		}
		d.exec(t, `UPDATE destinations SET `+sql+` WHERE id = $1`, made.ID)
	}
	told := func(when string, asks ...string) {
		t.Helper()
		before := d.count(t, `SELECT count(*) FROM deliveries`)
		d.decide(t, asks...)
		if n := d.count(t, `SELECT count(*) FROM deliveries`) - before; n != 2*len(asks) {
			t.Errorf("%s: %d were told, want 2 of each", when, n)
		}
	}
	told("asked for", sale(d.click(t), "1", "10"))
	told("asked for, together", sale(d.click(t), "2", "10"), sale(d.click(t), "3", "10"))
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	told("from memory", sale(d.click(t), "4", "10"))
	told("from memory, together", sale(d.click(t), "5", "10"), sale(d.click(t), "6", "10"))
}
