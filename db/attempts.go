package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// DueDelivery names a delivery that is to be attempted at a moment. The moment is
// the ticket of its job: a delivery has one due time, and once that has changed
// (it was attempted, retried by hand, ended) no job but the newest finds it.
type DueDelivery struct {
	ID            uuid.UUID
	DestinationID uuid.UUID
	DueAt         time.Time // its NextAttemptAt, in whole microseconds
}

// Sending is all that an attempt needs to know.
type Sending struct {
	Delivery proofback.Delivery
	// Before is how many of the delivery's attempts belong to earlier series, which
	// somebody's retry has ended.
	Before      int
	Destination proofback.Destination // without its health
	Secret      string                // signs the request
	Conversion  proofback.Conversion  // what may be told of it: no revenue
	Click       proofback.Click       // its source and subs; empty once the click is dropped
}

// DueDeliveries gives those of the deliveries that wait for an attempt.
func (s *Store) DueDeliveries(ctx context.Context, tx pgx.Tx, actor proofback.Actor, ids []uuid.UUID) ([]DueDelivery, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	rows, err := tx.Query(ctx, `
		SELECT id, destination_id, next_attempt_at
		FROM deliveries
		WHERE id = ANY ($1)
		  AND status = 'PENDING'
		  AND next_attempt_at IS NOT NULL`, ids)
	if err != nil {
		return nil, domainError(err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DueDelivery])
	return due, domainError(err)
}

// LoadDelivery brings together what an attempt needs, in one query; of the
// clicks it reads one partition. It answers NOT_FOUND when the delivery is no
// longer due: somebody else has attempted, retried or ended it.
func (s *Store) LoadDelivery(ctx context.Context, actor proofback.Actor, due DueDelivery) (*Sending, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	// Prepared: planning for every partition of the clicks costs more than running.
	row := s.pool.QueryRow(ctx, `
		SELECT d.conversion_id, d.transition_id, d.affiliate_id, d.click_id, d.event, d.attempts, d.attempts_before, d.created_at,
		  t.method, t.url_template, t.retry_on, t.enabled, t.secret,
		  c.offer_id, c.event_type, coalesce(c.txid, ''), c.event_at, coalesce(c.payout::text, ''), coalesce(c.payout_currency, ''),
		  coalesce(k.source, ''),
		  ARRAY[coalesce(k.sub1, ''), coalesce(k.sub2, ''), coalesce(k.sub3, ''), coalesce(k.sub4, ''), coalesce(k.sub5, ''),
		    coalesce(k.sub6, ''), coalesce(k.sub7, ''), coalesce(k.sub8, ''), coalesce(k.sub9, ''), coalesce(k.sub10, '')]
		FROM deliveries AS d
		JOIN destinations AS t ON t.id = d.destination_id
		JOIN conversions AS c ON c.id = d.conversion_id
		LEFT JOIN clicks AS k ON k.id = d.click_id
		WHERE d.id = $1
		  AND d.destination_id = $2
		  AND d.status = 'PENDING'
		  AND d.next_attempt_at = $3`,
		pgx.QueryExecModeCacheStatement, due.ID, due.DestinationID, due.DueAt)

	var (
		out     Sending
		d, t    = &out.Delivery, &out.Destination
		c, k    = &out.Conversion, &out.Click
		retryOn []string
		secret  []byte
		subs    []string
	)
	err := row.Scan(&d.ConversionID, &d.TransitionID, &d.AffiliateID, &k.ID, &d.Event, &d.Attempts, &out.Before, &d.CreatedAt,
		&t.Method, &t.URLTemplate, &retryOn, &t.Enabled, &secret,
		&c.OfferID, &c.EventType, &c.TxID, &c.EventAt, &c.Payout.Amount, &c.Payout.Currency,
		&k.Source, &subs)
	if err != nil {
		return nil, domainError(err)
	}
	d.ID, d.DestinationID, d.Status, d.NextAttemptAt = due.ID, due.DestinationID, proofback.DeliveryPending, due.DueAt
	t.ID, t.AffiliateID = due.DestinationID, d.AffiliateID
	for _, on := range retryOn {
		t.RetryOn = append(t.RetryOn, proofback.RetryOn(on))
	}
	c.ID, c.AffiliateID, c.ClickID, c.Status = d.ConversionID, d.AffiliateID, k.ID, d.Event
	d.CreatedAt, c.EventAt = d.CreatedAt.UTC(), c.EventAt.UTC()
	copy(k.Subs[:], subs)
	if out.Secret, err = s.sealer.Open(secret, t.ID); err != nil {
		return nil, proofback.Internal("destination "+t.ID.String(), err)
	}
	return &out, nil
}

