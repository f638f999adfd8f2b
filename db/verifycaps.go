package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// capOffersAtOnce is how many offers' counters are compared together: clicks are read
// once for each so many.
const capOffersAtOnce = 50

// caps hold counters of caps against what is counted.
func (v *verifying) caps(ctx context.Context) (compared int64, err error) {
	err = v.snapshot(ctx, func(tx pgx.Tx) error {
		kept, err := keptFrom(ctx, tx, "clicks")
		if err != nil {
			return err
		}
		for after := uuid.Nil; ; {
			counters, last, err := countersAfter(ctx, tx, after)
			if err != nil || last == uuid.Nil {
				return err
			}
			compared += int64(len(counters))
			if err := v.compareCounters(ctx, tx, counters, kept); err != nil {
				return err
			}
			after = last
		}
	})
	return compared, err
}

// keptCounter is a row of cap_usage.
type keptCounter struct {
	capKey
	ends    time.Time
	created time.Time // of the offer
	used    proofback.Decimal
}

// countersAfter gives the counters of the next offers; the last one is uuid.Nil when
// there are no more. A counter that began by another calendar, before its advertiser's
// time zone was changed, is not counted in any more, and left out.
func countersAfter(ctx context.Context, tx pgx.Tx, after uuid.UUID) (list []keptCounter, last uuid.UUID, err error) {
	rows, err := tx.Query(ctx, `
		SELECT u.offer_id, u.metric, u.period, u.starts, u.used::text, o.created_at, a.time_zone
		FROM (
			SELECT DISTINCT offer_id
			FROM cap_usage
			WHERE offer_id > $1
			ORDER BY offer_id
			LIMIT $2
		) AS next
		JOIN cap_usage AS u USING (offer_id)
		LEFT JOIN offers AS o ON o.id = u.offer_id
		LEFT JOIN advertisers AS a ON a.id = o.advertiser_id
		ORDER BY u.offer_id`, after, capOffersAtOnce)
	if err != nil {
		return nil, last, err
	}
	var k keptCounter
	var created *time.Time
	var zone *string
	_, err = pgx.ForEachRow(rows, []any{&k.offer, &k.metric, &k.period, &k.starts, &k.used, &created, &zone}, func() error {
		if last = k.offer; created == nil || zone == nil {
			return nil
		}
		at, err := time.LoadLocation(*zone)
		if err != nil {
			return err
		}
		span := k.period.Span(k.starts, at)
		if k.created, k.ends, k.starts = *created, span.To, k.starts.UTC(); span.From.Equal(k.starts) {
			list = append(list, k)
		}
		return nil
	})
	return list, last, err
}

// compareCounters counts anew what counters count. Clicks of days that were dropped are
// not there any more: such a counter can be more than what is counted, and not less.
func (v *verifying) compareCounters(ctx context.Context, tx pgx.Tx, counters []keptCounter, kept time.Time) error {
	clicks := map[uuid.UUID]bool{} // offers whose clicks are counted
	for _, k := range counters {
		if k.metric == proofback.CapClicks {
			clicks[k.offer] = true
		}
	}
	offers := make([]uuid.UUID, 0, len(clicks))
	for id := range clicks {
		offers = append(offers, id)
	}
	rows, err := tx.Query(ctx, countAnew,
		column(counters, func(k keptCounter) uuid.UUID { return k.offer }),
		column(counters, func(k keptCounter) string { return string(k.metric) }),
		column(counters, func(k keptCounter) time.Time { return k.starts }),
		column(counters, func(k keptCounter) time.Time { return k.ends }),
		offers, proofback.UUIDFloor(kept))
	if err != nil {
		return err
	}
	var n int
	var counted proofback.Decimal
	var wrong []proofback.Discrepancy
	_, err = pgx.ForEachRow(rows, []any{&n, &counted}, func() error {
		k := &counters[n-1]
		some := k.metric == proofback.CapClicks && k.starts.Before(kept) && k.created.Before(kept.Add(clockSpread))
		if c := k.used.Cmp(counted); c == 0 || some && c > 0 {
			return nil
		}
		metric, period := strings.ToLower(string(k.metric)), strings.ToLower(string(k.period))
		wrong = append(wrong, proofback.Discrepancy{
			Kind: proofback.KindOffer, Subject: k.offer,
			Key:  fmt.Sprintf("%s %s of offer %s from %s", period, metric, k.offer, k.starts.Format(time.RFC3339)),
			What: fmt.Sprintf("the counter is at %s, there are %s", k.used.Canonical(), counted.Canonical()),
		})
		return nil
	})
	for i := 0; err == nil && i < len(wrong); i++ {
		err = v.differs(ctx, wrong[i])
	}
	return err
}

// countAnew counts for counters, by their offers ($1), metrics ($2), begins ($3) and
// ends ($4). Clicks are read once, of the offers that count them ($5) and from the first
// that is kept ($6), by quarter hours, in which every calendar's days begin.
const countAnew = `
	WITH quarters AS MATERIALIZED (
		SELECT offer_id, date_bin('15 minutes', at, '2000-01-01Z') AS starts, count(*) AS n
		FROM clicks
		WHERE offer_id = ANY ($5)
		AND id >= $6
		AND outcome = 0
		AND NOT bot
		AND link_id <> '00000000-0000-0000-0000-000000000000'
		GROUP BY 1, 2
	)
	SELECT k.n, CASE k.metric
		WHEN 'CLICKS' THEN (
			SELECT coalesce(sum(q.n), 0)
			FROM quarters AS q
			WHERE q.offer_id = k.offer_id AND q.starts >= k.starts AND q.starts < k.ends)
		WHEN 'CONVERSIONS' THEN (
			SELECT count(*)
			FROM conversions AS c
			WHERE c.offer_id = k.offer_id AND c.event_at >= k.starts AND c.event_at < k.ends AND c.status <> 'REJECTED' AND NOT c.test)
		ELSE (
			SELECT coalesce(sum(c.normal_payout), 0)
			FROM conversions AS c
			WHERE c.offer_id = k.offer_id AND c.event_at >= k.starts AND c.event_at < k.ends AND c.status <> 'REJECTED' AND NOT c.test)
		END::text
	FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS k (offer_id, metric, starts, ends, n)`
