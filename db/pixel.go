package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pixelRow is a row of pixel_signals.
type pixelRow struct {
	bun.BaseModel `bun:"table:pixel_signals,alias:signal"`

	ID         uuid.UUID             `bun:"id,pk"`
	At         time.Time             `bun:"at"`
	ClickID    uuid.UUID             `bun:"click_id,nullzero"`
	EventType  string                `bun:"event_type,nullzero"`
	TxID       string                `bun:"txid,nullzero"`
	Parameters []proofback.Parameter `bun:"parameters,type:jsonb"`
}

// RecordPixelSignals stores what the pixel reported, in one statement, with whose
// click it was about where that is stored. Visitors' browsers call it, so there is
// nobody to authorise.
func (s *Store) RecordPixelSignals(ctx context.Context, signals []proofback.PixelSignal) error {
	if len(signals) == 0 {
		return nil
	}
	parameters := make([]string, len(signals))
	for i, p := range signals {
		list, err := json.Marshal(append([]proofback.Parameter{}, p.Parameters...))
		if err != nil {
			return proofback.Internal("encode a pixel's parameters", err)
		}
		parameters[i] = string(list)
	}
	type p = proofback.PixelSignal
	// The limit has each click looked up by its key, in its own partition.
	_, err := s.pool.Exec(ctx, `
		INSERT INTO pixel_signals (id, at, click_id, event_type, txid, parameters, advertiser_id, offer_id, affiliate_id)
		SELECT p.id, p.at, p.click_id, p.event_type, p.txid, p.parameters::jsonb, c.advertiser_id, c.offer_id, c.affiliate_id
		FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[])
			AS p (id, at, click_id, event_type, txid, parameters)
		LEFT JOIN LATERAL (
			SELECT advertiser_id, offer_id, nullif(affiliate_id, '00000000-0000-0000-0000-000000000000') AS affiliate_id
			FROM clicks
			WHERE clicks.id = p.click_id
			LIMIT 1) AS c ON true`,
		column(signals, func(p p) uuid.UUID { return p.ID }),
		column(signals, func(p p) time.Time { return p.At }),
		column(signals, func(p p) *uuid.UUID { return idOrNull(p.ClickID) }),
		column(signals, func(p p) *string { return orNull(p.EventType) }),
		column(signals, func(p p) *string { return orNull(p.TxID) }),
		parameters)
	return domainError(err)
}

// pixelSignalsOf reads what the pixel reported about clicks, oldest first. The
// actor must be one who may see the clicks.
func pixelSignalsOf(ctx context.Context, tx *tx, clicks []uuid.UUID) ([]*proofback.PixelSignal, error) {
	if len(clicks) == 0 {
		return nil, nil
	}
	var rows []pixelRow
	err := tx.NewSelect().
		Model(&rows).
		Where("signal.click_id IN (?)", bun.List(clicks)).
		OrderExpr("signal.id").
		Limit(maxStory).
		Scan(ctx)
	list := make([]*proofback.PixelSignal, len(rows))
	for i, r := range rows {
		list[i] = &proofback.PixelSignal{ID: r.ID, At: r.At.UTC(), ClickID: r.ClickID, EventType: r.EventType, TxID: r.TxID, Parameters: r.Parameters}
	}
	return list, err
}