// AttemptRecord is an attempt that was made, and what follows from it.
type AttemptRecord struct {
	proofback.Attempt // Number is one more than the attempts before it
	Due               DueDelivery
	// Next is when the delivery is to be attempted again; zero: never. It is
	// ignored when the attempt delivered.
	Next time.Time
}

// RecordAttempt writes an attempt down and moves its delivery and the health of
// its destination accordingly; with Next it also enqueues the next attempt. An
// answer of 410 stops the destination. recorded is false when the delivery was
// no longer due, in which case nothing is changed: the same attempt may be
// recorded any number of times.
func (s *Store) RecordAttempt(ctx context.Context, actor proofback.Actor, a AttemptRecord) (recorded bool, err error) {
	if actor.Role != proofback.RoleSystem {
		return false, errSystemOnly
	}
	if a.Outcome == proofback.OutcomeDelivered || a.Next.IsZero() {
		recorded, err = recordAttempt(ctx, s.pool, a, time.Time{})
		return recorded, domainError(err)
	}
	a.Next = a.Next.UTC().Truncate(time.Microsecond)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if recorded, err = recordAttempt(ctx, tx, a, a.Next); err != nil || !recorded {
			return err
		}
		if s.enqueuer == nil {
			return errNoEnqueuer
		}
		next := a.Due
		next.DueAt = a.Next
		return s.enqueuer.EnqueueAttempt(ctx, tx, next)
	})
	return recorded && err == nil, domainError(err)
}

func recordAttempt(ctx context.Context, q interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}, a AttemptRecord, next time.Time,
) (bool, error) {
	status, health, reason := proofback.DeliveryFailed, proofback.HealthFailing, a.Error
	switch {
	case a.Outcome == proofback.OutcomeDelivered:
		status, health, reason = proofback.DeliveryDelivered, proofback.HealthHealthy, ""
	case a.Outcome == proofback.OutcomeGone:
		health = proofback.HealthStopped
	case !next.IsZero():
		status = proofback.DeliveryPending
	}
	// The health is written only when it changes: a destination's row is shared by
	// all of its deliveries.
	tag, err := q.Exec(ctx, `
		WITH delivery AS (
		  UPDATE deliveries
		  SET status = $4, attempts = $5, next_attempt_at = $6
		  WHERE id = $1
		    AND destination_id = $2
		    AND status = 'PENDING'
		    AND next_attempt_at = $3
		    AND attempts = $5 - 1
		  RETURNING id, affiliate_id
		), health AS (
		  UPDATE destinations
		  SET health_state = $13, health_since = $7, health_reason = $14, enabled = enabled AND $13 <> 'STOPPED'
		  WHERE id = $2
		    AND health_state NOT IN ($13, 'STOPPED')
		    AND EXISTS (SELECT FROM delivery)
		)
		INSERT INTO attempts
		  (delivery_id, affiliate_id, number, at, url, outcome, response_status, response_body, duration, error)
		SELECT id, affiliate_id, $5, $7, $8, $9, nullif($10, 0), CASE WHEN $10 <> 0 THEN $11 END, $12, $15
		FROM delivery`,
		pgx.QueryExecModeCacheStatement,
		a.Due.ID, a.Due.DestinationID, a.Due.DueAt,
		string(status), a.Number, timeOrNull(next),
		a.At.UTC(), a.URL, string(a.Outcome), a.ResponseStatus, a.ResponseBody, a.Duration,
		string(health), reason, a.Error)
	if err != nil {
		return false, fmt.Errorf("record an attempt: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// FailDelivery ends a due delivery without an attempt: its destination is
// switched off, or its job failed in every way. It may be retried by hand.
func (s *Store) FailDelivery(ctx context.Context, actor proofback.Actor, due DueDelivery) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	_, err := s.pool.Exec(ctx, `
		UPDATE deliveries
		SET status = 'FAILED', next_attempt_at = NULL
		WHERE id = $1
		  AND destination_id = $2
		  AND status = 'PENDING'
		  AND next_attempt_at = $3`, due.ID, due.DestinationID, due.DueAt)
	return domainError(err)
}

// errNoEnqueuer is a fault in the wiring: SetEnqueuer was not called.
var errNoEnqueuer = errors.New("db: there is a delivery to be sent, but nobody to enqueue it")
