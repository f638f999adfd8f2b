package db

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// countersAtOnce is about how many counters are compared together: clicks are read once
// for each so many.
const countersAtOnce = 100_000

// caps hold counters of caps against what is counted.
func (v *verifying) caps(ctx context.Context) (compared int64, err error) {
	err = v.snapshot(ctx, func(tx pgx.Tx) error {
		kept, err := keptFrom(ctx, tx, "clicks")
		if err != nil {
			return err
		}
		for _, c := range countings(kept) {
			n, err := v.compareCaps(ctx, tx, c, kept)
			if compared += n; err != nil {
				return err
			}
		}
		return nil
	})
	return compared, err
}

// counting is how the counters of a metric are counted anew: all that they count is read
// once, by quarter hours, in which every calendar's days begin.
type counting struct {
	metric  proofback.CapMetric
	counted string // an expression, and what it is of, at the time at
	at      string
}

// countings are those of all metrics, given from when on clicks are kept.
func countings(kept time.Time) []counting {
	const conversions = `conversions WHERE status <> 'REJECTED' AND NOT test`
	return []counting{
		{proofback.CapClicks, `count(*)::text FROM clicks WHERE outcome = 0 AND NOT bot AND link_id <> '00000000-0000-0000-0000-000000000000' AND id >= '` +
			proofback.UUIDFloor(kept).String() + "'", "at"},
		{proofback.CapConversions, `count(*)::text FROM ` + conversions, "event_at"},
		{proofback.CapPayout, `coalesce(sum(normal_payout), 0)::text FROM ` + conversions, "event_at"},
	}
}

// compareCaps compares the counters of a metric with what they count, some offers at a
// time. Clicks of days that were dropped are not there any more: such a counter can be
// more than what is counted, and not less.
func (v *verifying) compareCaps(ctx context.Context, tx pgx.Tx, c counting, kept time.Time) (compared int64, err error) {
	for after := uuid.Nil; ; {
		counters, last, err := countersAfter(ctx, tx, c.metric, after)
		if err != nil || last == uuid.Nil {
			return compared, err
		}
		if err := c.anew(ctx, tx, counters); err != nil {
			return compared, err
		}
		for i := range counters {
			k := &counters[i]
			some := k.metric == proofback.CapClicks && k.starts.Before(kept) && k.created.Before(kept.Add(clockSpread))
			if differs := k.used.Cmp(k.counted); differs == 0 || some && differs > 0 {
				continue
			}
			metric, period := strings.ToLower(string(k.metric)), strings.ToLower(string(k.period))
			err := v.differs(ctx, proofback.Discrepancy{
				Kind: proofback.KindOffer, Subject: k.offer,
				Key:  fmt.Sprintf("%s %s of offer %s from %s", period, metric, k.offer, k.starts.Format(time.RFC3339)),
				What: fmt.Sprintf("the counter is at %s, there are %s", k.used.Canonical(), k.counted.Canonical()),
			})
			if err != nil {
				return compared, err
			}
		}
		compared += int64(len(counters))
		after = last
	}
}

// keptCounter is a row of cap_usage.
type keptCounter struct {
	capKey
	ends    time.Time
	created time.Time // of the offer
	used    proofback.Decimal
	counted proofback.Decimal // anew
}

// countersAfter gives the counters of the next offers, one at least, of a metric; the
// last one is uuid.Nil when there are no more. A counter that began by another calendar,
// before its advertiser's time zone was changed, is not counted in any more, and left out.
func countersAfter(ctx context.Context, tx pgx.Tx, metric proofback.CapMetric, after uuid.UUID) (list []keptCounter, last uuid.UUID, err error) {
	rows, err := tx.Query(ctx, `
		SELECT u.offer_id, u.metric, u.period, u.starts, u.used::text, o.created_at, a.time_zone
		FROM (
			SELECT offer_id, sum(count(*)) OVER (ORDER BY offer_id) - count(*) AS before
			FROM cap_usage
			WHERE offer_id > $1
			AND metric = $3
			AND counted
			GROUP BY offer_id
		) AS next
		JOIN cap_usage AS u USING (offer_id)
		LEFT JOIN offers AS o ON o.id = u.offer_id
		LEFT JOIN advertisers AS a ON a.id = o.advertiser_id
		WHERE next.before < $2
		AND u.metric = $3
		AND u.counted
		ORDER BY u.offer_id`, after, countersAtOnce, metric)
	if err != nil {
		return nil, last, err
	}
	k := keptCounter{counted: "0"}
	var created *time.Time
	var zone *string
	zones := map[string]*time.Location{}
	_, err = pgx.ForEachRow(rows, []any{&k.offer, &k.metric, &k.period, &k.starts, &k.used, &created, &zone}, func() error {
		if last = k.offer; created == nil || zone == nil {
			return nil
		}
		if zones[*zone] == nil {
			if zones[*zone], err = time.LoadLocation(*zone); err != nil {
				return err
			}
		}
		span := k.period.Span(k.starts, zones[*zone])
		if k.created, k.ends, k.starts = *created, span.To, k.starts.UTC(); span.From.Equal(k.starts) {
			list = append(list, k)
		}
		return nil
	})
	return list, last, err
}

// anew counts what counters count.
func (c *counting) anew(ctx context.Context, tx pgx.Tx, counters []keptCounter) error {
	of := map[uuid.UUID][]*keptCounter{}
	for i := range counters {
		of[counters[i].offer] = append(of[counters[i].offer], &counters[i])
	}
	rows, err := tx.Query(ctx, `
		SELECT offer_id, date_bin('15 minutes', `+c.at+`, '2000-01-01Z') AS starts, `+c.counted+`
		AND offer_id = ANY ($1)
		GROUP BY 1, 2
		ORDER BY 1, 2`, slices.Collect(maps.Keys(of)))
	if err != nil {
		return err
	}
	t := countedTimes{all: "0"}
	var offer uuid.UUID
	var at time.Time
	var n proofback.Decimal
	_, err = pgx.ForEachRow(rows, []any{&offer, &at, &n}, func() error {
		if offer != t.offer {
			t.count(of[t.offer])
			t = countedTimes{offer: offer, starts: t.starts[:0], until: t.until[:0], all: "0"}
		}
		t.all = t.all.Add(n)
		t.starts, t.until = append(t.starts, at), append(t.until, t.all)
		return nil
	})
	t.count(of[t.offer])
	return err
}

// countedTimes are the quarter hours in which there was something of an offer, and how
// much there was up to the end of each.
type countedTimes struct {
	offer  uuid.UUID
	starts []time.Time
	until  []proofback.Decimal
	all    proofback.Decimal
}

// count tells counters how much there was in their times.
func (t *countedTimes) count(counters []*keptCounter) {
	before := func(at time.Time) proofback.Decimal {
		n := sort.Search(len(t.starts), func(i int) bool { return !t.starts[i].Before(at) })
		if n == 0 {
			return "0"
		}
		return t.until[n-1]
	}
	for _, k := range counters {
		k.counted = before(k.ends).Sub(before(k.starts))
	}
}
