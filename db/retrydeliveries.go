package db

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// maxRetriedShown is how many of the retried deliveries are given back.
const maxRetriedShown = proofback.MaxPage

// Retried is what became of asking for deliveries to be sent once more.
type Retried struct {
	// Deliveries are those that will be: with ids in their order, else the
	// oldest, at most proofback.MaxPage.
	Deliveries []uuid.UUID
	Count      int // of all
	// Problems name the ids that cannot be retried, each under
	// ["ids", its position].
	Problems proofback.Problems
}

// RetryDeliveries has deliveries sent once more, at once and with a schedule of
// retries of their own: those that failed, and those that wait for a later
// attempt, which then is no longer made. Staff may, and affiliates their own.
func (s *Store) RetryDeliveries(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (out Retried, err error) {
	if err := requirePayoutSide(actor); err != nil {
		return out, err
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(ptx pgx.Tx) error {
			known, err := lockDeliveries(ctx, ptx, actor, ids, tx.now)
			if err != nil {
				return err
			}
			// Not the time at which this began: somebody else may have had them retried
			// while it waited for them.
			now := s.clock()
			var keys []DeliveryKey
			for i, id := range ids {
				if problem := known[id].retryProblem(now); problem != "" {
					out.Problems.Add([]string{"ids", strconv.Itoa(i)}, "%s", problem)
					continue
				}
				keys = append(keys, DeliveryKey{id, known[id].destination})
				known[id] = retryable{} // named twice, it is retried once
				out.Deliveries = append(out.Deliveries, id)
			}
			out.Count = len(out.Deliveries)
			tx.touched(proofback.KindDelivery, out.Deliveries...)
			if out.Count == 0 {
				return nil
			}
			_, err = ptx.Exec(ctx, `
				UPDATE deliveries AS d
				SET status = 'PENDING', next_attempt_at = $3, attempts_before = attempts
				FROM unnest($1::uuid[], $2::uuid[]) AS k (id, destination_id)
				WHERE d.id = k.id
				  AND d.destination_id = k.destination_id`, idsOf(keys), destinationsOf(keys), now)
			if err != nil {
				return err
			}
			return tx.lentAsOwner(ctx, ptx, func() error { return s.enqueue(ctx, ptx, keys) })
		})
	})
	return out, err
}

// RetryFailedDeliveries has all failed deliveries that the filter finds sent once
// more, but for those whose destinations are switched off or have been told a
// newer status since: one statement and one bulk enqueue, however many they are.
// The filter's Statuses do not count.
func (s *Store) RetryFailedDeliveries(ctx context.Context, actor proofback.Actor, f proofback.DeliveryFilter) (out Retried, err error) {
	if err := requirePayoutSide(actor); err != nil {
		return out, err
	}
	if actor.Role == proofback.RoleAffiliate {
		if f.AffiliateID != uuid.Nil && f.AffiliateID != actor.AffiliateID {
			return out, nil
		}
		f.AffiliateID = actor.AffiliateID
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(ptx pgx.Tx) error {
			rows, err := ptx.Query(ctx, `
				WITH retried AS (
				  UPDATE deliveries AS d
				  SET status = 'PENDING', next_attempt_at = $3, attempts_before = attempts
				  FROM destinations AS t
				  WHERE t.id = d.destination_id
				    AND t.enabled
				    AND d.status = 'FAILED'
				    AND ($1::uuid IS NULL OR d.affiliate_id = $1 AND t.affiliate_id = $1)
				    AND ($2::uuid IS NULL OR d.destination_id = $2)
				    AND ($4::uuid IS NULL OR d.id >= $4)
				    AND ($5::uuid IS NULL OR d.id < $5)
				    AND NOT `+overtaken+`
				  RETURNING d.id, d.destination_id, d.seq
				)
				SELECT id, destination_id
				FROM retried
				ORDER BY seq`,
				idOrNull(f.AffiliateID), idOrNull(f.DestinationID), tx.now, floorID(f.From), floorID(f.To))
			if err != nil {
				return err
			}
			all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeliveryKey])
			if err != nil || len(all) == 0 {
				return err
			}
			ids := idsOf(all)
			out.Count, out.Deliveries = len(all), ids[:min(len(ids), maxRetriedShown)]
			tx.touched(proofback.KindDelivery, ids...)
			return tx.lentAsOwner(ctx, ptx, func() error { return s.enqueue(ctx, ptx, all) })
		})
	})
	return out, err
}

// retryable is what decides whether a delivery can be retried.
type retryable struct {
	destination uuid.UUID
	status      proofback.DeliveryStatus
	next        time.Time
	enabled     bool
	overtaken   bool
}

// overtaken is whether the destination of delivery d knows a newer status of the
// same conversion, or is just being told of one; $3 is now.
const overtaken = `EXISTS (
  SELECT
  FROM deliveries AS newer
  WHERE newer.conversion_id = d.conversion_id
    AND newer.destination_id = d.destination_id
    AND newer.seq > d.seq
    AND (newer.status = 'DELIVERED' OR newer.status = 'PENDING' AND newer.next_attempt_at <= $3)
)`

// lockDeliveries reads those of the deliveries that are the actor's, and keeps
// them from being changed until the transaction ends.
func lockDeliveries(ctx context.Context, tx pgx.Tx, actor proofback.Actor, ids []uuid.UUID, now time.Time) (map[uuid.UUID]retryable, error) {
	rows, err := tx.Query(ctx, `
		SELECT d.id, d.destination_id, d.status, coalesce(d.next_attempt_at, d.created_at), t.enabled, `+overtaken+`
		FROM (`+deliveryKeys(`$1`)+`) AS k
		JOIN deliveries AS d ON d.id = k.id AND d.destination_id = k.destination_id
		JOIN destinations AS t ON t.id = d.destination_id
		WHERE $2::uuid IS NULL OR d.affiliate_id = $2
		ORDER BY d.id
		FOR UPDATE OF d`, ids, idOrNull(actor.AffiliateID), now)
	if err != nil {
		return nil, err
	}
	known := make(map[uuid.UUID]retryable, len(ids))
	var (
		id uuid.UUID
		r  retryable
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &r.destination, &r.status, &r.next, &r.enabled, &r.overtaken}, func() error {
		known[id] = r
		return nil
	})
	return known, err
}

// retryProblem says why a delivery cannot be retried, "" when it can.
func (r retryable) retryProblem(now time.Time) string {
	switch {
	case r.status == "":
		return "there is no such delivery, or it is named twice"
	case r.status == proofback.DeliveryDelivered:
		return "it has been delivered"
	case r.status == proofback.DeliveryCancelled:
		return "it was cancelled: a newer status took its place"
	case !r.enabled:
		return "its destination is switched off: switch it on first"
	case r.overtaken:
		return "a newer status of the conversion has been told since"
	case r.status == proofback.DeliveryPending && !r.next.After(now):
		return "it is about to be sent"
	}
	return ""
}

// requirePayoutSide is the first line of what staff and affiliates may do.
func requirePayoutSide(actor proofback.Actor) error {
	if err := actor.RequireSignedIn(); err != nil {
		return err
	}
	if !actor.IsStaff() && actor.Role != proofback.RoleAffiliate {
		return proofback.Errorf(proofback.CodeForbidden, "only affiliates and staff of the network may do this")
	}
	return nil
}

// floorID is the lower bound of keys made at or after t, NULL for the zero time.
func floorID(t time.Time) *uuid.UUID {
	if t.IsZero() {
		return nil
	}
	return idOrNull(proofback.UUIDFloor(t))
}
