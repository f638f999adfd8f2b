package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// entryRow is a row of ledger.
type entryRow struct {
	bun.BaseModel `bun:"table:ledger,alias:entry"`

	ID        uuid.UUID           `bun:"id,pk"`
	Kind      proofback.EntryKind `bun:"kind"`
	Subject   uuid.UUID           `bun:"subject"`
	At        time.Time           `bun:"at"`
	Canonical []byte              `bun:"canonical"`
}

// record writes facts into the ledger, in the transaction that makes them true.
func (t *tx) record(ctx context.Context, entries ...proofback.Entry) error {
	rows := make([]entryRow, len(entries))
	for i, e := range entries {
		rows[i] = entryRow{ID: e.ID, Kind: e.Kind, Subject: e.Subject, At: e.At, Canonical: e.Canonical}
	}
	_, err := t.NewInsert().Model(&rows).Exec(ctx)
	return err
}
