package db

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// NewReconciliation is a list to be compared.
type NewReconciliation struct {
	AdvertiserID uuid.UUID
	Range        proofback.TimeRange
	Source       string
	// Read begins to read the list of the advertiser.
	Read func(*proofback.Advertiser) (*proofback.ListReader, error)
	// Enqueue asks for the comparison once tx commits.
	Enqueue func(ctx context.Context, tx pgx.Tx, id uuid.UUID) error
}

// maxReconciledDays bounds the time that is compared at once.
const maxReconciledDays = 400

// maxListRows bounds a list.
const maxListRows = 5_000_000

// storeAtOnce is how many lines of a list are sent together.
const storeAtOnce = 2000

// StartReconciliation stores a list as it is read, and has it compared. All of it is
// stored or nothing. Staff, and the advertiser itself.
func (s *Store) StartReconciliation(ctx context.Context, actor proofback.Actor, n NewReconciliation) (*proofback.Reconciliation, error) {
	if err := cmp.Or(actor.RequireOfferSide(), actor.RequireChange()); err != nil {
		return nil, err
	}
	if actor.Role == proofback.RoleAdvertiser && actor.AdvertiserID != n.AdvertiserID {
		return nil, proofback.NotFound("advertiser")
	}
	if !n.Range.From.Before(n.Range.To) || n.Range.To.Sub(n.Range.From) > maxReconciledDays*oneDay {
		return nil, proofback.Invalid([]string{"to"}, "compare from a moment to a later one, at most %d days", maxReconciledDays)
	}
	found, err := s.AdvertisersByID(ctx, actor, []uuid.UUID{n.AdvertiserID})
	if err != nil {
		return nil, err
	}
	advertiser := found[n.AdvertiserID]
	if advertiser == nil {
		return nil, proofback.NotFound("advertiser")
	}
	list, err := n.Read(advertiser)
	if err != nil {
		return nil, err
	}
	r := &proofback.Reconciliation{
		ID:           newID(),
		AdvertiserID: n.AdvertiserID,
		Source:       n.Source,
		Status:       proofback.ReconciliationQueued,
		Range:        n.Range,
		CreatedAt:    s.clock(),
		CreatedBy:    actor.UserID,
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := tx.asPgx(func(pg pgx.Tx) error {
			return tx.lentAsOwner(ctx, pg, func() error {
				if err := storeList(ctx, pg, r, list); err != nil {
					return err
				}
				if err := insertReconciliation(ctx, pg, r); err != nil {
					return err
				}
				return n.Enqueue(ctx, pg, r.ID)
			})
		})
		tx.changed(proofback.KindReconciliation, r.ID, nil, map[string]any{
			"advertiser_id": r.AdvertiserID, "source": r.Source, "from": r.Range.From, "to": r.Range.To, "lines": r.Lines, "bad_lines": r.BadLines,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// RepeatReconciliation has the list of an advertiser's last comparison compared anew, with
// another time and with what has happened to our conversions since: nil where that list is
// not kept. System.
func (s *Store) RepeatReconciliation(ctx context.Context, actor proofback.Actor, last uuid.UUID, n NewReconciliation) (*proofback.Reconciliation, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	r := &proofback.Reconciliation{
		ID: newID(), AdvertiserID: n.AdvertiserID, Source: n.Source, Status: proofback.ReconciliationQueued, Range: n.Range, CreatedAt: s.clock(),
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT lines, bad_lines, by_revenue
			FROM reconciliations
			WHERE id = $1
			  AND advertiser_id = $2`, last, n.AdvertiserID).Scan(&r.Lines, &r.BadLines, &r.ByRevenue)
		if err != nil {
			return err
		}
		copied, err := tx.Exec(ctx, `
			INSERT INTO reconciliation_rows (reconciliation_id, line, raw, problem, txid, click_id, event_type, amount, revenue, currency, status, at)
			SELECT $2, line, raw, problem, txid, click_id, event_type, amount, revenue, currency, status, at
			FROM reconciliation_rows
			WHERE reconciliation_id = $1`, last, r.ID)
		if err != nil {
			return err
		}
		if copied.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		if err := insertReconciliation(ctx, tx, r); err != nil {
			return err
		}
		return n.Enqueue(ctx, tx, r.ID)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // said in the comment
	}
	return r, domainError(err)
}

// FailReconciliation keeps that a list could not be had, and why. System.
func (s *Store) FailReconciliation(ctx context.Context, actor proofback.Actor, n NewReconciliation, why string) (*proofback.Reconciliation, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	now := s.clock()
	r := &proofback.Reconciliation{
		ID:           newID(),
		AdvertiserID: n.AdvertiserID,
		Source:       n.Source,
		Status:       proofback.ReconciliationFailed,
		Range:        n.Range,
		CreatedAt:    now,
		FinishedAt:   now,
		Error:        why,
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return insertReconciliation(ctx, tx, r) })
	return r, domainError(err)
}

func insertReconciliation(ctx context.Context, tx pgx.Tx, r *proofback.Reconciliation) error {
	var by *uuid.UUID
	if r.CreatedBy != uuid.Nil {
		by = &r.CreatedBy
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO reconciliations (id, advertiser_id, source, status, range_from, range_to, created_at, created_by, finished_at, error, lines, bad_lines, by_revenue)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, '0001-01-01'::timestamptz), $10, $11, $12, $13)`,
		r.ID, r.AdvertiserID, r.Source, r.Status, r.Range.From, r.Range.To, r.CreatedAt, by, r.FinishedAt, r.Error, r.Lines, r.BadLines, r.ByRevenue)
	return err
}

// storeList stores the lines of a list as they are read.
func storeList(ctx context.Context, tx pgx.Tx, r *proofback.Reconciliation, list *proofback.ListReader) error {
	rows := make([]proofback.ListRow, 0, storeAtOnce)
	for {
		row, err := list.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return proofback.Invalid([]string{"list"}, "the list broke off after line %d: send it again", r.Lines)
		}
		if !end {
			rows = append(rows, row)
			r.Lines++
			if row.Problem != "" {
				r.BadLines++
			}
			r.ByRevenue = r.ByRevenue || row.Revenue != ""
			if r.Lines > maxListRows {
				return proofback.Invalid([]string{"list"}, "the list has more than %d lines: send it in parts, with the time of each", maxListRows)
			}
		}
		if len(rows) == storeAtOnce || end && len(rows) > 0 {
			if err := copyList(ctx, tx, r.ID, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
		if end {
			break
		}
	}
	if r.Lines == r.BadLines {
		return proofback.Invalid([]string{"list"}, "none of the %d lines of the list can be read: look at the columns' names and the separator", r.Lines)
	}
	return nil
}

const copyListRows = `COPY reconciliation_rows (reconciliation_id, line, raw, problem, txid, click_id, event_type,` +
	` amount, revenue, currency, status, at) FROM STDIN (FORMAT binary)`

const listColumns = 12

func copyList(ctx context.Context, tx pgx.Tx, id uuid.UUID, rows []proofback.ListRow) error {
	var c copyIn
	c.into(copyListRows)
	for i := range rows {
		c.messages = appendListRow(c.messages, id, &rows[i])
	}
	c.done()
	return c.send(ctx, tx.Conn().PgConn())
}

func appendListRow(b []byte, id uuid.UUID, row *proofback.ListRow) []byte {
	b = binary.BigEndian.AppendUint16(b, listColumns)
	b = appendUUID(b, id)
	b = binary.BigEndian.AppendUint64(appendLen(b, 8), uint64(row.Line))
	b = appendText(b, row.Raw)
	b = appendText(b, row.Problem)
	b = appendTextOrNull(b, row.TxID)
	b = appendIDOrNull(b, row.ClickID)
	b = appendTextOrNull(b, row.EventType)
	b = appendDecimal(b, row.Amount)
	b = appendDecimal(b, row.Revenue)
	b = appendTextOrNull(b, row.Currency)
	b = appendTextOrNull(b, string(row.Status))
	if row.At.IsZero() {
		return appendNull(b)
	}
	return appendTime(b, row.At)
}
