package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// AttemptRecord is an attempt that was made, and what follows from it.
type AttemptRecord struct {
	proofback.Attempt // Number is one more than the attempts before it
	Due               DueDelivery
	// Next is when the delivery is to be attempted again; zero: never. It is
	// ignored when the attempt delivered.
	Next time.Time
	// LatestOnly has the delivery cancelled rather than attempted again when the
	// conversion has moved on.
	LatestOnly bool
}

// status is that of the delivery after the attempt.
func (a *AttemptRecord) status() proofback.DeliveryStatus {
	switch {
	case a.Outcome == proofback.OutcomeDelivered:
		return proofback.DeliveryDelivered
	case a.Next.IsZero():
		return proofback.DeliveryFailed
	}
	return proofback.DeliveryPending
}

// next is when the delivery is to be attempted again, at the precision that
// Postgres keeps.
func (a *AttemptRecord) next() time.Time {
	if a.status() != proofback.DeliveryPending {
		return time.Time{}
	}
	return a.Next.UTC().Truncate(time.Microsecond)
}

// RecordAttempts writes attempts down, moves their deliveries and the health of
// their destinations accordingly, and enqueues what follows: next attempts, and
// what waited for these. All of it is one transaction. For each attempt it tells
// whether it was recorded: the same one may be given any number of times, and
// counts once. One that was made while its delivery was cancelled is recorded,
// and makes it delivered if it was.
func (s *Store) RecordAttempts(ctx context.Context, actor proofback.Actor, policy proofback.HealthPolicy, attempts []AttemptRecord) ([]bool, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	recorded := make([]bool, len(attempts))
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		moved, err := recordAttempts(ctx, tx, attempts)
		if err != nil {
			return err
		}
		for i := range recorded {
			recorded[i] = false // what a transaction that failed had said
		}
		var plan Plan
		var ended []place
		known := make([]AttemptRecord, 0, len(moved))
		for _, m := range moved {
			a := attempts[m.n]
			recorded[m.n] = true
			known = append(known, a)
			if m.status == proofback.DeliveryPending {
				plan.Attempts = append(plan.Attempts, DueDelivery{a.Due.ID, a.Due.DestinationID, a.next()})
			} else {
				ended = append(ended, m.place)
			}
		}
		now := s.clock()
		woken, err := wake(ctx, tx, ended, now)
		if err != nil {
			return err
		}
		plan.Attempts = append(plan.Attempts, woken...)
		if plan.Releases, err = s.recordHealth(ctx, tx, policy, known, now); err != nil {
			return err
		}
		return s.plan(ctx, tx, plan)
	})
	return recorded, domainError(err)
}

// movedDelivery is what an attempt made of a delivery.
type movedDelivery struct {
	n      int // which of the attempts
	id     uuid.UUID
	status proofback.DeliveryStatus
	place
}

// recordAttempts writes attempts down and moves their deliveries.
func recordAttempts(ctx context.Context, tx pgx.Tx, attempts []AttemptRecord) ([]movedDelivery, error) {
	type a = AttemptRecord
	rows, err := tx.Query(ctx, `
		WITH made AS (
		  SELECT *
		  FROM unnest(
		    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::boolean[],
		    $7::integer[], $8::timestamptz[], $9::text[], $10::text[], $11::integer[], $12::text[], $13::bigint[], $14::text[],
		    $15::text[], $16::text[], $17::text[], $18::text[]
		  ) WITH ORDINALITY AS made (
		    id, destination_id, due_at, status, next_attempt_at, latest_only,
		    number, at, url, outcome, response_status, response_body, micros, error,
		    method, request_headers, request_body, response_headers, n
		  )
		), moved AS (
		  UPDATE deliveries AS d
		  SET
		    status = CASE
		      WHEN d.status = 'CANCELLED' AND m.status <> 'DELIVERED' THEN 'CANCELLED'
		      WHEN m.status = 'PENDING' AND m.latest_only AND EXISTS (
		        SELECT
		        FROM deliveries AS newer
		        WHERE newer.conversion_id = d.conversion_id
		          AND newer.destination_id = d.destination_id
		          AND newer.seq > d.seq
		      ) THEN 'CANCELLED'
		      ELSE m.status
		    END,
		    attempts = m.number,
		    next_attempt_at = m.next_attempt_at
		  FROM made AS m
		  WHERE d.id = m.id
		    AND d.destination_id = m.destination_id
		    AND d.attempts = m.number - 1
		    AND (d.status = 'PENDING' AND d.next_attempt_at = m.due_at OR d.status = 'CANCELLED')
		  RETURNING m.n, d.id, d.affiliate_id, d.status, d.conversion_id, d.destination_id, d.seq
		), written AS (
		  INSERT INTO attempts (
		    delivery_id, affiliate_id, number, at, url, outcome, response_status, response_body, duration, error,
		    method, request_headers, request_body, response_headers)
		  SELECT
		    m.id, moved.affiliate_id, m.number, m.at, m.url, m.outcome,
		    nullif(m.response_status, 0), CASE WHEN m.response_status <> 0 THEN m.response_body END, m.micros * interval '1 microsecond', m.error,
		    m.method, m.request_headers, m.request_body, m.response_headers
		  FROM moved
		  JOIN made AS m USING (n)
		)
		SELECT n, id, status, conversion_id, destination_id, seq
		FROM moved`,
		pgx.QueryExecModeCacheStatement,
		column(attempts, func(r a) uuid.UUID { return r.Due.ID }),
		column(attempts, func(r a) uuid.UUID { return r.Due.DestinationID }),
		column(attempts, func(r a) time.Time { return r.Due.DueAt }),
		column(attempts, func(r a) string { return string(r.status()) }),
		column(attempts, func(r a) *time.Time { return timeOrNull(r.next()) }),
		column(attempts, func(r a) bool { return r.LatestOnly }),
		column(attempts, func(r a) int { return r.Number }),
		column(attempts, func(r a) time.Time { return r.At.UTC() }),
		column(attempts, func(r a) string { return r.URL }),
		column(attempts, func(r a) string { return string(r.Outcome) }),
		column(attempts, func(r a) int { return r.ResponseStatus }),
		column(attempts, func(r a) string { return r.ResponseBody }),
		column(attempts, func(r a) int64 { return r.Duration.Microseconds() }),
		column(attempts, func(r a) string { return r.Error }),
		column(attempts, func(r a) string { return r.Method }),
		column(attempts, func(r a) string { return r.RequestHeaders }),
		column(attempts, func(r a) string { return r.RequestBody }),
		column(attempts, func(r a) string { return r.ResponseHeaders }))
	if err != nil {
		return nil, err
	}
	var list []movedDelivery
	var cancelled []DeliveryKey
	var m movedDelivery
	_, err = pgx.ForEachRow(rows, []any{&m.n, &m.id, &m.status, &m.conversion, &m.destination, &m.seq}, func() error {
		m.n-- // ordinality counts from one
		list = append(list, m)
		if m.status == proofback.DeliveryCancelled {
			cancelled = append(cancelled, DeliveryKey{m.id, m.destination})
		}
		return nil
	})
	if err != nil || len(cancelled) == 0 {
		return list, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE deliveries AS d
		SET next_attempt_at = NULL
		FROM unnest($1::uuid[], $2::uuid[]) AS c (id, destination_id)
		WHERE d.id = c.id
		  AND d.destination_id = c.destination_id
		  AND d.status = 'CANCELLED'`, idsOf(cancelled), destinationsOf(cancelled))
	return list, err
}
