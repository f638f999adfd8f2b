package db_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// rateCounter counts the batches of statements that are asked, and those of them that ask
// for rates. What is to happen before the next batch but one happens in it.
type rateCounter struct {
	askCounter
	rates   atomic.Int64
	between func()
	at      int64
}

func (c *rateCounter) TraceBatchStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	ctx = c.askCounter.TraceBatchStart(ctx, conn, d)
	if c.between != nil && c.n.Load() == c.at {
		c.between()
		c.between = nil
	}
	for _, q := range d.Batch.QueuedQueries {
		if strings.Contains(q.SQL, "FROM rates\n") {
			c.rates.Add(1)
		}
	}
	return ctx
}

// newExchange makes a network whose own currency is the pound, so that most amounts need two
// rates, and where all money is in the currency of the sale. The other desk is another
// process on its database.
func newExchange(t *testing.T) (d, other *desk, asked *rateCounter) {
	t.Helper()
	asked = new(rateCounter)
	url := dbtest.URL(t)
	d = newDesk(t, func(c *db.Config) { c.URL, c.Currency, c.Tracer = url, "GBP", asked })
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.AttributionWindowHours = 24 * 60
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PricePercent, Percent: "5"}
	})
	d.store.SetEnqueuer(nobody{})
	n := *d.network
	n.store = dbtest.Open(t, func(c *db.Config) { c.URL, c.Currency = url, "GBP" })
	n.store.SetEnqueuer(nobody{})
	other = &desk{network: &n, setup: n.setup(t), keys: d.keys}
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, other, asked
}

// saleIn is a sale of 1000 in a currency.
func saleIn(currency, click string) string {
	return strings.Replace(sale(click, uuid.NewString(), "1000"), "EUR", currency, 1)
}

// Whatever was committed before counts, whether it was remembered that there was no rate or
// an older one, and whoever stored it. What is remembered is not asked for.
func TestARateCountsForTheNextPostbackWhoeverStoredIt(t *testing.T) {
	t.Parallel()
	d, other, asked := newExchange(t)
	d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) VALUES ('GBP', current_date - 1, 0.8, 'TEST')`)
	system := proofback.System()
	line := func(currency string, day int, rate string) string {
		return fmt.Sprintf("%s,%s,%s\n", currency, now().AddDate(0, 0, day).Format(time.DateOnly), rate)
	}
	ways := map[string]func(store *db.Store, currency string, day int, rate string) error{
		"by hand": func(store *db.Store, currency string, day int, rate string) error {
			_, err := store.Pool().Exec(t.Context(), `INSERT INTO rates (currency, day, per_euro, source) VALUES ($1, current_date + $2::integer, $3::text::numeric, 'TEST')`, currency, day, rate)
			return err
		},
		"imported": func(store *db.Store, currency string, day int, rate string) error {
			_, _, err := store.ImportRates(t.Context(), system, strings.NewReader("currency,date,per_euro\n"+line(currency, day, rate)))
			return err
		},
		"published": func(store *db.Store, currency string, day int, rate string) error {
			_, err := store.StoreECBFeed(t.Context(), system, feed(now().AddDate(0, 0, day), fmt.Sprintf(`<Cube currency='%s' rate='%s'/>`, currency, rate)))
			return err
		},
	}
	currencies := []string{"USD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "AUD", "CAD", "NZD"}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		for who, store := range map[string]*db.Store{"here": d.store, "elsewhere": other.store} {
			for _, together := range []int{1, 2} {
				currency := currencies[0]
				currencies = currencies[1:]
				check := func(when, revenue string, rounds, asks int64) {
					t.Helper()
					queries := make([]string, together)
					for i := range queries {
						queries[i] = saleIn(currency, d.click(t))
					}
					if together > 1 {
						rounds++ // clicks are asked for before
					}
					roundsBefore, asksBefore := asked.n.Load(), asked.rates.Load()
					log := d.decide(t, queries...)
					if n, m := asked.n.Load()-roundsBefore, asked.rates.Load()-asksBefore; n != rounds || m != asks {
						t.Errorf("%s %s, %d, %s: asked %d times, %d for rates", way, who, together, when, n, m)
					}
					for _, p := range log {
						if n := d.count(t, `SELECT count(*) FROM conversions WHERE id = $1 AND coalesce(normal_revenue::text, 'none') = $2`, p.ConversionID, revenue); n != 1 {
							t.Errorf("%s %s, %d, %s: it is not worth %s", way, who, together, when, revenue)
						}
					}
				}
				stored := func(day int, rate string) {
					t.Helper()
					if err := ways[way](store, currency, day, rate); err != nil {
						t.Fatal(err)
					}
				}
				check("without a rate", "none", 1, 1)
				check("without a rate, again", "none", 1, 0)
				stored(-8, "1")
				check("with one that is too old", "none", 2, 1)
				stored(-2, "4")
				check("with one", "20.00", 2, 1)
				check("with one, again", "20.00", 1, 0)
				stored(-1, "5")
				check("with a newer one", "16.00", 2, 1)
				check("with a newer one, again", "16.00", 1, 0)
			}
		}
	}
	before := asked.rates.Load()
	d.exec(t, `DELETE FROM rates_version`)
	for range 2 {
		d.decide(t, saleIn("USD", d.click(t)))
		d.decide(t, saleIn("USD", d.click(t)), saleIn("USD", d.click(t)))
	}
	if n := asked.rates.Load() - before; n != 4 {
		t.Errorf("with no version: asked %d times for rates of four batches", n)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE revenue_currency = 'USD' AND normal_revenue = 16`); n < 6 {
		t.Errorf("with no version: %d are worth what they should", n)
	}
}

