package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	reconciliationFields     Resolver
	reconciliationItemFields Resolver
)

// Reconciliation answers the fields of Reconciliation.
func (r *Resolver) Reconciliation() generated.ReconciliationResolver {
	return (*reconciliationFields)(r)
}

// ReconciliationItem answers the fields of ReconciliationItem.
func (r *Resolver) ReconciliationItem() generated.ReconciliationItemResolver {
	return (*reconciliationItemFields)(r)
}

func (q *query) Reconciliations(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.ReconciliationFilter) (*model.ReconciliationConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	advertiser := ids.maybe(proofback.KindAdvertiser, orZero(filter).AdvertiserID, "filter", "advertiserId")
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Reconciliations(ctx, ActorFrom(ctx), advertiser, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(r *proofback.Reconciliation) proofback.Cursor { return proofback.Cursor{ID: r.ID} },
		func(cursor string, r *proofback.Reconciliation) *model.ReconciliationEdge {
			return &model.ReconciliationEdge{Cursor: cursor, Node: showReconciliation(r)}
		})
	return &model.ReconciliationConnection{Edges: rows, PageInfo: info}, nil
}

func (r *reconciliationFields) Advertiser(ctx context.Context, c *model.Reconciliation) (*model.Advertiser, error) {
	return advertiser(ctx, r.PublicURL, c.AdvertiserID)
}

func (r *reconciliationFields) Summary(ctx context.Context, c *model.Reconciliation) ([]*model.ReconciliationSummary, error) {
	list, err := apart(ctx, func(ctx context.Context) ([]proofback.ListSummary, error) {
		return r.Store.ReconciliationSummary(ctx, ActorFrom(ctx), c.ReconciliationID)
	})
	if err != nil {
		return nil, err
	}
	return show(list, func(s proofback.ListSummary) *model.ReconciliationSummary {
		return &model.ReconciliationSummary{
			Kind:             s.Kind,
			Count:            int(s.Count),
			PlatformAmount:   orNull(s.Platform),
			AdvertiserAmount: orNull(s.Advertiser),
			Difference:       orNull(s.Difference),
		}
	}), nil
}

func (r *reconciliationFields) Items(ctx context.Context, c *model.Reconciliation, first *int, after *string, last *int, before *string, kinds []proofback.DifferenceKind) (*model.ReconciliationItemConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	w, err := apart(ctx, func(ctx context.Context) (proofback.Window[*proofback.ListItem], error) {
		return r.Store.ReconciliationItems(ctx, ActorFrom(ctx), c.ReconciliationID, kinds, p)
	})
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(i *proofback.ListItem) proofback.Cursor { return proofback.NumberCursor(i.N) },
		func(cursor string, i *proofback.ListItem) *model.ReconciliationItemEdge {
			return &model.ReconciliationItemEdge{Cursor: cursor, Node: showItem(i)}
		})
	return &model.ReconciliationItemConnection{Edges: rows, PageInfo: info}, nil
}

func (r *reconciliationFields) BadLines(ctx context.Context, c *model.Reconciliation, afterLine *int) ([]*proofback.BadLine, error) {
	list, err := apart(ctx, func(ctx context.Context) ([]proofback.BadLine, error) {
		return r.Store.ReconciliationBadLines(ctx, ActorFrom(ctx), c.ReconciliationID, orZero(afterLine), proofback.MaxPage)
	})
	if err != nil {
		return nil, err
	}
	return show(list, func(l proofback.BadLine) *proofback.BadLine { return &l }), nil
}

func (r *reconciliationItemFields) Platform(ctx context.Context, i *model.ReconciliationItem) (*model.Conversion, error) {
	return conversionIfAny(ctx, i.ConversionID)
}

func (r *reconciliationItemFields) Suggestion(ctx context.Context, i *model.ReconciliationItem) (*model.Conversion, error) {
	return conversionIfAny(ctx, i.SuggestedID)
}

func conversionIfAny(ctx context.Context, id uuid.UUID) (*model.Conversion, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	return conversion(ctx, id)
}

// showReconciliation is a reconciliation as the API shows it.
func showReconciliation(r *proofback.Reconciliation) *model.Reconciliation {
	return &model.Reconciliation{
		ID:               proofback.GlobalID(proofback.KindReconciliation, r.ID),
		Source:           r.Source,
		Status:           r.Status,
		Progress:         r.Progress,
		From:             r.Range.From,
		To:               r.Range.To,
		CreatedAt:        r.CreatedAt,
		FinishedAt:       orNull(r.FinishedAt),
		Error:            orNull(r.Error),
		LineCount:        int(r.Lines),
		BadLineCount:     int(r.BadLines),
		ByRevenue:        r.ByRevenue,
		ReconciliationID: r.ID,
		AdvertiserID:     r.AdvertiserID,
	}
}

func showItem(i *proofback.ListItem) *model.ReconciliationItem {
	m := &model.ReconciliationItem{
		Number:           int(i.N),
		Kind:             i.Kind,
		TransactionID:    orNull(i.TxID),
		Detail:           i.Detail,
		PlatformAmount:   orNull(i.Platform),
		AdvertiserAmount: orNull(i.Advertiser),
		ConversionID:     i.ConversionID,
		SuggestedID:      i.SuggestedID,
	}
	if i.Line > 0 {
		m.AdvertiserRow = &model.AdvertiserRow{Line: int(i.Line), Raw: i.Raw}
	}
	return m
}
