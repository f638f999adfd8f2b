package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// ParkDeliveries takes due deliveries out of the way until their destinations are
// switched on, or their breakers let something through: they keep their place,
// and cost nothing meanwhile. For each it tells whether it is parked; one whose
// destination is in order again is not.
func (s *Store) ParkDeliveries(ctx context.Context, actor proofback.Actor, due []DueDelivery) ([]bool, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	// The lock makes this wait for whoever is putting the destination in order, who
	// would else not see what is parked at the same moment.
	rows, err := s.pool.Query(ctx, `
		WITH due AS (
		  SELECT *
		  FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS due (id, destination_id, due_at, n)
		), shut AS (
		  SELECT id
		  FROM destinations
		  WHERE id = ANY ($2)
		    AND NOT gone
		    AND (NOT enabled OR open_until IS NOT NULL)
		  ORDER BY id
		  FOR SHARE
		), moved AS (
		  UPDATE deliveries AS d
		  SET next_attempt_at = NULL
		  FROM due
		  JOIN shut ON shut.id = due.destination_id
		  WHERE d.id = due.id
		    AND d.destination_id = due.destination_id
		    AND d.status = 'PENDING'
		    AND d.next_attempt_at = due.due_at
		  RETURNING due.n, d.id, d.destination_id, d.seq
		), parked AS (
		  INSERT INTO parked (destination_id, seq, delivery_id)
		  SELECT destination_id, seq, id
		  FROM moved
		)
		SELECT n
		FROM moved`,
		column(due, func(d DueDelivery) uuid.UUID { return d.ID }),
		column(due, func(d DueDelivery) uuid.UUID { return d.DestinationID }),
		column(due, func(d DueDelivery) time.Time { return d.DueAt }))
	if err != nil {
		return nil, domainError(err)
	}
	parked := make([]bool, len(due))
	var n int
	_, err = pgx.ForEachRow(rows, []any{&n}, func() error {
		parked[n-1] = true
		return nil
	})
	return parked, domainError(err)
}

// ReleaseParked has what is parked for a destination attempted, the oldest first:
// up to limit, or none where nothing may be sent yet. Where the breaker is half-open it
// ends with the first one that will be sent, which shows whether the destination is in
// order: what was cancelled, or only waits for another status or gives way to it, shows
// nothing, and nobody would release the next. What is parked for a destination that is
// gone is let go as well: whoever comes to attempt it finds that out, and ends it. It
// gives how many they were.
func (s *Store) ReleaseParked(ctx context.Context, actor proofback.Actor, destination uuid.UUID, limit int) (released int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	now := s.clock()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH destination AS (
			  SELECT id, latest_only, open_until IS NOT NULL AS half_open
			  FROM destinations
			  WHERE id = $1
			    AND `+releasable(`$2`)+`
			  FOR SHARE
			), portion AS (
			  SELECT destination_id, seq, delivery_id
			  FROM parked
			  WHERE destination_id = (SELECT id FROM destination)
			  ORDER BY seq
			  LIMIT $3
			), oldest AS (
			  SELECT p.destination_id, p.seq,
			    count(*) FILTER (WHERE t.half_open AND EXISTS (
			      SELECT
			      FROM deliveries AS d
			      WHERE d.id = p.delivery_id
			        AND d.destination_id = p.destination_id
			        AND d.status = 'PENDING'
			        AND NOT EXISTS (
			          SELECT
			          FROM deliveries AS other
			          WHERE other.conversion_id = d.conversion_id
			            AND other.destination_id = d.destination_id
			            AND CASE WHEN t.latest_only THEN other.seq > d.seq ELSE other.seq < d.seq AND other.status = 'PENDING' END
			        )
			    )) OVER (ORDER BY p.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS sent_before
			  FROM portion AS p
			  CROSS JOIN destination AS t
			), taken AS (
			  DELETE FROM parked
			  USING oldest
			  WHERE parked.destination_id = oldest.destination_id
			    AND parked.seq = oldest.seq
			    AND oldest.sent_before = 0
			  RETURNING parked.destination_id, parked.delivery_id
			), due AS (
			  UPDATE deliveries AS d
			  SET next_attempt_at = $2
			  FROM taken
			  WHERE d.id = taken.delivery_id
			    AND d.destination_id = taken.destination_id
			    AND d.status = 'PENDING'
			    AND d.next_attempt_at IS NULL
			  RETURNING d.id, d.seq
			)
			SELECT taken.n, due.id
			FROM (SELECT count(*) AS n FROM taken) AS taken
			LEFT JOIN due ON true
			ORDER BY due.seq`, destination, now, limit)
		if err != nil {
			return err
		}
		var plan Plan
		for rows.Next() {
			var id *uuid.UUID
			if err := rows.Scan(&released, &id); err != nil {
				rows.Close()
				return err
			}
			if id != nil {
				plan.Attempts = append(plan.Attempts, DueDelivery{*id, destination, now})
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return s.plan(ctx, tx, plan)
	})
	return released, domainError(err)
}

// releasable is the condition on which what is parked for a destination is let go; now
// names the parameter.
func releasable(now string) string {
	return `(gone OR enabled AND (open_until IS NULL OR open_until <= ` + now + ` AND (probe_until IS NULL OR probe_until <= ` + now + `)))`
}

// StrandedDestinations gives those for which something is parked although it may
// be sent, or never will be: whoever was to release it has died.
func (s *Store) StrandedDestinations(ctx context.Context, actor proofback.Actor) ([]uuid.UUID, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	rows, err := s.pool.Query(ctx, `
		SELECT id
		FROM destinations AS d
		WHERE `+releasable(`$1`)+`
		  AND EXISTS (SELECT FROM parked WHERE destination_id = d.id)`, s.clock())
	if err != nil {
		return nil, domainError(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, domainError(err)
}
