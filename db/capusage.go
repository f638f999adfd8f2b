package db

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// capKey is one counter of cap_usage.
type capKey struct {
	offer  uuid.UUID
	metric proofback.CapMetric
	period proofback.CapPeriod
	starts time.Time
}

// countsConversions is the condition on terms for which counters of conversions are made
// (renew_setup_version).
const countsConversions = `body @> '{"caps": [{"metric": "CONVERSIONS"}]}' OR body @> '{"caps": [{"metric": "PAYOUT"}]}'`

// capCounters are counters that the transaction holds.
type capCounters struct {
	used      map[capKey]proofback.Decimal
	changed   map[capKey]bool
	uncounted map[capKey]bool // that are told of, and hold what has come since
}

func newCapCounters() *capCounters {
	return &capCounters{used: map[capKey]proofback.Decimal{}, changed: map[capKey]bool{}, uncounted: map[capKey]bool{}}
}

// capSet names counters, each with the end of its period.
type capSet map[capKey]time.Time

// add names the counter of a metric and period that a moment falls in.
func (s capSet) add(offer uuid.UUID, metric proofback.CapMetric, period proofback.CapPeriod, at time.Time, zone *time.Location) {
	span := period.Span(at, zone)
	s[capKey{offer, metric, period, span.From}] = span.To
}

// addAll names every counter that a conversion of an offer at a moment can count
// for.
func (s capSet) addAll(offer uuid.UUID, at time.Time, zone *time.Location) {
	for _, metric := range [...]proofback.CapMetric{proofback.CapConversions, proofback.CapPayout} {
		for _, period := range capPeriods {
			s.add(offer, metric, period, at, zone)
		}
	}
}

// conversionsOf is what is stored of what a counter k counts, until it ends.
const conversionsOf = `CASE k.metric
		WHEN 'CONVERSIONS' THEN (
			SELECT count(*)
			FROM conversions AS c
			WHERE c.offer_id = k.offer_id AND c.event_at >= k.starts AND c.event_at < k.ends AND c.status <> 'REJECTED' AND NOT c.test)
		ELSE (
			SELECT coalesce(sum(c.normal_payout), 0)
			FROM conversions AS c
			WHERE c.offer_id = k.offer_id AND c.event_at >= k.starts AND c.event_at < k.ends AND c.status <> 'REJECTED' AND NOT c.test)
		END`

// holdCaps locks the counters among may that exist until tx ends. Those of must are there
// (makeSaleCounters), but where a decision is only looked at, or somebody deleted them: then
// they are made first, with what there is. All come in one order, so that transactions wait
// for each other and do not deadlock.
func holdCaps(ctx context.Context, tx pgx.Tx, may, must capSet) (*capCounters, error) {
	c := newCapCounters()
	if len(may) == 0 {
		return c, nil
	}
	var q pgx.Batch
	if len(must) > 0 {
		q.Queue(`
			INSERT INTO cap_usage (offer_id, metric, period, starts, used)
			SELECT k.offer_id, k.metric, k.period, k.starts, `+conversionsOf+`
			FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) AS k (offer_id, metric, period, starts, ends)
			WHERE NOT EXISTS (
				SELECT
				FROM cap_usage AS u
				WHERE (u.offer_id, u.metric, u.period, u.starts) = (k.offer_id, k.metric, k.period, k.starts))
			ORDER BY 1, 2, 3, 4
			ON CONFLICT DO NOTHING`, capColumns(must, true)...)
	}
	c.queueHold(&q, may)
	return c, tx.SendBatch(ctx, &q).Close()
}

// queueHold locks those of set that exist until the transaction ends.
func (c *capCounters) queueHold(q *pgx.Batch, set capSet) {
	q.Queue(`
		SELECT u.offer_id, u.metric, u.period, u.starts, u.used::text, u.counted
		FROM cap_usage AS u
		WHERE (u.offer_id, u.metric, u.period, u.starts) IN (
			SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]))
		ORDER BY 1, 2, 3, 4
		FOR UPDATE`, capColumns(set, false)...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var k capKey
			var used proofback.Decimal
			var counted bool
			if err := rows.Scan(&k.offer, &k.metric, &k.period, &k.starts, &used, &counted); err != nil {
				return err
			}
			k.starts = k.starts.UTC()
			if c.used[k] = used; !counted {
				c.uncounted[k] = true
			}
		}
		return rows.Err()
	})
}

// of gives the caps that a request is judged by, with what is taken.
func (c *capCounters) of(it *decideItem) []proofback.CapUse {
	var uses []proofback.CapUse
	for _, limit := range it.terms.Caps {
		if limit.Metric == proofback.CapClicks {
			continue
		}
		k := capKey{it.click.OfferID, limit.Metric, limit.Period, limit.Period.Span(it.eventAt(), it.zone).From}
		uses = append(uses, proofback.CapUse{Cap: limit, Used: c.used[k]})
	}
	return uses
}

// take adds what a conversion counts for to each counter that is held, by the
// difference between before and after; nil stands for not being there.
func (c *capCounters) take(before, after *proofback.Conversion, zone *time.Location) {
	if len(c.used) == 0 {
		return
	}
	of := cmp.Or(after, before)
	for _, metric := range [...]proofback.CapMetric{proofback.CapConversions, proofback.CapPayout} {
		delta := takes(after, metric).Sub(takes(before, metric))
		if delta.Sign() == 0 {
			continue
		}
		for _, period := range capPeriods {
			k := capKey{of.OfferID, metric, period, period.Span(of.EventAt, zone).From}
			if used, held := c.used[k]; held {
				c.used[k], c.changed[k] = used.Add(delta), true
			}
		}
	}
}

// takes is what a conversion counts for. A payout that waits for its rate counts
// when it has one.
func takes(c *proofback.Conversion, metric proofback.CapMetric) proofback.Decimal {
	if c == nil {
		return "0"
	}
	d, _ := c.Takes(metric)
	return d
}

// queue writes the counters that changed.
func (c *capCounters) queue(q *pgx.Batch) {
	if len(c.changed) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(c.changed), compareCapKeys)
	q.Queue(`
		UPDATE cap_usage AS u
		SET used = k.used::numeric
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS k (offer_id, metric, period, starts, used)
		WHERE (u.offer_id, u.metric, u.period, u.starts) = (k.offer_id, k.metric, k.period, k.starts)`,
		column(keys, func(k capKey) uuid.UUID { return k.offer }),
		column(keys, func(k capKey) string { return string(k.metric) }),
		column(keys, func(k capKey) string { return string(k.period) }),
		column(keys, func(k capKey) time.Time { return k.starts }),
		column(keys, func(k capKey) string { return string(c.used[k]) }),
	)
}

// capColumns are keys as the columns of an unnest, in the one order.
func capColumns(set capSet, ends bool) []any {
	keys := slices.SortedFunc(maps.Keys(set), compareCapKeys)
	columns := []any{
		column(keys, func(k capKey) uuid.UUID { return k.offer }),
		column(keys, func(k capKey) string { return string(k.metric) }),
		column(keys, func(k capKey) string { return string(k.period) }),
		column(keys, func(k capKey) time.Time { return k.starts }),
	}
	if ends {
		columns = append(columns, column(keys, func(k capKey) time.Time { return set[k] }))
	}
	return columns
}

func compareCapKeys(a, b capKey) int {
	return cmp.Or(bytes.Compare(a.offer[:], b.offer[:]), cmp.Compare(a.metric, b.metric), cmp.Compare(a.period, b.period), a.starts.Compare(b.starts))
}
