package db

import (
	"context"
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

// RecordPixelSignals stores what the pixel reported, in one statement. Visitors'
// browsers call it, so there is nobody to authorise.
func (s *Store) RecordPixelSignals(ctx context.Context, signals []proofback.PixelSignal) error {
	if len(signals) == 0 {
		return nil
	}
	rows := make([]pixelRow, len(signals))
	for i, p := range signals {
		rows[i] = pixelRow{ID: p.ID, At: p.At, ClickID: p.ClickID, EventType: p.EventType, TxID: p.TxID, Parameters: p.Parameters}
		if rows[i].Parameters == nil {
			rows[i].Parameters = []proofback.Parameter{}
		}
	}
	return s.tx(ctx, proofback.System(), func(ctx context.Context, tx *tx) error {
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
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
