package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// normalizeBatch is how many conversions one transaction normalises.
const normalizeBatch = 1000

// NormalizeWaiting gives conversions that wait for a reference rate their
// normalised amounts, where the rate of their event date has come, and tells how
// many. What is still missing goes on waiting.
func (s *Store) NormalizeWaiting(ctx context.Context, actor proofback.Actor, setup *Setup) (int, error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, err
	}
	total := 0
	for after := (proofback.Cursor{}); ; {
		n := &normalizing{store: s, setup: setup}
		if err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return n.run(ctx, tx, after) }); err != nil {
			return total, domainError(err)
		}
		total += len(n.done)
		if len(n.waiting) < normalizeBatch {
			return total, nil
		}
		last := n.waiting[len(n.waiting)-1]
		after = proofback.Cursor{At: last.EventAt, ID: last.ID}
	}
}

// normalizing is one transaction of NormalizeWaiting.
type normalizing struct {
	store   *Store
	setup   *Setup
	waiting []*proofback.Conversion
	done    []*proofback.Conversion
}

func (n *normalizing) run(ctx context.Context, tx pgx.Tx, after proofback.Cursor) error {
	if _, err := scanBooks(tx.QueryRow(ctx, holdBooks)); err != nil {
		return err
	}
	var err error
	n.waiting, err = conversionsWaiting(ctx, tx, `(event_at, id) > ($1, $2)
		ORDER BY event_at, id
		LIMIT $3`, after.At, after.ID, normalizeBatch)
	if err != nil || len(n.waiting) == 0 {
		return err
	}
	rates, err := n.rates(ctx, tx)
	if err != nil {
		return err
	}
	may := capSet{}
	zones := make(map[uuid.UUID]*time.Location)
	for _, c := range n.waiting {
		v := *c
		v.Normalized = proofback.Normalize(c, n.store.currency, rates[proofback.RateDay(c.EventAt)])
		if v.Normalized.RateDate.IsZero() {
			continue
		}
		a, err := n.setup.advertiser(ctx, c.AdvertiserID)
		if err != nil {
			return err
		}
		if zones[c.ID], err = n.setup.zone(a.TimeZone); err != nil {
			return err
		}
		may.addAll(c.OfferID, c.EventAt, zones[c.ID])
		n.done = append(n.done, &v)
	}
	// Whoever moves conversions holds their counters before them, and so the two do not wait
	// for each other. What is being moved just then goes on waiting.
	caps, err := holdCaps(ctx, tx, may, nil)
	if err != nil {
		return err
	}
	held, err := conversionsWaiting(ctx, tx, `id = ANY ($1)
		FOR UPDATE SKIP LOCKED`, column(n.done, func(c *proofback.Conversion) uuid.UUID { return c.ID }))
	if err != nil {
		return err
	}
	stands := make(map[uuid.UUID]proofback.Status, len(held))
	for _, c := range held {
		stands[c.ID] = c.Status
	}
	n.done = slices.DeleteFunc(n.done, func(c *proofback.Conversion) bool { return stands[c.ID] == "" })
	for _, c := range n.done {
		c.Status = stands[c.ID]
		before := *c
		before.Normalized = proofback.Normalized{}
		caps.take(&before, c, zones[c.ID])
	}
	return n.write(ctx, tx, caps)
}

// conversionsWaiting reads those conversions that wait for a rate.
func conversionsWaiting(ctx context.Context, tx pgx.Tx, which string, args ...any) ([]*proofback.Conversion, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, advertiser_id, offer_id, status, event_at,
			coalesce(payout::text, ''), coalesce(payout_currency, ''),
			coalesce(revenue::text, ''), coalesce(revenue_currency, '')
		FROM conversions
		WHERE rate_date IS NULL
		AND `+which, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*proofback.Conversion, error) {
		c := &proofback.Conversion{}
		err := row.Scan(&c.ID, &c.AdvertiserID, &c.OfferID, &c.Status, &c.EventAt,
			&c.Payout.Amount, &c.Payout.Currency, &c.Revenue.Amount, &c.Revenue.Currency)
		c.EventAt = c.EventAt.UTC()
		return c, err
	})
}

func (n *normalizing) rates(ctx context.Context, tx pgx.Tx) (map[time.Time]proofback.Rates, error) {
	var wanted wantedRates
	for _, c := range n.waiting {
		for _, currency := range [...]string{c.Payout.Currency, c.Revenue.Currency, n.store.currency} {
			wanted.add(currency, proofback.RateDay(c.EventAt))
		}
	}
	days := map[time.Time]proofback.Rates{}
	rows, err := tx.Query(ctx, ratesQuery, wanted.currencies, wanted.days, maxRateDays)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return days, scanRates(rows, days)
}

func (n *normalizing) write(ctx context.Context, tx pgx.Tx, caps *capCounters) error {
	if len(n.done) == 0 {
		return nil
	}
	type c = *proofback.Conversion
	var q pgx.Batch
	q.Queue(`
		UPDATE conversions AS c
		SET normal_payout = u.payout::numeric, normal_revenue = u.revenue::numeric, normal_currency = u.currency,
			rate_date = u.rate_date::date, rate_source = u.rate_source
		FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
			AS u (id, advertiser_id, payout, revenue, currency, rate_date, rate_source)
		WHERE c.id = u.id
		AND c.advertiser_id = u.advertiser_id`,
		column(n.done, func(c c) uuid.UUID { return c.ID }),
		column(n.done, func(c c) uuid.UUID { return c.AdvertiserID }),
		column(n.done, func(c c) *string { return orNull(string(c.Normalized.Payout.Amount)) }),
		column(n.done, func(c c) *string { return orNull(string(c.Normalized.Revenue.Amount)) }),
		column(n.done, func(c) string { return n.store.currency }),
		column(n.done, func(c c) time.Time { return c.Normalized.RateDate }),
		column(n.done, func(c c) string { return c.Normalized.RateSource }),
	)
	caps.queue(&q)
	return tx.SendBatch(ctx, &q).Close()
}
