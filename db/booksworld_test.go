package db_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// bookkeeping is a desk with a clock of its own, on which months pass: postbacks
// pay the half of their amount, in its own currency, and owe all of it.
type bookkeeping struct {
	*desk
	t       testing.TB
	now     time.Time
	sales   int
	visitor uuid.UUID // the click that everything comes of
	staff   proofback.Actor
	admin   proofback.Actor
}

// booksFrom is when a bookkeeping begins.
var booksFrom = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func newBookkeeping(t testing.TB) *bookkeeping {
	t.Helper()
	b := &bookkeeping{t: t, now: booksFrom}
	b.desk = newDesk(t, func(c *db.Config) { c.Now = func() time.Time { return b.now } })
	b.store.SetEnqueuer(nobody{})
	b.putTerms(t, func(terms *proofback.Terms) {
		terms.AttributionWindowHours = 24 * 365
		g := &terms.Goals[0]
		g.Payout = proofback.Price{Model: proofback.PricePercent, Percent: "50"}
		g.Revenue = proofback.Price{Model: proofback.PricePercent, Percent: "100"}
	})
	b.exec(t, `SELECT make_partitions($1, $2)`, booksFrom.AddDate(0, 0, -10), booksFrom.AddDate(0, 4, 0))
	b.exec(t, `
		INSERT INTO rates (currency, day, per_euro, source)
		SELECT c.currency, d, c.rate + extract(day FROM d) / 37, 'TEST'
		FROM generate_series('2025-12-25'::date, '2026-06-01'::date, interval '1 day') AS d
		CROSS JOIN (VALUES ('USD', 1.1), ('JPY', 160.7)) AS c (currency, rate)`)
	at := booksFrom.Add(-time.Minute)
	c := proofback.Click{
		ID: keyAt(at), At: at, LinkID: keyAt(at), OfferID: b.offer, AffiliateID: b.affiliate,
		AdvertiserID: b.advertiser, TermsID: b.terms.ID, Device: proofback.DeviceDesktop,
	}
	if err := b.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
		t.Fatal(err)
	}
	b.visitor = c.ID
	user := newID(t)
	b.exec(t, `INSERT INTO users (id, email, password_hash, role, created_at) VALUES ($1, 'finance@example.com', '', 'ADMIN', $2)`, user, b.now)
	b.admin = proofback.Actor{Role: proofback.RoleAdmin, UserID: user}
	b.staff = proofback.Actor{Role: proofback.RoleManager, UserID: user}
	return b
}

func (b *bookkeeping) affiliateActor() proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: b.affiliate}
}

func (b *bookkeeping) advertiserActor() proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: b.advertiser}
}

// pass lets time go by.
func (b *bookkeeping) pass(d time.Duration) { b.now = b.now.Add(d) }

// post sends what happened at a moment, now.
func (b *bookkeeping) post(at time.Time, txid, status string, amount proofback.Money) proofback.Postback {
	b.t.Helper()
	return b.postback(b.visitor, at, txid, status, amount)
}

func (b *bookkeeping) postback(click uuid.UUID, at time.Time, txid, status string, amount proofback.Money) proofback.Postback {
	b.t.Helper()
	q := url.Values{
		"click_id": {b.keys.Encode(click)}, "txid": {txid}, "event_type": {"sale"}, "timestamp": {at.Format(time.RFC3339Nano)},
		"amount": {string(amount.Amount)}, "currency": {amount.Currency},
	}
	if status != "" {
		q.Set("status", status)
	}
	in := b.incoming(q.Encode())
	in.ReceivedAt = b.now
	log, err := b.store.Decide(b.t.Context(), b.setup, []*db.Incoming{in})
	if err != nil {
		b.t.Fatal(err)
	}
	return log[0]
}