// Rates that come between the moment when a postback asks what stands and the one when it
// asks for rates are used together or not at all, and kept as what they are.
func TestRatesThatComeMeanwhileAreNotMixedWithOlderOnes(t *testing.T) {
	t.Parallel()
	d, other, asked := newExchange(t)
	d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) SELECT c, current_date - 1, r, 'TEST' FROM (VALUES ('GBP', 0.8), ('USD', 1.0), ('JPY', 100)) AS v (c, r)`)
	d.decide(t, saleIn("JPY", d.click(t)))
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PriceFixed, Amount: "3.50", Currency: "USD"}
	})
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, another := d.click(t), d.click(t)
	worth := func(when, click string, asks int64) {
		t.Helper()
		before := asked.rates.Load()
		log := d.decide(t, saleIn("JPY", click))
		if n := asked.rates.Load() - before; n != asks {
			t.Errorf("%s: asked %d times for rates", when, n)
		}
		// 3.50 USD at 2.0 and 100 JPY at 100, of pounds at 0.4 for one euro.
		if n := d.count(t, `SELECT count(*) FROM conversions WHERE id = $1 AND normal_payout = 0.70 AND normal_revenue = 0.40`, log[0].ConversionID); n != 1 {
			t.Errorf("%s: it is worth something else", when)
		}
	}
	asked.at = asked.n.Load() + 2
	asked.between = func() {
		if _, err := other.store.Pool().Exec(t.Context(), `INSERT INTO rates (currency, day, per_euro, source) SELECT c, current_date, r, 'TEST' FROM (VALUES ('GBP', 0.4), ('USD', 2.0)) AS v (c, r)`); err != nil {
			t.Error(err)
		}
	}
	worth("meanwhile", one, 1)
	if asked.between != nil {
		t.Fatal("rates were not asked for after what stands")
	}
	worth("after that", another, 0)
}

// Whatever rates are stored, by whom and in which order, each conversion is worth what a
// query of its own would tell.
func TestRatesInMemoryAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	d, other, _ := newExchange(t)
	const days = 16
	today := now().Truncate(24 * time.Hour)
	if _, err := d.store.MakePartitions(t.Context(), today.AddDate(0, 0, -days), today); err != nil {
		t.Fatal(err)
	}
	at := today.AddDate(0, 0, -days)
	id := proofback.UUIDFloor(at)
	random := newID(t)
	copy(id[8:], random[8:])
	if err := d.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{{
		ID: id, At: at, LinkID: newID(t), OfferID: d.offer, AffiliateID: d.affiliate,
		AdvertiserID: d.advertiser, TermsID: d.terms.ID, Device: proofback.DeviceDesktop,
	}}); err != nil {
		t.Fatal(err)
	}
	click := d.keys.Encode(id)
	d.exec(t, `ALTER TABLE rates DISABLE TRIGGER rates_kept`)
	desks := []*desk{d, other}
	currencies := rapid.SampledFrom([]string{"USD", "JPY", "GBP", "EUR"})
	rapid.Check(t, func(rt *rapid.T) {
		d.exec(t, `DELETE FROM rates`)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			who := desks[rapid.IntRange(0, 1).Draw(rt, "who")]
			ago := rapid.IntRange(0, days-1)
			if rapid.Bool().Draw(rt, "stores") {
				for range rapid.IntRange(1, 3).Draw(rt, "rates") {
					who.exec(t, `INSERT INTO rates (currency, day, per_euro, source) VALUES ($1, $2::date, $3::integer, 'TEST') ON CONFLICT DO NOTHING`,
						currencies.Draw(rt, "of"), today.AddDate(0, 0, -ago.Draw(rt, "ago")), rapid.IntRange(1, 1000).Draw(rt, "rate"))
				}
				continue
			}
			queries := make([]string, rapid.IntRange(1, 3).Draw(rt, "sales"))
			for i := range queries {
				queries[i] = saleIn(currencies.Draw(rt, "in"), click) + fmt.Sprint("&timestamp=", today.AddDate(0, 0, -ago.Draw(rt, "event")).Unix())
			}
			made := make([]uuid.UUID, len(queries))
			for i, p := range who.decide(t, queries...) {
				if made[i] = p.ConversionID; p.Reason != proofback.ReasonAccepted {
					rt.Fatalf("%s: %s", p.Reason, p.Message)
				}
			}
			var wrong []string
			if err := d.store.Pool().QueryRow(t.Context(), ratesAgree, made).Scan(&wrong); err != nil || len(wrong) > 0 {
				rt.Fatalf("%s, %v", wrong, err)
			}
		}
	})
}

// ratesAgree tells which conversions have another worth than the rates that there are say.
const ratesAgree = `
	WITH of AS (
		SELECT c.*, (event_at AT TIME ZONE 'UTC')::date AS day
		FROM conversions AS c
		WHERE id = ANY ($1)
	), told AS (
		SELECT of.*, own.day AS own_day, own.per_euro AS own_rate,
			CASE revenue_currency WHEN 'EUR' THEN 1 ELSE sale.per_euro END AS sale_rate,
			CASE revenue_currency WHEN 'EUR' THEN own.day ELSE sale.day END AS sale_day
		FROM of
		LEFT JOIN LATERAL (
			SELECT day, per_euro FROM rates AS r
			WHERE r.currency = 'GBP' AND r.day <= of.day AND r.day >= of.day - 7
			ORDER BY r.day DESC LIMIT 1) AS own ON true
		LEFT JOIN LATERAL (
			SELECT day, per_euro FROM rates AS r
			WHERE r.currency = of.revenue_currency AND r.day <= of.day AND r.day >= of.day - 7
			ORDER BY r.day DESC LIMIT 1) AS sale ON true
	)
	SELECT coalesce(array_agg(concat_ws(' ', revenue, revenue_currency, 'on', day, 'is stored as', normal_revenue, 'of', rate_date)), '{}')
	FROM told
	WHERE CASE
		WHEN revenue_currency = 'GBP' THEN normal_revenue = revenue
		WHEN own_rate IS NULL OR sale_rate IS NULL THEN normal_revenue IS NULL AND rate_date IS NULL
		ELSE abs(normal_revenue - revenue * own_rate / sale_rate) <= 0.005 AND rate_date = least(own_day, sale_day)
	END IS NOT TRUE`
