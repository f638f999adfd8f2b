package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// reconciliationRow is a row of reconciliations.
type reconciliationRow struct {
	bun.BaseModel `bun:"table:reconciliations,alias:reconciliation"`

	ID           uuid.UUID                      `bun:"id,pk"`
	AdvertiserID uuid.UUID                      `bun:"advertiser_id"`
	Source       string                         `bun:"source"`
	Status       proofback.ReconciliationStatus `bun:"status"`
	RangeFrom    time.Time                      `bun:"range_from"`
	RangeTo      time.Time                      `bun:"range_to"`
	CreatedAt    time.Time                      `bun:"created_at"`
	CreatedBy    uuid.UUID                      `bun:"created_by,nullzero"`
	FinishedAt   time.Time                      `bun:"finished_at,nullzero"`
	Error        string                         `bun:"error"`
	Progress     int                            `bun:"progress"`
	Lines        int64                          `bun:"lines"`
	BadLines     int64                          `bun:"bad_lines"`
	ByRevenue    bool                           `bun:"by_revenue"`
}

func (r *reconciliationRow) value() *proofback.Reconciliation {
	return &proofback.Reconciliation{
		ID:           r.ID,
		AdvertiserID: r.AdvertiserID,
		Source:       r.Source,
		Status:       r.Status,
		Range:        proofback.TimeRange{From: r.RangeFrom.UTC(), To: r.RangeTo.UTC()},
		CreatedAt:    r.CreatedAt.UTC(),
		CreatedBy:    r.CreatedBy,
		FinishedAt:   utc(r.FinishedAt),
		Error:        r.Error,
		Progress:     r.Progress,
		Lines:        r.Lines,
		BadLines:     r.BadLines,
		ByRevenue:    r.ByRevenue,
	}
}

// ownReconciliations keeps to those that the actor may see: affiliates see none.
func ownReconciliations(q *bun.SelectQuery, a proofback.Actor) *bun.SelectQuery {
	if a.Role == proofback.RoleAffiliate {
		return q.Where("FALSE")
	}
	return ownRows(q, a, "reconciliation")
}

// Reconciliations lists them, newest first, of one advertiser or of all: to staff,
// and to an advertiser its own.
func (s *Store) Reconciliations(ctx context.Context, actor proofback.Actor, advertiser uuid.UUID, p proofback.Page) (proofback.Window[*proofback.Reconciliation], error) {
	var w proofback.Window[*proofback.Reconciliation]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []reconciliationRow
		q := ownReconciliations(tx.NewSelect().Model(&rows), actor)
		if advertiser != uuid.Nil {
			q.Where("reconciliation.advertiser_id = ?", advertiser)
		}
		err := pageByID(q, "reconciliation.id", p).Scan(ctx)
		w = window(p, rows, (*reconciliationRow).value)
		return err
	})
	return w, err
}

// ReconciliationsByID gives those of ids that the actor may see.
func (s *Store) ReconciliationsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Reconciliation, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]reconciliationRow) *bun.SelectQuery {
			return ownReconciliations(tx.NewSelect().Model(rows), actor)
		},
		func(r *reconciliationRow) (uuid.UUID, *proofback.Reconciliation) { return r.ID, r.value() })
}

// requireReconciliation refuses whoever may not see it.
func (t *tx) requireReconciliation(ctx context.Context, id uuid.UUID) error {
	n, err := ownReconciliations(t.NewSelect().Model((*reconciliationRow)(nil)), t.actor).Where("reconciliation.id = ?", id).Count(ctx)
	if err == nil && n == 0 {
		return proofback.NotFound("reconciliation")
	}
	return err
}

// ReconciliationSummary adds up the items by kind and currencies.
func (s *Store) ReconciliationSummary(ctx context.Context, actor proofback.Actor, id uuid.UUID) (list []proofback.ListSummary, err error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.requireReconciliation(ctx, id); err != nil {
			return err
		}
		var rows []struct {
			Kind               proofback.DifferenceKind
			PlatformCurrency   string
			AdvertiserCurrency string
			Count              int64
			PlatformAmount     proofback.Decimal
			AdvertiserAmount   proofback.Decimal
		}
		err := tx.NewSelect().
			Table("reconciliation_summary").
			Column("kind", "platform_currency", "advertiser_currency", "count", "platform_amount", "advertiser_amount").
			Where("reconciliation_id = ?", id).
			OrderExpr("kind = 'MATCHED', kind, platform_currency, advertiser_currency").
			Scan(ctx, &rows)
		for _, r := range rows {
			list = append(list, proofback.NewListSummary(r.Kind, r.Count, money(r.PlatformAmount, r.PlatformCurrency), money(r.AdvertiserAmount, r.AdvertiserCurrency)))
		}
		return err
	})
	return list, err
}

