package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// DueDelivery names a delivery that is to be attempted at a moment. The moment is
// the ticket of its job: a delivery has one due time, and once that has changed
// (it was attempted, retried by hand, parked, ended) no job but the newest finds
// it.
type DueDelivery struct {
	ID            uuid.UUID
	DestinationID uuid.UUID
	DueAt         time.Time // its NextAttemptAt, in whole microseconds
}

// Due is the ticket of the attempt that s is for.
func (s *Sending) Due() DueDelivery {
	return DueDelivery{ID: s.Delivery.ID, DestinationID: s.Delivery.DestinationID, DueAt: s.Delivery.NextAttemptAt}
}

// Sending is all that an attempt needs to know.
type Sending struct {
	Delivery proofback.Delivery
	// Before is how many of the delivery's attempts belong to earlier series, which
	// somebody's retry has ended.
	Before      int
	Destination proofback.Destination
	Gone        bool                 // the destination has answered 410
	Secrets     []string             // sign the request, the newest first
	Conversion  proofback.Conversion // what may be told of it: no revenue
	Click       proofback.Click      // its source and subs; empty once the click is dropped
	// OlderDue is when an older status of the same conversion, which the
	// destination must be told first, is attempted next; zero: there is none.
	OlderDue time.Time
	// Newer is whether the conversion has moved on since.
	Newer bool
	// Test marks what is made up.
	Test bool
}

// DueDeliveries gives those of the deliveries that wait for the first attempt of
// a series, in the order in which they were recorded.
func (s *Store) DueDeliveries(ctx context.Context, actor proofback.Actor, keys []DeliveryKey) ([]DueDelivery, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	rows, err := s.pool.Query(ctx, `
		SELECT d.id, d.destination_id, d.next_attempt_at
		FROM unnest($1::uuid[], $2::uuid[]) AS q (id, destination_id)
		JOIN deliveries AS d USING (destination_id, id)
		WHERE d.status = 'PENDING'
		  AND d.next_attempt_at IS NOT NULL
		  AND d.attempts = d.attempts_before
		ORDER BY d.seq`, pgx.QueryExecModeCacheStatement, idsOf(keys), destinationsOf(keys))
	if err != nil {
		return nil, domainError(err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DueDelivery])
	return due, domainError(err)
}

