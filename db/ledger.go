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
	At        time.Time           `bun:"at"`
	Canonical []byte              `bun:"canonical"`
	Salt      []byte              `bun:"salt"`
}

// newSalt makes the secret of an entry.
func newSalt() (s proofback.Salt) {
	_, _ = random.Read(s[:]) // never fails, as crypto/rand does not
	return s
}

// saltColumn is a salt as its column keeps it: NULL for none.
func saltColumn(s proofback.Salt) []byte {
	if s == (proofback.Salt{}) {
		return nil
	}
	return s[:]
}

// record writes facts into the ledger, in the transaction that makes them true.
func (t *tx) record(ctx context.Context, entries ...proofback.Entry) error {
	rows := make([]entryRow, len(entries))
	for i, e := range entries {
		rows[i] = entryRow{ID: e.ID, Kind: e.Kind, At: e.At, Canonical: e.Canonical, Salt: saltColumn(e.Salt)}
	}
	_, err := t.NewInsert().Model(&rows).Exec(ctx)
	return err
}
