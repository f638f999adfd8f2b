package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// derivedMoves makes entries of the moves with ids. Moves are found by their conversions,
// which their entries name; those that are not with theirs any more, or whose entries
// name none, by the time that the entries tell.
func derivedMoves(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error) {
	var rows, strayed []transitionRow
	err := tx.NewSelect().
		Model(&rows).
		ColumnExpr("?TableColumns").
		Join("JOIN ledger AS entry ON entry.id = transition.id AND transition.conversion_id = substring(encode(entry.canonical, 'escape') FROM ?)::uuid", namedConversion).
		Where("entry.id IN (?)", bun.List(ids)).
		Scan(ctx)
	if err != nil {
		return nil, err
	}
	missing := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	for i := range rows {
		delete(missing, rows[i].ID)
	}
	if len(missing) > 0 {
		var times []time.Time
		var lost []uuid.UUID
		for id := range missing {
			times, lost = append(times, was[id].At), append(lost, id)
		}
		err := tx.NewSelect().
			Model(&strayed).
			Where("at BETWEEN ? AND ?", slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)).
			Where("id IN (?)", bun.List(lost)).
			Scan(ctx)
		if err != nil {
			return nil, err
		}
	}
	var entries []proofback.Entry
	for _, r := range slices.Concat(rows, strayed) {
		entries = append(entries, r.value(tx.actor).Entry(was.salt(r.ID)))
	}
	return entries, nil
}

// namedConversion finds the conversion in an entry's bytes, which may be anything if
// somebody has been at them.
const namedConversion = `"conversion_id":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"`

// entryNamesConversion holds where an entry is that of the move of this conversion: the
// table takes the id of another's move.
const entryNamesConversion bun.Safe = `position(convert_to('"conversion_id":"' || made.conversion_id || '"', 'UTF8') IN entry.canonical) > 0`
