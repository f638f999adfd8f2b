package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// place is where a delivery stands in the line of what a destination is told of a
// conversion: statuses arrive in the order in which they were reached, so each is
// attempted only when none before it is PENDING. A job that comes too early snoozes;
// whatever ends a delivery wakes the next one, which is quicker.
type place struct {
	conversion, destination uuid.UUID
	seq                     int64
}

// wake gives the deliveries that stood behind those that have ended new tickets,
// and gives these. The jobs with the old ones find nothing to do.
func wake(ctx context.Context, tx pgx.Tx, ended []place, now time.Time) ([]DueDelivery, error) {
	if len(ended) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		WITH next AS (
		  SELECT DISTINCT ON (e.conversion_id, e.destination_id) d.id, d.destination_id, d.next_attempt_at
		  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS e (conversion_id, destination_id, seq)
		  JOIN deliveries AS d
		    ON d.conversion_id = e.conversion_id
		    AND d.destination_id = e.destination_id
		    AND d.seq > e.seq
		  WHERE d.status = 'PENDING'
		  ORDER BY e.conversion_id, e.destination_id, d.seq
		)
		UPDATE deliveries AS d
		SET next_attempt_at = greatest($4, d.next_attempt_at + interval '1 microsecond')
		FROM next
		WHERE d.id = next.id
		  AND d.destination_id = next.destination_id
		  AND d.status = 'PENDING'
		  AND d.next_attempt_at = next.next_attempt_at
		  AND d.next_attempt_at <= $4
		  AND d.attempts = d.attempts_before
		RETURNING d.id, d.destination_id, d.next_attempt_at`,
		pgx.QueryExecModeCacheStatement,
		column(ended, func(p place) uuid.UUID { return p.conversion }),
		column(ended, func(p place) uuid.UUID { return p.destination }),
		column(ended, func(p place) int64 { return p.seq }),
		now)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[DueDelivery])
}

// EndDelivery ends a due delivery without an attempt: as FAILED when its
// destination is no more or its job failed in every way, as CANCELLED when a newer
// status has taken its place. What failed may be retried by hand.
func (s *Store) EndDelivery(ctx context.Context, actor proofback.Actor, due DueDelivery, status proofback.DeliveryStatus) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return domainError(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE deliveries
			SET status = $4, next_attempt_at = NULL
			WHERE id = $1
			  AND destination_id = $2
			  AND status = 'PENDING'
			  AND next_attempt_at = $3
			RETURNING conversion_id, destination_id, seq`, due.ID, due.DestinationID, due.DueAt, string(status))
		if err != nil {
			return err
		}
		ended, err := collectPlaces(rows)
		if err != nil {
			return err
		}
		woken, err := wake(ctx, tx, ended, s.clock())
		if err != nil {
			return err
		}
		return s.plan(ctx, tx, Plan{Attempts: woken})
	}))
}

// CancelOlder cancels what a destination that wants the latest status alone would
// have been told before a due delivery, but for what may be being sent at this
// moment: clear is whether nothing is.
func (s *Store) CancelOlder(ctx context.Context, actor proofback.Actor, due DueDelivery) (clear bool, err error) {
	if actor.Role != proofback.RoleSystem {
		return false, errSystemOnly
	}
	// What is attempted later, or parked, has no attempt in flight.
	err = s.pool.QueryRow(ctx, `
		WITH this AS (
		  SELECT conversion_id, destination_id, seq
		  FROM deliveries
		  WHERE id = $1
		    AND destination_id = $2
		), cancelled AS (
		  UPDATE deliveries AS d
		  SET status = 'CANCELLED', next_attempt_at = NULL
		  FROM this
		  WHERE d.conversion_id = this.conversion_id
		    AND d.destination_id = this.destination_id
		    AND d.seq < this.seq
		    AND d.status = 'PENDING'
		    AND (d.next_attempt_at > $3 OR d.next_attempt_at IS NULL)
		  RETURNING d.id
		)
		SELECT NOT EXISTS (
		  SELECT
		  FROM deliveries AS d
		  JOIN this
		    ON d.conversion_id = this.conversion_id
		    AND d.destination_id = this.destination_id
		    AND d.seq < this.seq
		  WHERE d.status = 'PENDING'
		    AND d.id NOT IN (SELECT id FROM cancelled)
		)`, due.ID, due.DestinationID, s.clock()).Scan(&clear)
	return clear, domainError(err)
}

func collectPlaces(rows pgx.Rows) ([]place, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p place, err error) {
		err = row.Scan(&p.conversion, &p.destination, &p.seq)
		return p, err
	})
}
