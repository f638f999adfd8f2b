package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Days and months of a cap begin by the calendar of the advertiser's time zone. While one
// holds, counters that began by another are passed by: when that one holds again, they
// lack what has come meanwhile. So with each change of the time zone those are marked as
// not counted, and are counted as new ones are before anything is judged by them.

// recountPassedBy has an advertiser's counters counted anew that were passed by while a
// time zone held.
func (t *tx) recountPassedBy(ctx context.Context, advertiser uuid.UUID, held string) error {
	zone, err := time.LoadLocation(held)
	if err != nil {
		return err
	}
	return t.asPgx(func(pg pgx.Tx) error {
		rows, err := pg.Query(ctx, `
			SELECT u.offer_id, u.metric, u.period, u.starts
			FROM offers AS o
			JOIN cap_usage AS u ON u.offer_id = o.id
			WHERE o.advertiser_id = $1
			AND u.period <> $2
			AND u.counted`, advertiser, string(proofback.CapTotal))
		if err != nil {
			return err
		}
		passedBy := capSet{}
		var k capKey
		_, err = pgx.ForEachRow(rows, []any{&k.offer, &k.metric, &k.period, &k.starts}, func() error {
			k.starts = k.starts.UTC()
			if span := k.period.Span(k.starts, zone); !span.From.Equal(k.starts) {
				passedBy[k] = span.To
			}
			return nil
		})
		if err != nil || len(passedBy) == 0 {
			return err
		}
		var q pgx.Batch
		newCapCounters().queueHold(&q, passedBy) // in the one order
		q.Queue(`
			UPDATE cap_usage
			SET counted = false
			WHERE (offer_id, metric, period, starts) IN (
				SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]))`, capColumns(passedBy, false)...)
		return pg.SendBatch(ctx, &q).Close()
	})
}

// errNotCounted says that a counter is not counted any more by which a request is to be
// judged.
var errNotCounted = errors.New("db: a counter of conversions is to be counted anew")

// counted refuses counters that a transaction holds but may not judge by.
func (c *capCounters) counted(judging capSet) error {
	for k := range c.uncounted {
		if _, ok := judging[k]; ok {
			return errNotCounted
		}
	}
	return nil
}
