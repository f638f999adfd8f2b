package db

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// ledgerKind is a kind of entries with the table that they can be derived from.
type ledgerKind struct {
	kind    proofback.EntryKind
	table   bun.Ident
	entered bun.Safe // which of its rows, made, have an entry of their own
	names   bun.Safe // what entry says of the row beside its id, where that alone is not its key
	// derive makes the entries of rows anew, with the salts that they were made with.
	// One without canonical bytes lacks the row of a first move that was sealed in it.
	derive func(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error)
}

// sealedEntries are entries by the rows that they tell of.
type sealedEntries map[uuid.UUID]*sealedEntry

func (s sealedEntries) salt(id uuid.UUID) (salt proofback.Salt) {
	copy(salt[:], s[id].Salt)
	return salt
}

var ledgerKinds = []ledgerKind{
	{proofback.EntryConversion, "conversions", "NOT made.test", "true", derivedConversions},
	{proofback.EntryTransition, "transitions", movesEntered, entryNamesConversion, derivedMoves},
	{proofback.EntryTerms, "terms", "true", "true", func(ctx context.Context, tx *tx, ids []uuid.UUID, _ sealedEntries) ([]proofback.Entry, error) {
		return derived(ctx, tx, ids, func(r *termsRow) proofback.Entry {
			return r.value().Entry()
		})
	}},
	{proofback.EntryPayout, "payout_overrides", "true", "true", func(ctx context.Context, tx *tx, ids []uuid.UUID, _ sealedEntries) ([]proofback.Entry, error) {
		return derived(ctx, tx, ids, func(r *overrideRow) proofback.Entry {
			o := r.value()
			return o.Entry()
		})
	}},
	{proofback.EntryAdjustment, "adjustments", "true", "true", func(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error) {
		return derived(ctx, tx, ids, func(r *adjustmentRow) proofback.Entry {
			return r.value(tx.actor).Entry(was.salt(r.ID))
		})
	}},
	{proofback.EntryPeriod, "periods", "true", "true", func(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error) {
		return derived(ctx, tx, ids, func(r *periodRow) proofback.Entry {
			return r.value(tx.actor).Entry(was.salt(r.ID))
		})
	}},
	{proofback.EntryClickCount, "click_counts", "made.closed_at IS NOT NULL", "true", func(ctx context.Context, tx *tx, ids []uuid.UUID, _ sealedEntries) ([]proofback.Entry, error) {
		return derived(ctx, tx, ids, func(r *clickCountRow) proofback.Entry {
			return r.value().Entry()
		})
	}},
	{proofback.EntryStatement, "statements", "true", "true", derivedStatements},
}

// derivedStatements makes entries of the statements with ids.
func derivedStatements(ctx context.Context, tx *tx, ids []uuid.UUID, was sealedEntries) ([]proofback.Entry, error) {
	var rows []statementRow
	if err := selectStatements(tx, &rows).Where("statement.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	entries := make([]proofback.Entry, len(rows))
	for i := range rows {
		entries[i] = rows[i].value().Entry(was.salt(rows[i].ID))
	}
	return entries, nil
}

// derived makes entries of the rows with ids.
func derived[R any](ctx context.Context, tx *tx, ids []uuid.UUID, entry func(*R) proofback.Entry) ([]proofback.Entry, error) {
	var rows []R
	if err := tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	entries := make([]proofback.Entry, len(rows))
	for i := range rows {
		entries[i] = entry(&rows[i])
	}
	return entries, nil
}

// derive makes entries anew from the tables and says, by place, which are not what
// the ledger has.
func (v *ledgerVerifier) derive(ctx context.Context, rows []sealedEntry) (wrong map[int64]string, err error) {
	wrong = map[int64]string{}
	for _, kind := range ledgerKinds {
		var ids []uuid.UUID
		entries := sealedEntries{}
		for i := range rows {
			if rows[i].ID != uuid.Nil && rows[i].Kind == kind.kind {
				ids, entries[rows[i].ID] = append(ids, rows[i].ID), &rows[i]
			}
		}
		if len(ids) == 0 {
			continue
		}
		list, err := kind.derive(ctx, v.tx, ids, entries)
		if err != nil {
			return nil, err
		}
		for i := range list {
			e := entries[list[i].ID]
			if list[i].Canonical == nil {
				wrong[e.Seq] = fmt.Sprintf("the move that the conversion %s began with was deleted: the ledger has %s", e.ID, e.Canonical)
			} else if !bytes.Equal(list[i].Canonical, e.Canonical) {
				wrong[e.Seq] = fmt.Sprintf("the %s %s is not what the ledger has: its row says %s, the ledger %s", e.Kind, e.ID, list[i].Canonical, e.Canonical)
			}
			delete(entries, list[i].ID)
		}
		for _, e := range entries {
			wrong[e.Seq] = fmt.Sprintf("the %s %s was deleted: the ledger has %s", e.Kind, e.ID, e.Canonical)
		}
	}
	known := func(k proofback.EntryKind) bool {
		for _, kind := range ledgerKinds {
			if kind.kind == k {
				return true
			}
		}
		return false
	}
	for i := range rows {
		if e := &rows[i]; e.ID != uuid.Nil && !known(e.Kind) {
			wrong[e.Seq] = fmt.Sprintf("its kind %q is none of the ledger's", e.Kind)
		}
	}
	return wrong, nil
}
