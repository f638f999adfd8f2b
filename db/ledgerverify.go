package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

// LedgerDifference is something that is not what was written or signed.
type LedgerDifference struct {
	Seq  int64 // its place in the ledger; -1 where it has none
	What string
}

func (d LedgerDifference) String() string {
	if d.Seq < 0 {
		return d.What
	}
	return fmt.Sprintf("entry %d: %s", d.Seq, d.What)
}

// LedgerCounts says what VerifyLedger looked at.
type LedgerCounts struct {
	Entries     int64 // sealed
	Unsealed    int64
	Checkpoints int64
	Last        *proofback.Checkpoint // nil when nothing is sealed
}

// verifyAtOnce is how many entries are looked at together: some tiles of them.
const verifyAtOnce = 8 << proofback.LedgerTileHeight

// VerifyLedger derives every entry again from the tables, and the tree from the
// entries, and gives found each thing that is different, first those with a place in
// the order of the ledger: an entry that is missing, was changed or stands in
// another's place; a row that was changed, deleted or never entered; a tile or a
// checkpoint that does not fit. Public are the keys that checkpoints may be signed
// with; seen is a checkpoint that is known from elsewhere, or nil. All is read in one
// snapshot, and memory does not grow with it. Staff.
func (s *Store) VerifyLedger(ctx context.Context, actor proofback.Actor, public []string, seen *proofback.Checkpoint,
	found func(LedgerDifference) error,
) (counts LedgerCounts, err error) {
	if err := actor.RequireStaff(); err != nil {
		return LedgerCounts{}, err
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		v := &ledgerVerifier{tx: tx, public: public, found: found, counts: &counts}
		if seen != nil {
			v.checkpoints = append(v.checkpoints, knownCheckpoint{Checkpoint: seen, from: "the one that was seen before"})
		}
		return v.run(ctx)
	})
	return counts, err
}

type ledgerVerifier struct {
	tx     *tx
	public []string
	found  func(LedgerDifference) error
	counts *LedgerCounts

	tree        treeWalk
	checkpoints []knownCheckpoint // not reached yet, in order
}

func (v *ledgerVerifier) run(ctx context.Context) error {
	if err := v.readCheckpoints(ctx); err != nil {
		return err
	}
	var end int64
	err := v.tx.NewRaw(`
		SELECT greatest(
			(SELECT coalesce(max(seq) + 1, 0) FROM ledger_leaves),
			(SELECT coalesce(max(n * 256 + length(hashes) / 32), 0) FROM ledger_tiles WHERE level = 0)
		)`).Scan(ctx, &end)
	if err != nil {
		return err
	}
	if last := v.counts.Last; last != nil {
		end = max(end, last.Size)
	}
	v.counts.Entries = end
	for from := int64(0); from < end; from += verifyAtOnce {
		if err := v.walk(ctx, from, min(from+verifyAtOnce, end)); err != nil {
			return err
		}
	}
	if err := v.unreached(end); err != nil {
		return err
	}
	return v.notEntered(ctx)
}

// sealedEntry is an entry that has a place.
type sealedEntry struct {
	entryRow
	Seq   int64     `bun:"seq"`
	Entry uuid.UUID `bun:"entry"` // the same as ID, or the id that the ledger has lost
}

// walk goes over the places from one to before another.
func (v *ledgerVerifier) walk(ctx context.Context, from, to int64) error {
	var rows []sealedEntry
	err := v.tx.NewSelect().
		TableExpr("ledger_leaves AS leaf").
		Join("LEFT JOIN ledger AS entry ON entry.id = leaf.entry").
		ColumnExpr("leaf.seq, leaf.entry, entry.id, entry.kind, entry.at, entry.canonical, entry.salt").
		Where("leaf.seq >= ? AND leaf.seq < ?", from, to).
		OrderExpr("leaf.seq").
		Scan(ctx, &rows)
	if err != nil {
		return err
	}
	wrong, err := v.derive(ctx, rows)
	if err != nil {
		return err
	}
	for seq := from; seq < to; seq++ {
		var e *sealedEntry
		if len(rows) > 0 && rows[0].Seq == seq {
			e, rows = &rows[0], rows[1:]
		}
		if err := v.place(ctx, seq, e); err != nil {
			return err
		}
		if what := wrong[seq]; what != "" {
			if err := v.found(LedgerDifference{seq, what}); err != nil {
				return err
			}
		}
	}
	return nil
}

// place holds what stands in a place against what was sealed there, and the tree
// up to it against what was signed.
func (v *ledgerVerifier) place(ctx context.Context, seq int64, e *sealedEntry) error {
	sealed, ok, err := v.tree.stored(ctx, v.tx, 0, seq)
	if err != nil {
		return err
	}
	what, leaf := "", sealed // what was sealed, so that what follows is judged by itself
	switch {
	case e == nil:
		what = "nothing has this place any more"
	case e.ID == uuid.Nil:
		what = fmt.Sprintf("the entry %s was deleted", e.Entry)
	case !ok:
		what, leaf = "its hash is missing in the tree", tlog.RecordHash(e.Canonical)
	case tlog.RecordHash(e.Canonical) != sealed:
		what = fmt.Sprintf("the %s %s is not what was sealed in this place", e.Kind, e.ID)
	}
	if what != "" {
		if err := v.found(LedgerDifference{seq, what}); err != nil {
			return err
		}
	}
	wrong, err := v.tree.add(ctx, v.tx, leaf)
	if err != nil {
		return err
	}
	for _, what := range wrong {
		if err := v.found(LedgerDifference{-1, what}); err != nil {
			return err
		}
	}
	return v.reached()
}

// notEntered finds rows that move money and that the ledger has not.
func (v *ledgerVerifier) notEntered(ctx context.Context) error {
	for _, kind := range ledgerKinds {
		var missing []uuid.UUID
		err := v.tx.NewRaw(`
			SELECT made.id
			FROM ? AS made
			WHERE ?
			  AND NOT EXISTS (SELECT FROM ledger AS entry WHERE entry.id = made.id AND entry.kind = ? AND ?)
			LIMIT 1000`, kind.table, kind.entered, kind.kind, kind.names).Scan(ctx, &missing)
		if err != nil {
			return err
		}
		for _, id := range missing {
			if err := v.found(LedgerDifference{-1, fmt.Sprintf("the %s %s is not in the ledger", kind.kind, id)}); err != nil {
				return err
			}
		}
	}
	return v.tx.NewRaw(`
		SELECT count(*)
		FROM ledger AS entry
		WHERE NOT EXISTS (SELECT FROM ledger_leaves AS leaf WHERE leaf.entry = entry.id)`).Scan(ctx, &v.counts.Unsealed)
}
