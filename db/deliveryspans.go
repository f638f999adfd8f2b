package db

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// deliveriesBySpan begins the query for a page of the deliveries of several destinations
// that are like a filter: put together span by span of time, from the page's own end on,
// each eight times as long as the one before. No more is read than the page needs, but for
// what lies in the last span, and LIMIT keeps those that follow from being read at all,
// also when few deliveries are like the filter. A destination is looked at for spans alone
// that its first delivery leaves something in.
func (s *Store) deliveriesBySpan(ctx context.Context, tx *tx, q *bun.SelectQuery, f proofback.DeliveryFilter, p proofback.Page) (*bun.SelectQuery, error) {
	spans, err := s.spansOf(ctx, tx, f, p)
	if err != nil {
		return nil, err
	}
	one := deliveriesOfOne(tx, f, p, "delivery.*").
		Where("delivery.id >= span.since").
		Where("delivery.id < span.until")
	all := tx.NewSelect().
		Table("destination").
		ColumnExpr("delivery.*").
		Join("CROSS JOIN LATERAL (?) AS delivery", one)
	if p.Backward {
		all.Where("destination.first < span.until")
	} else {
		all.Where("destination.first >= span.since")
	}
	return q.ModelTableExpr(`(
			WITH destination AS MATERIALIZED (?)
			SELECT delivery.*
			FROM unnest(ARRAY[?]::uuid[], ARRAY[?]::uuid[]) AS span (since, until)
			CROSS JOIN LATERAL (?) AS delivery
			LIMIT ?
		) AS delivery`,
		firstDeliveries(tx, f, p),
		bun.List(column(spans, func(s span) uuid.UUID { return s.since })),
		bun.List(column(spans, func(s span) uuid.UUID { return s.until })),
		pageByID(all, "delivery.id", p), p.Limit+1), nil
}

// spansOf are those of a page.
func (s *Store) spansOf(ctx context.Context, tx *tx, f proofback.DeliveryFilter, p proofback.Page) ([]span, error) {
	all := span{uuid.Nil, uuid.Max}
	if !f.From.IsZero() {
		all.since = proofback.UUIDFloor(f.From.Add(-keySlack))
	}
	if !f.To.IsZero() {
		all.until = proofback.UUIDFloor(f.To.Add(keySlack))
	}
	if p.Before != nil {
		all.since = laterID(all.since, p.Before.ID)
	}
	if p.After != nil && laterID(all.until, p.After.ID) == all.until {
		all.until = p.After.ID
	}
	switch {
	case !p.Backward:
		begin := s.clock()
		if end := proofback.UUIDTime(all.until); end.Before(begin) {
			begin = end
		}
		return all.back(begin), nil
	case all.since == uuid.Nil:
		var oldest []uuid.UUID
		err := tx.NewRaw(`
			SELECT d.id
			FROM destinations AS t
			CROSS JOIN LATERAL (SELECT id FROM deliveries WHERE destination_id = t.id ORDER BY id LIMIT 1) AS d
			ORDER BY d.id
			LIMIT 1`).Scan(ctx, &oldest)
		if err != nil || len(oldest) == 0 {
			return []span{all}, err
		}
		return all.forth(proofback.UUIDTime(oldest[0])), nil
	}
	return all.forth(proofback.UUIDTime(all.since)), nil
}

// span is a range of keys: since is in it, until is not.
type span struct{ since, until uuid.UUID }

const (
	firstSpan = time.Second
	longer    = 8
	lastSpan  = 100 * 365 * 24 * time.Hour
)

// back cuts a span into such that follow each other into the past from a moment on.
// What is later is in the first one.
func (s span) back(begin time.Time) []span {
	var spans []span
	for length := firstSpan; length < lastSpan; length *= longer {
		begin = begin.Add(-length)
		cut := proofback.UUIDFloor(begin)
		if laterID(s.since, cut) == s.since {
			break
		}
		if laterID(s.until, cut) == s.until {
			spans = append(spans, span{cut, s.until})
			s.until = cut
		}
	}
	return append(spans, s)
}

// forth cuts a span into such that follow each other from a moment on. What is earlier is
// in the first one.
func (s span) forth(begin time.Time) []span {
	var spans []span
	for length := firstSpan; length < lastSpan; length *= longer {
		begin = begin.Add(length)
		cut := proofback.UUIDFloor(begin)
		if laterID(s.until, cut) == cut {
			break
		}
		if laterID(s.since, cut) == cut {
			spans = append(spans, span{s.since, cut})
			s.since = cut
		}
	}
	return append(spans, s)
}

// laterID is the later of two keys.
func laterID(a, b uuid.UUID) uuid.UUID {
	if bytes.Compare(a[:], b[:]) < 0 {
		return b
	}
	return a
}
