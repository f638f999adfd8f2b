package db_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// reportWorld is a network with random traffic, and everything that was put into
// it, so that a report can be counted again by hand.
type reportWorld struct {
	store       *db.Store
	now         time.Time // what the Store takes it to be
	random      *rand.Rand
	advertisers []uuid.UUID
	affiliates  []uuid.UUID
	offers      []uuid.UUID // offer i is of advertiser i modulo theirs
	goals       []uuid.UUID // of offer i
	clicks      []proofback.Click
	conversions []proofback.Conversion
	rates       map[string]map[time.Time]proofback.Decimal
}

// Everything in a world happens around the nights in which clocks are set in
// Europe, America and Australia.
var (
	worldFrom = time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)
	worldTo   = time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC)
)

// worldCurrencies have 2, 0, 3 and 4 decimals; there is no rate for the last.
var worldCurrencies = []string{"EUR", "USD", "JPY", "BHD", "CLF", "VND"}

func newReportWorld(t testing.TB, seed uint64) *reportWorld {
	t.Helper()
	w := &reportWorld{now: worldTo.AddDate(0, 0, 2), random: rand.New(rand.NewPCG(seed, 1)), rates: map[string]map[time.Time]proofback.Decimal{}}
	w.store = dbtest.Open(t, func(c *db.Config) { c.Now = func() time.Time { return w.now } })
	w.store.RollUpSooner()
	if seed%2 == 1 {
		w.store.SplitReportsSooner()
	}
	w.exec(t, `SELECT make_partitions($1, $2)`, worldFrom, worldTo)
	for i := range 3 {
		w.advertisers, w.affiliates = append(w.advertisers, keyAt(day)), append(w.affiliates, keyAt(day))
		w.exec(t, `INSERT INTO advertisers (id, name, status, currency, time_zone, security_mode, postback_key, secret, created_at)
			VALUES ($1, $2, 'ACTIVE', 'EUR', 'UTC', 'NONE', $2, '', $3)`, w.advertisers[i], fmt.Sprint("advertiser ", i), day)
		w.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at)
			VALUES ($1, $2, 'ACTIVE', 'EUR', $3)`, w.affiliates[i], fmt.Sprint("affiliate ", i), day)
	}
	for i := range 4 {
		w.offers, w.goals = append(w.offers, keyAt(day)), append(w.goals, keyAt(day))
		w.exec(t, `INSERT INTO offers (id, advertiser_id, terms_id, name, status, access, created_at)
			VALUES ($1, $2, $1, $3, 'ACTIVE', 'PUBLIC', $4)`, w.offers[i], w.advertisers[i%3], fmt.Sprint("offer ", i), day)
		w.exec(t, `INSERT INTO goals (id, offer_id, event_type, created_at) VALUES ($1, $2, $3, $4)`, w.goals[i], w.offers[i], worldEvent(i), day)
	}
	w.publish(t)
	w.visit(t, 400)
	w.convert(t, 250)
	return w
}

// worldEvent is the event type of offer i's goal.
func worldEvent(i int) string { return []string{"sale", "lead"}[i%2] }

func (w *reportWorld) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := w.store.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func pick[T any](w *reportWorld, list ...T) T { return list[w.random.IntN(len(list))] }

// moment is some time in the world, often on the edge of a quarter hour.
func (w *reportWorld) moment() time.Time {
	at := worldFrom.Add(time.Duration(w.random.Int64N(int64(worldTo.Sub(worldFrom)))))
	switch w.random.IntN(4) {
	case 0:
		return at.Truncate(15 * time.Minute)
	case 1:
		return at.Truncate(15 * time.Minute).Add(-time.Millisecond)
	}
	return at.Truncate(time.Millisecond)
}

// publish makes rates for most days; each currency has a gap that is too long.
func (w *reportWorld) publish(t testing.TB) {
	t.Helper()
	for _, currency := range worldCurrencies[1:5] {
		w.rates[currency] = map[time.Time]proofback.Decimal{}
		gap := worldFrom.AddDate(0, 0, w.random.IntN(20))
		for d := worldFrom.AddDate(0, 0, -12); d.Before(worldTo); d = d.AddDate(0, 0, 1+w.random.IntN(3)) {
			if d.After(gap) && d.Before(gap.AddDate(0, 0, 10)) {
				continue
			}
			rate := proofback.Decimal(fmt.Sprintf("%d.%04d", 1+w.random.IntN(150), 1+w.random.IntN(9998)))
			w.rates[currency][d] = rate
			w.exec(t, `INSERT INTO rates VALUES ($1, $2, $3::text::numeric, 'TEST')`, currency, d, string(rate))
		}
	}
}

// ratesOn are the rates in force on a day, found by hand.
func (w *reportWorld) ratesOn(day time.Time) proofback.Rates {
	found := proofback.Rates{}
	for currency, days := range w.rates {
		for back := range 8 {
			d := day.AddDate(0, 0, -back)
			if rate, ok := days[d]; ok {
				found[currency] = proofback.Rate{PerEuro: rate, Day: d, Source: "TEST"}
				break
			}
		}
	}
	return found
}

// visit makes clicks; some are bots, tests, or of visitors who were not let in.
func (w *reportWorld) visit(t testing.TB, n int) {
	t.Helper()
	made := make([]proofback.Click, n)
	for i := range made {
		offer := w.random.IntN(len(w.offers))
		at := w.moment()
		made[i] = proofback.Click{
			ID: keyAt(at), At: at, LinkID: keyAt(day), OfferID: w.offers[offer], AdvertiserID: w.advertisers[offer%3],
			AffiliateID: pick(w, w.affiliates...), Bot: w.random.IntN(6) == 0, Country: pick(w, "", "DE", "US"),
			Device: pick(w, proofback.DeviceMobile, proofback.DeviceDesktop), Source: pick(w, "", "news", "ärger"), Creative: pick(w, "", "b1"),
		}
		for s := range made[i].Subs {
			made[i].Subs[s] = pick(w, "", "x", "Y", "ü")
		}
		switch w.random.IntN(12) {
		case 0:
			made[i].Outcome = proofback.ClickCapReached
		case 1:
			made[i].Flags, made[i].AffiliateID, made[i].LinkID = proofback.FlagTest, uuid.Nil, uuid.Nil
		}
	}
	if err := w.store.InsertClicks(t.Context(), proofback.System(), made); err != nil {
		t.Fatal(err)
	}
	w.clicks = append(w.clicks, made...)
}

// convert makes conversions of clicks, of every status and in every currency.
func (w *reportWorld) convert(t testing.TB, n int) {
	t.Helper()
	var q pgx.Batch
	for i := range n {
		k := pick(w, w.clicks...)
		offer := 0
		for w.offers[offer] != k.OfferID {
			offer++
		}
		c := proofback.Conversion{
			ID: keyAt(day), AdvertiserID: k.AdvertiserID, OfferID: k.OfferID, GoalID: w.goals[offer], AffiliateID: k.AffiliateID,
			ClickID: k.ID, EventType: worldEvent(offer), TxID: fmt.Sprintf("%d-%d", len(w.conversions), i), ClickAt: k.At, Test: k.IsTest(),
			Status:  pick(w, proofback.StatusPending, proofback.StatusApproved, proofback.StatusApproved, proofback.StatusRejected),
			EventAt: w.moment(), ReceivedAt: w.moment(), Payout: w.money(), Revenue: w.money(),
		}
		// Some wait although their rate has come: the job was not there yet.
		if w.random.IntN(4) > 0 {
			c.Normalized = proofback.Normalize(&c, "EUR", w.ratesOn(proofback.RateDay(c.EventAt)))
		}
		w.conversions = append(w.conversions, c)
		currency := func(m proofback.Money) *string { return amountOrNull(proofback.Decimal(m.Currency)) }
		q.Queue(`INSERT INTO conversions
				(id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
				 status, began, event_at, received_at, click_at, payout, payout_currency, revenue, revenue_currency,
				 normal_payout, normal_revenue, normal_currency, rate_date, rate_source, test)
			VALUES ($1, $2, $3, $4, $5, $6, $1, $1, $7, $8, $9, $9, $10, $11, $12, $13::text::numeric, $14, $15::text::numeric, $16,
				$17::text::numeric, $18::text::numeric, 'EUR', $19::timestamptz::date, 'TEST', $20)`,
			c.ID, c.AdvertiserID, c.OfferID, c.GoalID, c.AffiliateID, c.ClickID, c.EventType, c.TxID, string(c.Status),
			c.EventAt, c.ReceivedAt, c.ClickAt, amountOrNull(c.Payout.Amount), currency(c.Payout), amountOrNull(c.Revenue.Amount), currency(c.Revenue),
			amountOrNull(c.Normalized.Payout.Amount), amountOrNull(c.Normalized.Revenue.Amount), dayOrNull(c.Normalized.RateDate), c.Test)
	}
	if err := w.store.Pool().SendBatch(t.Context(), &q).Close(); err != nil {
		t.Fatal(err)
	}
}

// move changes what becomes of conversions, and normalises some that waited.
func (w *reportWorld) move(t testing.TB, n int) {
	t.Helper()
	var q pgx.Batch
	for range n {
		c := &w.conversions[w.random.IntN(len(w.conversions))]
		c.Status = pick(w, proofback.StatusPending, proofback.StatusApproved, proofback.StatusRejected)
		if c.Normalized.RateDate.IsZero() {
			c.Normalized = proofback.Normalize(c, "EUR", w.ratesOn(proofback.RateDay(c.EventAt)))
		}
		q.Queue(`
			UPDATE conversions
			SET status = $2, normal_payout = $3::text::numeric, normal_revenue = $4::text::numeric, rate_date = $5::timestamptz::date
			WHERE id = $1`, c.ID, string(c.Status), amountOrNull(c.Normalized.Payout.Amount), amountOrNull(c.Normalized.Revenue.Amount), dayOrNull(c.Normalized.RateDate))
	}
	if err := w.store.Pool().SendBatch(t.Context(), &q).Close(); err != nil {
		t.Fatal(err)
	}
}

func amountOrNull(d proofback.Decimal) *string {
	if d == "" {
		return nil
	}
	return (*string)(&d)
}

func dayOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func (w *reportWorld) money() proofback.Money {
	if w.random.IntN(8) == 0 {
		return proofback.Money{}
	}
	amount := proofback.Decimal(fmt.Sprintf("%d.%04d", w.random.IntN(300), w.random.IntN(10000)))
	return proofback.Money{Amount: amount, Currency: pick(w, worldCurrencies...)}.Round()
}
