package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// MaxBackfill is how many deliveries one back-fill makes.
const MaxBackfill = 100_000

// BackfillDestination tells a destination of what happened before it was there:
// of the statuses that conversions reached in a range of time, in their order, as
// far as it wants to hear of them. What it was told of already, or knows a newer
// status of, it is not told again, so that the same range may be asked for any
// number of times. It gives how many deliveries were made.
func (s *Store) BackfillDestination(ctx context.Context, actor proofback.Actor, id uuid.UUID, r proofback.TimeRange) (made int, err error) {
	if err := actor.RequireSignedIn(); err != nil {
		return 0, err
	}
	var problems proofback.Problems
	if r.From.IsZero() {
		problems.Add([]string{"from"}, "say from when on")
	}
	if r.To.IsZero() || !r.To.After(r.From) {
		problems.Add([]string{"to"}, "say until when; it must be after from")
	}
	if err := problems.Err(); err != nil {
		return 0, err
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.lockDestination(ctx, id)
		if err != nil {
			return err
		}
		if !row.Enabled && row.HealthState != proofback.HealthPaused {
			return &proofback.Error{Code: proofback.CodeConflict, Field: []string{"id"}, Message: "the endpoint is switched off: switch it on first"}
		}
		tx.touched(proofback.KindAffiliatePostback, id)
		return tx.asPgx(func(ptx pgx.Tx) error {
			keys, err := backfill(ctx, ptx, row, r, tx)
			if err != nil {
				return err
			}
			if made = len(keys); made > MaxBackfill {
				return proofback.Invalid([]string{"to"}, "more than %d deliveries would come of it: take a shorter time", MaxBackfill)
			}
			return tx.lentAsOwner(ctx, ptx, func() error { return s.enqueue(ctx, ptx, keys) })
		})
	})
	if err != nil {
		made = 0
	}
	return made, err
}

// backfill records the deliveries, one more than may be at most. Where the
// destination wants the latest status alone, the others are cancelled before they
// are sent, as always.
func backfill(ctx context.Context, ptx pgx.Tx, d *destinationRow, r proofback.TimeRange, tx *tx) ([]DeliveryKey, error) {
	rows, err := ptx.Query(ctx, `
		WITH made AS (
		  INSERT INTO deliveries
		    (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at, next_attempt_at)
		  SELECT uuid_v7($3), c.id, t.id, c.click_id, c.affiliate_id, $1, t.to_status, 'PENDING', $3, $3
		  FROM transitions AS t
		  JOIN conversions AS c ON c.id = t.conversion_id AND c.advertiser_id = t.advertiser_id
		  WHERE t.affiliate_id = $2
		    AND t.at >= $4
		    AND t.at < $5
		    AND t.to_status = ANY ($6)
		    AND c.affiliate_id = $2
		    AND NOT c.test
		    AND ($7::uuid IS NULL OR c.offer_id = $7)
		    AND ($8::text IS NULL OR c.event_type = $8)
		    AND NOT EXISTS (
		      SELECT
		      FROM deliveries AS told
		      WHERE told.conversion_id = c.id
		        AND told.destination_id = $1
		        AND told.transition_id >= t.id
		    )
		  ORDER BY t.id
		  LIMIT $9
		  ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
		  RETURNING id, destination_id, seq
		)
		SELECT id, destination_id
		FROM made
		ORDER BY seq`,
		d.ID, d.AffiliateID, tx.now, r.From, r.To, d.Statuses,
		idOrNull(d.OfferID), orNull(d.EventType), MaxBackfill+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[DeliveryKey])
}
