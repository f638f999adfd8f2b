package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type offerAccess Resolver

// OfferAccess answers the fields of OfferAccess.
func (r *Resolver) OfferAccess() generated.OfferAccessResolver { return (*offerAccess)(r) }

func (q *query) OfferAccesses(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.OfferAccessFilter) (*model.OfferAccessConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.AccessFilter{
		OfferID:     ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		Status:      orZero(in.Status),
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Accesses(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(a *proofback.Access) proofback.Cursor { return proofback.Cursor{ID: a.ID} },
		func(cursor string, a *proofback.Access) *model.OfferAccessEdge {
			return &model.OfferAccessEdge{Cursor: cursor, Node: showAccess(a)}
		})
	return &model.OfferAccessConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) RequestOfferAccess(ctx context.Context, in model.RequestOfferAccessInput) (*model.RequestOfferAccessPayload, error) {
	var ids idReader
	offer := ids.one(proofback.KindOffer, in.OfferID, "offerId")
	affiliate := ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId")
	a, err := (*proofback.Access)(nil), ids.err()
	if err == nil {
		a, err = m.Store.RequestAccess(ctx, ActorFrom(ctx), offer, affiliate)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.RequestOfferAccessPayload{UserErrors: mistakes}, err
	}
	return &model.RequestOfferAccessPayload{Access: showAccess(a), UserErrors: mistakes}, nil
}

func (m *mutation) DecideOfferAccess(ctx context.Context, in model.DecideOfferAccessInput) (*model.DecideOfferAccessPayload, error) {
	var ids idReader
	d := db.Decision{
		OfferID:     ids.one(proofback.KindOffer, in.OfferID, "offerId"),
		AffiliateID: ids.one(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		Status:      in.Status,
		Reason:      orZero(in.Reason),
	}
	a, err := (*proofback.Access)(nil), ids.err()
	if err == nil {
		a, err = m.Store.DecideAccess(ctx, ActorFrom(ctx), d)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.DecideOfferAccessPayload{UserErrors: mistakes}, err
	}
	return &model.DecideOfferAccessPayload{Access: showAccess(a), UserErrors: mistakes}, nil
}

func (r *offerAccess) Offer(ctx context.Context, a *model.OfferAccess) (*model.Offer, error) {
	return offer(ctx, a.OfferID)
}

func (r *offerAccess) Affiliate(ctx context.Context, a *model.OfferAccess) (*model.Affiliate, error) {
	return affiliate(ctx, a.AffiliateID)
}

// showAccess is an access as the API shows it.
func showAccess(a *proofback.Access) *model.OfferAccess {
	return &model.OfferAccess{
		ID:          proofback.GlobalID(proofback.KindOfferAccess, a.ID),
		Status:      a.Status,
		Reason:      orNull(a.Reason),
		RequestedAt: a.RequestedAt,
		DecidedAt:   orNull(a.DecidedAt),
		OfferID:     a.OfferID,
		AffiliateID: a.AffiliateID,
	}
}
