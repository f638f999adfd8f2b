package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

// placedRow is an entry with its place in the log.
type placedRow struct {
	entryRow
	Seq int64 `bun:"seq"`
}

func (r *placedRow) salt() (s proofback.Salt) {
	copy(s[:], r.Salt)
	return s
}

// ConversionProof proves what the ledger has of a conversion, to those who see it
// and as far as they do. It is nil while the conversion has not been sealed, which
// takes seconds, and for test conversions, which the ledger does not have.
func (s *Store) ConversionProof(ctx context.Context, actor proofback.Actor, conversion uuid.UUID) (proof *proofback.Proof, err error) {
	if actor.IsAnonymous() {
		return nil, proofback.ErrUnauthenticated
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var own []conversionRow
		err := selectConversions(tx, &own).Where("conversion.id = ?", conversion).Scan(ctx)
		if err != nil {
			return err
		}
		if len(own) == 0 {
			return proofback.NotFound("conversion")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The ledger is nobody's but the network's: from here on it is the network that reads.
	err = s.readTx(ctx, proofback.System(), func(ctx context.Context, tx *tx) error {
		proof, err = prove(ctx, tx, actor, conversion)
		return err
	})
	return proof, err
}

func prove(ctx context.Context, tx *tx, actor proofback.Actor, conversion uuid.UUID) (*proofback.Proof, error) {
	var rows []placedRow
	err := tx.NewSelect().
		Model((*entryRow)(nil)).
		ColumnExpr("?TableColumns, leaf.seq").
		Join("JOIN ledger_leaves AS leaf ON leaf.entry = entry.id").
		Where("entry.id = ? OR entry.id IN (?)", conversion,
			tx.NewSelect().Table("transitions").Column("id").Where("conversion_id = ?", conversion)).
		OrderExpr("leaf.seq").
		Scan(ctx, &rows)
	if err != nil || len(rows) == 0 || rows[0].Kind != proofback.EntryConversion {
		return nil, err
	}
	entries, err := openings(ctx, tx, actor, conversion, rows)
	if err != nil {
		return nil, err
	}
	var note string
	err = tx.asPgx(func(pg pgx.Tx) error {
		last, err := lastCheckpoint(ctx, pg, proofback.ReadCheckpoint)
		if err != nil {
			return err
		}
		note = last.Note
		tree := newTiles(ctx, pg).reader(last)
		for i := range entries {
			if entries[i].Path, err = tlog.ProveRecord(last.Size, entries[i].Index, tree); err != nil {
				return broken(err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proofback.NewProof(conversion, entries, note), nil
}

// openings are the entries with what actor may see of what they hold back.
func openings(ctx context.Context, tx *tx, actor proofback.Actor, conversion uuid.UUID, rows []placedRow) ([]proofback.ProvenEntry, error) {
	var made conversionRow
	if err := tx.NewSelect().Model(&made).Where("id = ?", conversion).Scan(ctx); err != nil {
		return nil, err
	}
	var moves []transitionRow
	if err := tx.NewSelect().Model(&moves).Where("conversion_id = ?", conversion).Scan(ctx); err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]*proofback.Transition, len(moves))
	for i := range moves {
		byID[moves[i].ID] = moves[i].value(proofback.System())
	}
	entries := make([]proofback.ProvenEntry, len(rows))
	for i := range rows {
		e := proofback.ProvenEntry{Index: rows[i].Seq, Entry: string(rows[i].Canonical)}
		switch rows[i].Kind {
		case proofback.EntryConversion:
			e.Open(made.value(proofback.System()).Openings(rows[i].salt(), actor))
		case proofback.EntryTransition:
			if t := byID[rows[i].ID]; t != nil {
				e.Open(t.Openings(rows[i].salt(), actor))
			}
		}
		entries[i] = e
	}
	return entries, nil
}
