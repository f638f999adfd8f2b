package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type trackingLink Resolver

// TrackingLink answers the fields of TrackingLink.
func (r *Resolver) TrackingLink() generated.TrackingLinkResolver { return (*trackingLink)(r) }

func (q *query) TrackingLinks(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.TrackingLinkFilter) (*model.TrackingLinkConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.LinkFilter{
		OfferID:     ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		Archived:    in.Archived,
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.TrackingLinks(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(l *proofback.TrackingLink) proofback.Cursor { return proofback.Cursor{ID: l.ID} },
		func(cursor string, l *proofback.TrackingLink) *model.TrackingLinkEdge {
			return &model.TrackingLinkEdge{Cursor: cursor, Node: showLink(l, q.PublicURL)}
		})
	return &model.TrackingLinkConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateTrackingLink(ctx context.Context, in model.CreateTrackingLinkInput) (*model.CreateTrackingLinkPayload, error) {
	var ids idReader
	link := proofback.TrackingLink{
		OfferID:     ids.one(proofback.KindOffer, in.OfferID, "offerId"),
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		Name:        orZero(in.Name),
	}
	made, err := (*proofback.TrackingLink)(nil), ids.err()
	if err == nil {
		made, err = m.Store.CreateTrackingLink(ctx, ActorFrom(ctx), link)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateTrackingLinkPayload{UserErrors: mistakes}, err
	}
	return &model.CreateTrackingLinkPayload{TrackingLink: showLink(made, m.PublicURL), UserErrors: mistakes}, nil
}

func (m *mutation) UpdateTrackingLink(ctx context.Context, in model.UpdateTrackingLinkInput) (*model.UpdateTrackingLinkPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindTrackingLink, in.ID, "id")
	l, err := (*proofback.TrackingLink)(nil), ids.err()
	if err == nil {
		l, err = m.Store.UpdateTrackingLink(ctx, ActorFrom(ctx), id, func(l *proofback.TrackingLink) {
			if name, ok := in.Name.ValueOK(); ok {
				l.Name = orZero(name)
			}
			l.Archived = orElse(in.Archived, l.Archived)
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateTrackingLinkPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateTrackingLinkPayload{TrackingLink: showLink(l, m.PublicURL), UserErrors: mistakes}, nil
}

func (r *trackingLink) Offer(ctx context.Context, l *model.TrackingLink) (*model.Offer, error) {
	return offer(ctx, l.OfferID)
}

func (r *trackingLink) Affiliate(ctx context.Context, l *model.TrackingLink) (*model.Affiliate, error) {
	return affiliate(ctx, l.AffiliateID)
}

// showLink is a tracking link as the API shows it.
func showLink(l *proofback.TrackingLink, publicURL string) *model.TrackingLink {
	return &model.TrackingLink{
		ID:          proofback.GlobalID(proofback.KindTrackingLink, l.ID),
		Code:        l.Code,
		URL:         proofback.TrackingURL(publicURL, l.Code),
		Name:        orNull(l.Name),
		Archived:    l.Archived,
		CreatedAt:   l.CreatedAt,
		OfferID:     l.OfferID,
		AffiliateID: l.AffiliateID,
	}
}