// itemRow is a row of reconciliation_items with its line.
type itemRow struct {
	bun.BaseModel `bun:"table:reconciliation_items,alias:item"`

	N                  int64                    `bun:"n"`
	Kind               proofback.DifferenceKind `bun:"kind"`
	Line               int64                    `bun:"line"`
	ConversionID       uuid.UUID                `bun:"conversion_id"`
	SuggestedID        uuid.UUID                `bun:"suggested_id"`
	TxID               string                   `bun:"txid"`
	Detail             string                   `bun:"detail"`
	PlatformAmount     proofback.Decimal        `bun:"platform_amount"`
	PlatformCurrency   string                   `bun:"platform_currency"`
	AdvertiserAmount   proofback.Decimal        `bun:"advertiser_amount"`
	AdvertiserCurrency string                   `bun:"advertiser_currency"`
	Raw                string                   `bun:"raw,scanonly"`
}

func (r *itemRow) value() *proofback.ListItem {
	return &proofback.ListItem{
		N:            r.N,
		Kind:         r.Kind,
		TxID:         r.TxID,
		Detail:       r.Detail,
		ConversionID: r.ConversionID,
		SuggestedID:  r.SuggestedID,
		Line:         r.Line,
		Raw:          r.Raw,
		Platform:     money(r.PlatformAmount, r.PlatformCurrency),
		Advertiser:   money(r.AdvertiserAmount, r.AdvertiserCurrency),
	}
}

// ReconciliationItems lists items of some kinds, or of all: differences first.
func (s *Store) ReconciliationItems(ctx context.Context, actor proofback.Actor, id uuid.UUID, kinds []proofback.DifferenceKind, p proofback.Page) (proofback.Window[*proofback.ListItem], error) {
	var w proofback.Window[*proofback.ListItem]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.requireReconciliation(ctx, id); err != nil {
			return err
		}
		var rows []itemRow
		q := selectItems(tx, &rows, id)
		if len(kinds) > 0 {
			q.Where("item.kind IN (?)", bun.List(kinds))
		}
		if p.After != nil {
			q.Where("item.n > ?", p.After.Number())
		}
		if p.Before != nil {
			q.Where("item.n < ?", p.Before.Number())
		}
		if p.Backward {
			q.OrderExpr("item.n DESC")
		} else {
			q.OrderExpr("item.n")
		}
		err := q.Limit(int64(p.Limit) + 1).Scan(ctx)
		w = window(p, rows, (*itemRow).value)
		return err
	})
	return w, err
}

// selectItems begins a query for items with their lines.
func selectItems(tx *tx, rows *[]itemRow, id uuid.UUID) *bun.SelectQuery {
	return tx.NewSelect().
		Model(rows).
		ColumnExpr("item.n, item.kind, item.line, item.conversion_id, item.suggested_id, item.txid, item.detail").
		ColumnExpr("item.platform_amount, item.platform_currency, item.advertiser_amount, item.advertiser_currency, list.raw").
		Join("LEFT JOIN reconciliation_rows AS list ON list.reconciliation_id = item.reconciliation_id AND list.line = item.line").
		Where("item.reconciliation_id = ?", id)
}

// ReconciliationBadLines gives lines that could not be compared, after a line.
func (s *Store) ReconciliationBadLines(ctx context.Context, actor proofback.Actor, id uuid.UUID, after, limit int) (list []proofback.BadLine, err error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.requireReconciliation(ctx, id); err != nil {
			return err
		}
		return tx.NewSelect().
			Table("reconciliation_rows").
			Column("line", "raw", "problem").
			Where("reconciliation_id = ?", id).
			Where("problem <> ''").
			Where("line > ?", after).
			OrderExpr("line").
			Limit(int64(limit)).
			Scan(ctx, &list)
	})
	return list, err
}
