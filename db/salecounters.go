package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// A counter is made when the first request or click comes that it limits: when a cap
// is new, and when a period begins. Others may be on their way by then that have found no
// counter, and will not add to it. So it is told of first, empty: whoever begins from then
// on adds to it what changes. Those who had begun are waited for; then what is stored is
// counted, in one sight with what was added since, so that nothing is counted twice. No
// transaction is open meanwhile but that which counts, and only requests that the counter
// limits wait for it.

// makeSaleCounters makes those counters of a set that are not there yet.
func makeSaleCounters(ctx context.Context, pool *pgxpool.Pool, set capSet) error {
	return makeCounters(ctx, pool, set, saleHolders, conversionsOf)
}

// makeCounters makes those counters of a set that are not there yet, given who is waited for
// and what is stored of what a counter k of an offer o counts.
func makeCounters(ctx context.Context, pool *pgxpool.Pool, set capSet, holders, stored string) error {
	missing, err := tellOfCounters(ctx, pool, set)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := awaitHolders(ctx, pool, holders); err != nil {
		return err
	}
	return countCounters(ctx, pool, missing, stored)
}

// tellOfCounters stores those that are not there, and gives those that are not counted.
func tellOfCounters(ctx context.Context, pool *pgxpool.Pool, set capSet) (capSet, error) {
	missing := capSet{}
	columns := capColumns(set, false)
	var q pgx.Batch
	q.Queue(`
		INSERT INTO cap_usage (offer_id, metric, period, starts, used, counted)
		SELECT offer_id, metric, period, starts, 0, false
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS k (offer_id, metric, period, starts)
		ORDER BY 1, 2, 3, 4
		ON CONFLICT DO NOTHING`, columns...)
	q.Queue(`
		SELECT offer_id, metric, period, starts
		FROM cap_usage
		WHERE (offer_id, metric, period, starts) IN (
			SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]))
		AND NOT counted`, columns...).Query(func(rows pgx.Rows) error {
		var k capKey
		_, err := pgx.ForEachRow(rows, []any{&k.offer, &k.metric, &k.period, &k.starts}, func() error {
			k.starts = k.starts.UTC()
			missing[k] = set[k]
			return nil
		})
		return err
	})
	return missing, pool.SendBatch(ctx, &q).Close()
}

// saleHolders are the transactions that hold the books (holdBooks), as all do that make or move
// conversions, before they look for counters.
const saleHolders = `
	SELECT virtualtransaction
	FROM pg_locks
	WHERE locktype = 'advisory'
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND objsubid = 1
	AND (classid::bigint << 32 | objid::bigint) = hashtext('proofback.books')
	AND mode = 'ShareLock'
	AND granted`

// holdersLook is how often it is looked whether the holders are done.
const holdersLook = 5 * time.Millisecond

// awaitHolders waits until all transactions have ended that are among the holders now.
func awaitHolders(ctx context.Context, pool *pgxpool.Pool, holders string) error {
	rows, _ := pool.Query(ctx, holders)
	before, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	tick := time.NewTicker(holdersLook)
	defer tick.Stop()
	for len(before) > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		rows, _ := pool.Query(ctx, holders+` AND virtualtransaction = ANY ($1)`, before)
		if before, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
	}
	return nil
}

// countCounters adds to each counter what is stored and was not added to it. Whoever else
// counts the same comes to as much, and the first one is taken.
func countCounters(ctx context.Context, pool *pgxpool.Pool, set capSet, stored string) error {
	keys := make([]capKey, 0, len(set))
	var more []string
	rows, err := pool.Query(ctx, `
		SELECT u.offer_id, u.metric, u.period, u.starts, (`+stored+` - u.used)::text
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) AS k (offer_id, metric, period, starts, ends)
		JOIN cap_usage AS u USING (offer_id, metric, period, starts)
		LEFT JOIN offers AS o ON o.id = u.offer_id
		WHERE NOT u.counted`, capColumns(set, true)...)
	if err != nil {
		return err
	}
	var k capKey
	var n string
	_, err = pgx.ForEachRow(rows, []any{&k.offer, &k.metric, &k.period, &k.starts, &n}, func() error {
		keys, more = append(keys, k), append(more, n)
		return nil
	})
	if err != nil {
		return err
	}
	var q pgx.Batch
	newCapCounters().queueHold(&q, set) // in the one order
	q.Queue(`
		UPDATE cap_usage AS u
		SET used = u.used + k.more::numeric, counted = true
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS k (offer_id, metric, period, starts, more)
		WHERE (u.offer_id, u.metric, u.period, u.starts) = (k.offer_id, k.metric, k.period, k.starts)
		AND NOT u.counted`,
		column(keys, func(k capKey) uuid.UUID { return k.offer }),
		column(keys, func(k capKey) string { return string(k.metric) }),
		column(keys, func(k capKey) string { return string(k.period) }),
		column(keys, func(k capKey) time.Time { return k.starts }),
		more)
	return pool.SendBatch(ctx, &q).Close()
}

// needed are the counters by which a request is limited.
func (it *decideItem) needed(set capSet) {
	if !it.mayCount() {
		return
	}
	for _, c := range it.terms.Caps {
		if c.Metric != proofback.CapClicks {
			set.add(it.click.OfferID, c.Metric, c.Period, it.eventAt(), it.zone)
		}
	}
}

// aroundEvent is more than an event's time may be before its click, or after its request,
// for a rule to let it through.
const aroundEvent = 24 * time.Hour

// mayCount reports whether a request may come to be judged by caps at all. One that is
// refused before must have no counters made: it would be one for each day that somebody
// names who need not even prove to be the advertiser, and the batch would wait for each.
func (it *decideItem) mayCount() bool {
	r := &it.reading
	if it.click == nil || r.Refusal != nil || len(r.Problems) > 0 {
		return false
	}
	from, to := it.click.At, it.in.ReceivedAt
	if r.FirstReceivedAt.After(to) {
		to = r.FirstReceivedAt
	}
	at := r.Claim.EventAt
	return at.IsZero() || at.After(from.Add(-aroundEvent)) && at.Before(to.Add(aroundEvent))
}

// makeCounters makes the counters by which the batch is limited.
func (b *decideBatch) makeCounters(ctx context.Context) error {
	set := capSet{}
	for i := range b.items {
		b.items[i].needed(set)
	}
	return b.store.counters.ensure(ctx, set)
}
