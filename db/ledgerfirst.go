package db

import (
	"bytes"
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// movesEntered are the moves with entries of their own: all but those that the entry of
// their conversion names as its first. A quote within a value is escaped, so that only
// the key itself reads like one.
const movesEntered bun.Safe = `EXISTS (SELECT FROM conversions AS c WHERE c.id = made.conversion_id AND NOT c.test)
			  AND NOT EXISTS (
				SELECT
				FROM ledger AS began
				WHERE began.id = made.conversion_id
				  AND began.kind = 'conversion'
				  AND made.from_status IS NULL
				  AND position(convert_to('"transition_id":"' || made.id || '"', 'UTF8') IN began.canonical) > 0)`

// derivedConversions makes entries of the conversions with ids: with their first moves
// where those were sealed in them.
func derivedConversions(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error) {
	first, err := firstMoves(ctx, tx, ids, was)
	if err != nil {
		return nil, err
	}
	return derived(ctx, tx, ids, func(r *conversionRow) proofback.Entry {
		c := r.value(tx.actor)
		move := first[c.ID]
		switch {
		case !proofback.TellsFirstMove(was[c.ID].Canonical):
			return c.EntryV1(was.salt(c.ID))
		case move == nil:
			return proofback.Entry{ID: c.ID}
		}
		return c.Entry(move, was.salt(c.ID))
	})
}

// firstMoves are those of conversions whose entries tell of them: of several the one that
// is told of, since the others are found to be in no entry.
func firstMoves(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) (map[uuid.UUID]*proofback.Transition, error) {
	var told []uuid.UUID
	for _, id := range ids {
		if proofback.TellsFirstMove(was[id].Canonical) {
			told = append(told, id)
		}
	}
	first := make(map[uuid.UUID]*proofback.Transition, len(told))
	if len(told) == 0 {
		return first, nil
	}
	var rows []transitionRow
	err := tx.NewSelect().
		Model(&rows).
		Where("conversion_id IN (?)", bun.List(told)).
		Where("from_status IS NULL").
		Scan(ctx)
	for i := range rows {
		r := &rows[i]
		if first[r.ConversionID] == nil || tellsOf(was[r.ConversionID].Canonical, r.ID) {
			first[r.ConversionID] = r.value(tx.actor)
		}
	}
	return first, err
}

// tellsOf reports whether an entry of a conversion names a move as its first, as
// movesEntered looks for it.
func tellsOf(canonical []byte, move uuid.UUID) bool {
	return bytes.Contains(canonical, []byte(`"transition_id":"`+move.String()+`"`))
}
