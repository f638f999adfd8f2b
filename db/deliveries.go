package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Announcement is a move of a conversion, with what decides which destinations
// are told of it.
type Announcement struct {
	TransitionID uuid.UUID
	ConversionID uuid.UUID
	ClickID      uuid.UUID
	AffiliateID  uuid.UUID
	OfferID      uuid.UUID
	EventType    string
	Status       proofback.Status // the new one
}

// announce records the deliveries of moves and enqueues the job that carries
// them out, both in the transaction of the moves.
func (s *Store) announce(ctx context.Context, tx pgx.Tx, moves []Announcement) error {
	keys, err := s.RecordDeliveries(ctx, tx, moves)
	if err != nil {
		return err
	}
	return s.enqueue(ctx, tx, keys)
}

// enqueue asks for recorded deliveries to be carried out.
func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, keys []DeliveryKey) error {
	if len(keys) == 0 {
		return nil
	}
	if s.enqueuer == nil {
		return errNoEnqueuer
	}
	return s.enqueuer.EnqueueDeliveries(ctx, tx, keys)
}

// RecordDeliveries writes a delivery for each move and each destination of its
// affiliate that wants to hear of it and is not switched off, in one statement
// and in the order of the moves, and gives their keys. A delivery that is there
// already is left alone. It enqueues nothing: inside this package, announce does
// both.
func (s *Store) RecordDeliveries(ctx context.Context, tx pgx.Tx, moves []Announcement) ([]DeliveryKey, error) {
	if len(moves) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO deliveries
		  (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at, next_attempt_at)
		SELECT uuid_v7($8), m.conversion_id, m.transition_id, m.click_id, m.affiliate_id, d.id, m.status, 'PENDING', $8, $8
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])
		  WITH ORDINALITY AS m (transition_id, conversion_id, click_id, affiliate_id, offer_id, event_type, status, n)
		JOIN destinations AS d
		  ON d.affiliate_id = m.affiliate_id
		  AND (d.enabled OR d.health_state = 'PAUSED') -- for a paused one it waits
		  AND (d.offer_id IS NULL OR d.offer_id = m.offer_id)
		  AND (d.event_type IS NULL OR d.event_type = m.event_type)
		  AND m.status = ANY (d.statuses)
		ORDER BY m.n
		ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
		RETURNING id, destination_id`,
		column(moves, func(m Announcement) uuid.UUID { return m.TransitionID }),
		column(moves, func(m Announcement) uuid.UUID { return m.ConversionID }),
		column(moves, func(m Announcement) uuid.UUID { return m.ClickID }),
		column(moves, func(m Announcement) uuid.UUID { return m.AffiliateID }),
		column(moves, func(m Announcement) uuid.UUID { return m.OfferID }),
		column(moves, func(m Announcement) string { return m.EventType }),
		column(moves, func(m Announcement) string { return string(m.Status) }),
		s.clock())
	if err != nil {
		return nil, fmt.Errorf("record deliveries: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeliveryKey])
	if err != nil {
		return nil, fmt.Errorf("record deliveries: %w", err)
	}
	return keys, nil
}