// LoadDeliveries brings together what attempts need, in one query: for each of
// due, nil where the delivery is no longer due because somebody else has
// attempted, retried, parked or ended it. One whose moment is not known is due when
// it waits for the first attempt of a series.
func (s *Store) LoadDeliveries(ctx context.Context, actor proofback.Actor, due []DueDelivery) ([]*Sending, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	now := s.clock()
	// LIMIT makes a look-up of each join, whatever the planner believes: of the
	// clicks it then touches one partition each. Prepared: planning for all of them
	// costs more than running.
	rows, err := s.pool.Query(ctx, `
		SELECT q.n, d.destination_id, d.next_attempt_at, d.conversion_id, d.transition_id, d.affiliate_id, d.click_id, d.event, d.attempts, d.attempts_before, d.created_at,
		  t.method, t.url_template, t.retry_on, t.latest_only, coalesce(t.max_per_second, 0), t.enabled, t.gone, t.open_until,
		  t.secret, CASE WHEN t.old_secret_until > $4 THEN t.old_secret END,
		  c.offer_id, c.event_type, coalesce(c.txid, ''), c.event_at, coalesce((c.payout + coalesce(a.payout, 0))::text, ''), coalesce(c.payout_currency, ''),
		  coalesce(k.source, ''),
		  ARRAY[coalesce(k.sub1, ''), coalesce(k.sub2, ''), coalesce(k.sub3, ''), coalesce(k.sub4, ''), coalesce(k.sub5, ''),
		    coalesce(k.sub6, ''), coalesce(k.sub7, ''), coalesce(k.sub8, ''), coalesce(k.sub9, ''), coalesce(k.sub10, '')],
		  o.older_due, coalesce(o.newer, false)
		FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS q (id, destination_id, due_at, n)
		CROSS JOIN LATERAL (
		  SELECT *
		  FROM deliveries
		  WHERE destination_id = q.destination_id
		    AND id = q.id
		    AND status = 'PENDING'
		    AND CASE
		      WHEN q.due_at IS NULL THEN next_attempt_at IS NOT NULL AND attempts = attempts_before
		      ELSE next_attempt_at = q.due_at
		    END
		  LIMIT 1
		) AS d
		CROSS JOIN LATERAL (SELECT * FROM destinations WHERE id = d.destination_id LIMIT 1) AS t
		CROSS JOIN LATERAL (SELECT * FROM conversions WHERE id = d.conversion_id LIMIT 1) AS c
		LEFT JOIN LATERAL (SELECT * FROM clicks WHERE id = d.click_id LIMIT 1) AS k ON true
		-- What the conversion was worth when it came to the status that is told: the
		-- same in every attempt, whatever is corrected later.
		LEFT JOIN LATERAL (
		  SELECT sum(payout) AS payout
		  FROM adjustments
		  WHERE conversion_id = d.conversion_id
		    AND kind = 'AMOUNT'
		    AND at <= coalesce((SELECT at FROM transitions WHERE id = d.transition_id AND conversion_id = d.conversion_id), d.created_at)
		) AS a ON true
		LEFT JOIN LATERAL (
		  SELECT min(coalesce(next_attempt_at, $4)) FILTER (WHERE status = 'PENDING' AND seq < d.seq) AS older_due, bool_or(seq > d.seq) AS newer
		  FROM deliveries
		  WHERE conversion_id = d.conversion_id
		    AND destination_id = d.destination_id
		    AND id <> d.id
		) AS o ON true`,
		pgx.QueryExecModeCacheStatement,
		column(due, func(d DueDelivery) uuid.UUID { return d.ID }),
		column(due, func(d DueDelivery) uuid.UUID { return d.DestinationID }),
		column(due, func(d DueDelivery) *time.Time { return timeOrNull(d.DueAt) }),
		now)
	if err != nil {
		return nil, domainError(err)
	}
	defer rows.Close()
	out := make([]*Sending, len(due))
	for rows.Next() {
		n, sending, err := s.scanSending(rows, due)
		if err != nil {
			return nil, domainError(err)
		}
		out[n] = sending
	}
	return out, domainError(rows.Err())
}

// scanSending reads a row of LoadDeliveries, and tells which of due it is.
func (s *Store) scanSending(rows pgx.Rows, due []DueDelivery) (int, *Sending, error) {
	var (
		n                   int
		out                 Sending
		d, t                = &out.Delivery, &out.Destination
		c, k                = &out.Conversion, &out.Click
		retryOn             []string
		secret, oldSecret   []byte
		subs                []string
		openUntil, olderDue *time.Time
	)
	err := rows.Scan(&n, &d.DestinationID, &d.NextAttemptAt, &d.ConversionID, &d.TransitionID, &d.AffiliateID, &k.ID, &d.Event, &d.Attempts, &out.Before, &d.CreatedAt,
		&t.Method, &t.URLTemplate, &retryOn, &t.LatestOnly, &t.MaxPerSecond, &t.Enabled, &out.Gone, &openUntil,
		&secret, &oldSecret,
		&c.OfferID, &c.EventType, &c.TxID, &c.EventAt, &c.Payout.Amount, &c.Payout.Currency,
		&k.Source, &subs,
		&olderDue, &out.Newer)
	if err != nil {
		return 0, nil, err
	}
	n-- // ordinality counts from one
	d.ID, d.Status, d.NextAttemptAt = due[n].ID, proofback.DeliveryPending, d.NextAttemptAt.UTC()
	t.ID, t.AffiliateID = d.DestinationID, d.AffiliateID
	t.RetryOn = words[proofback.RetryOn](retryOn)
	t.OpenUntil, out.OlderDue = orZeroTime(openUntil), orZeroTime(olderDue)
	c.ID, c.AffiliateID, c.ClickID, c.Status = d.ConversionID, d.AffiliateID, k.ID, d.Event
	d.CreatedAt, c.EventAt = d.CreatedAt.UTC(), c.EventAt.UTC()
	copy(k.Subs[:], subs)
	if out.Secrets, err = s.openSecrets(t.ID, secret, oldSecret); err != nil {
		return 0, nil, err
	}
	return n, &out, nil
}

func orZeroTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
