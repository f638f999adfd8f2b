package db

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
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
// and as far as they do: how it was made, its moves and adjustments, and the statements
// that have lines about it. It is nil while the conversion has not been sealed, which
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
		opened, err := openingsOf(ctx, tx, actor, conversion)
		if err != nil {
			return err
		}
		entries, note, err := prove(ctx, tx, opened)
		if err == nil && len(entries) > 0 && entries[0].Kind() == proofback.EntryConversion {
			proof = proofback.NewProof(conversion, entries, note)
		}
		return err
	})
	return proof, err
}

// StatementProof proves a statement to those who see it: with it, as far as they are
// there, the one that it opens with the rest of, and that its month was closed. It is nil
// while the statement has not been sealed, which takes seconds.
func (s *Store) StatementProof(ctx context.Context, actor proofback.Actor, statement uuid.UUID) (proof *proofback.Proof, err error) {
	found, err := s.StatementsByID(ctx, actor, []uuid.UUID{statement})
	if err != nil {
		return nil, err
	}
	own := found[statement]
	if own == nil {
		return nil, proofback.NotFound("statement")
	}
	// The ledger is nobody's but the network's: from here on it is the network that reads.
	err = s.readTx(ctx, proofback.System(), func(ctx context.Context, tx *tx) error {
		var rows []statementRow
		err := selectStatements(tx, &rows).
			Where("statement.affiliate_id = ?", own.AffiliateID).
			Where("period.starts <= ?", own.From).
			OrderExpr("period.starts DESC").
			Limit(2).
			Scan(ctx)
		if err != nil {
			return err
		}
		opened := map[uuid.UUID]opener{own.PeriodID: nil}
		for i := range rows {
			opened[rows[i].ID] = rows[i].value().Openings
		}
		entries, note, err := prove(ctx, tx, opened)
		if n := len(entries); n > 0 && entries[n-1].Kind() == proofback.EntryStatement && strings.Contains(entries[n-1].Entry, statement.String()) {
			proof = proofback.NewStatementProof(statement, entries, note)
		}
		return err
	})
	return proof, err
}

// ClickHourProof proves what the ledger has of counts of clicks; nil while it has none
// of them. Staff.
func (s *Store) ClickHourProof(ctx context.Context, actor proofback.Actor, counts []uuid.UUID) (proof *proofback.Proof, err error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	opened := make(map[uuid.UUID]opener, len(counts))
	for _, id := range counts {
		opened[id] = nil
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		entries, note, err := prove(ctx, tx, opened)
		if len(entries) > 0 {
			proof = proofback.NewProof(uuid.Nil, entries, note)
		}
		return err
	})
	return proof, err
}

// opener gives what of an entry is shown that it holds back.
type opener func(proofback.Salt) []proofback.Opening

// openingsOf are the entries that tell of a conversion, as far as actor may know of them,
// with what it may see of what they hold back.
func openingsOf(ctx context.Context, tx *tx, actor proofback.Actor, conversion uuid.UUID) (map[uuid.UUID]opener, error) {
	var made conversionRow
	if err := tx.NewSelect().Model(&made).Where("id = ?", conversion).Scan(ctx); err != nil {
		return nil, err
	}
	c := made.value(proofback.System())
	opened := map[uuid.UUID]opener{c.ID: func(s proofback.Salt) []proofback.Opening { return c.Openings(s, actor) }}
	var moves []transitionRow
	if err := tx.NewSelect().Model(&moves).Where("conversion_id = ?", conversion).Scan(ctx); err != nil {
		return nil, err
	}
	for i := range moves {
		t := moves[i].value(proofback.System())
		opened[t.ID] = func(s proofback.Salt) []proofback.Opening { return t.Openings(s, actor) }
	}
	var lines []adjustmentRow
	if err := tx.NewSelect().Model(&lines).Where("conversion_id = ?", conversion).Scan(ctx); err != nil {
		return nil, err
	}
	for i := range lines {
		if a := lines[i].value(proofback.System()); a.ShownTo(actor) {
			opened[a.ID] = func(s proofback.Salt) []proofback.Opening { return a.Openings(s, actor) }
		}
	}
	if !actor.SeesPayout() {
		return opened, nil
	}
	var stated []statementRow
	err := selectStatements(tx, &stated).
		Where("statement.id IN (?)", tx.NewSelect().Table("statement_lines").Column("statement_id").Where("conversion_id = ?", conversion)).
		Scan(ctx)
	for i := range stated {
		st := stated[i].value()
		opened[st.ID] = st.Openings
	}
	return opened, err
}

// prove gives those of entries that are sealed, in their order, with their ways to the
// root of the last checkpoint.
func prove(ctx context.Context, tx *tx, opened map[uuid.UUID]opener) (entries []proofback.ProvenEntry, note string, err error) {
	ids := make([]uuid.UUID, 0, len(opened))
	for id := range opened {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, "", nil
	}
	var rows []placedRow
	err = tx.NewSelect().
		Model((*entryRow)(nil)).
		ColumnExpr("?TableColumns, leaf.seq").
		Join("JOIN ledger_leaves AS leaf ON leaf.entry = entry.id").
		Where("entry.id IN (?)", bun.List(ids)).
		OrderExpr("leaf.seq").
		Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return nil, "", err
	}
	entries = make([]proofback.ProvenEntry, len(rows))
	for i := range rows {
		entries[i] = proofback.ProvenEntry{Index: rows[i].Seq, Entry: string(rows[i].Canonical)}
		if open := opened[rows[i].ID]; open != nil {
			entries[i].Open(open(rows[i].salt()))
		}
	}
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
	return entries, note, err
}