// sale makes a conversion of an event at a moment, which is told of now.
func (b *bookkeeping) sale(at time.Time, status string, amount proofback.Money) uuid.UUID {
	b.t.Helper()
	b.sales++
	p := b.post(at, fmt.Sprint("sale-", b.sales), status, amount)
	if p.Result != proofback.ResultAccepted {
		b.t.Fatalf("%s: %s", p.Reason, p.Message)
	}
	return p.ConversionID
}

func (b *bookkeeping) move(to proofback.Status, ids ...uuid.UUID) {
	b.t.Helper()
	_, problems, err := b.store.MoveConversions(b.t.Context(), b.staff, ids, to, "looked at again")
	if err != nil || len(problems) > 0 {
		b.t.Fatal(err, problems)
	}
}

func (b *bookkeeping) correct(id uuid.UUID, payout, revenue proofback.Decimal) *proofback.Adjustment {
	b.t.Helper()
	made, problems, err := b.store.AdjustConversions(b.t.Context(), b.staff, []proofback.Correction{{ConversionID: id, Payout: payout, Revenue: revenue}}, "wrong price")
	if err != nil || len(problems) > 0 {
		b.t.Fatal(err, problems)
	}
	return made[0]
}

// close closes a month: "2026-01".
func (b *bookkeeping) close(month string) *proofback.Period {
	b.t.Helper()
	r, _ := proofback.ParseMonth(month)
	p, err := b.store.ClosePeriod(b.t.Context(), b.admin, r)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// months reports by month, from the beginning to the year's end.
func (b *bookkeeping) months(actor proofback.Actor, change ...func(*proofback.ReportInput)) *proofback.Report {
	b.t.Helper()
	in := proofback.ReportInput{
		Range: proofback.TimeRange{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)},
		Zone:  time.UTC, GroupBy: []proofback.Dimension{proofback.DimMonth}, Limit: 1000,
	}
	for _, c := range change {
		c(&in)
	}
	r, err := b.store.Report(b.t.Context(), actor, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func eur(amount string) proofback.Money {
	return proofback.Money{Amount: proofback.Decimal(amount), Currency: "EUR"}
}

// randomMonths lets months go by in which all kinds of things happen, and closes each.
func (b *bookkeeping) randomMonths(months int) {
	b.t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	var ids []uuid.UUID
	for m := range months {
		month := time.Date(2026, time.Month(1+m), 1, 0, 0, 0, 0, time.UTC)
		for range 40 {
			b.pass(time.Duration(1+random.IntN(15*3600)) * time.Second)
			id := func() uuid.UUID { return ids[random.IntN(len(ids))] }
			switch n := random.IntN(8); {
			case n < 4 || len(ids) == 0:
				at := b.now.Add(-time.Duration(random.IntN(40*24)) * time.Hour)
				if at.Before(booksFrom) {
					at = b.now
				}
				amount := proofback.Money{Amount: proofback.Decimal(fmt.Sprintf("%d.%02d", random.IntN(300), random.IntN(100))), Currency: []string{"EUR", "USD", "JPY"}[random.IntN(3)]}
				ids = append(ids, b.sale(at, []string{"approved", "pending", "rejected"}[random.IntN(3)], amount))
			case n < 6:
				if _, _, err := b.store.MoveConversions(b.t.Context(), b.staff, []uuid.UUID{id()}, []proofback.Status{approved, rejected}[random.IntN(2)], "why"); err != nil {
					b.t.Fatal(err)
				}
			default:
				k := proofback.Correction{ConversionID: id(), Payout: proofback.Decimal(fmt.Sprint(random.IntN(90)))}
				if random.IntN(2) == 0 {
					k.Payout, k.Amount = "", proofback.Decimal(fmt.Sprint(random.IntN(300)))
				}
				if _, _, err := b.store.AdjustConversions(b.t.Context(), b.staff, []proofback.Correction{k}, "why"); err != nil {
					b.t.Fatal(err)
				}
			}
		}
		if next := month.AddDate(0, 1, 0); b.now.Before(next) {
			b.now = next
		}
		b.close(proofback.MonthName(month))
	}
}
