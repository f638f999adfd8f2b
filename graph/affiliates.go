package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (q *query) Affiliates(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.AffiliateFilter) (*model.AffiliateConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	in := orZero(filter)
	w, err := q.Store.Affiliates(ctx, ActorFrom(ctx), proofback.PartnerFilter{Search: orZero(in.Search), Status: orZero(in.Status)}, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(a *proofback.Affiliate) proofback.Cursor { return proofback.Cursor{ID: a.ID} },
		func(cursor string, a *proofback.Affiliate) *model.AffiliateEdge {
			return &model.AffiliateEdge{Cursor: cursor, Node: showAffiliate(a)}
		})
	return &model.AffiliateConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateAffiliate(ctx context.Context, in model.CreateAffiliateInput) (*model.CreateAffiliatePayload, error) {
	a, err := m.Store.CreateAffiliate(ctx, ActorFrom(ctx), proofback.Affiliate{Name: in.Name, Currency: orZero(in.Currency)})
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateAffiliatePayload{UserErrors: mistakes}, err
	}
	return &model.CreateAffiliatePayload{Affiliate: showAffiliate(a), UserErrors: mistakes}, nil
}

func (m *mutation) UpdateAffiliate(ctx context.Context, in model.UpdateAffiliateInput) (*model.UpdateAffiliatePayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAffiliate, in.ID, "id")
	a, err := (*proofback.Affiliate)(nil), ids.err()
	if err == nil {
		a, err = m.Store.UpdateAffiliate(ctx, ActorFrom(ctx), id, func(a *proofback.Affiliate) {
			a.Name = orElse(in.Name, a.Name)
			a.Status = orElse(in.Status, a.Status)
			a.Currency = orElse(in.Currency, a.Currency)
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateAffiliatePayload{UserErrors: mistakes}, err
	}
	return &model.UpdateAffiliatePayload{Affiliate: showAffiliate(a), UserErrors: mistakes}, nil
}

// showAffiliate is an affiliate as the API shows it.
func showAffiliate(a *proofback.Affiliate) *model.Affiliate {
	out := &model.Affiliate{
		ID:        proofback.GlobalID(proofback.KindAffiliate, a.ID),
		Name:      a.Name,
		Status:    a.Status,
		Currency:  a.Currency,
		CreatedAt: a.CreatedAt,
	}
	if a.MinimumPayout != "" {
		out.MinimumPayout = &proofback.Money{Amount: a.MinimumPayout, Currency: a.Currency}
	}
	return out
}

// affiliate answers a relation that every row has.
func affiliate(ctx context.Context, id uuid.UUID) (*model.Affiliate, error) {
	a, err := load(ctx, loadersFrom(ctx).affiliates, "affiliate", id)
	if err != nil {
		return nil, err
	}
	return showAffiliate(a), nil
}
