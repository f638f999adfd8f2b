package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type diagnosticFields Resolver

// Diagnostic answers the fields of Diagnostic.
func (r *Resolver) Diagnostic() generated.DiagnosticResolver { return (*diagnosticFields)(r) }

func (q *query) Diagnostics(ctx context.Context, in model.DiagnosticsFilter) ([]*model.Diagnostic, error) {
	var ids idReader
	f := proofback.DiagnosticsFilter{
		TimeRange:    proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		OfferID:      ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	found, err := q.Store.Diagnostics(ctx, ActorFrom(ctx), f)
	if err != nil {
		return nil, err
	}
	return show(found, func(f *proofback.Finding) *model.Diagnostic {
		return &model.Diagnostic{
			Reason:       f.Reason,
			Count:        f.Count,
			Share:        f.Share,
			FirstAt:      f.FirstAt,
			LastAt:       f.LastAt,
			Advice:       proofback.Advice(f.Reason),
			Examples:     show(f.Examples, showPostback),
			Clicks:       show(f.Clicks, func(c *proofback.Click) *model.Click { return showClick(c, q.ClickKeys) }),
			AdvertiserID: f.AdvertiserID,
			OfferID:      f.OfferID,
			AffiliateID:  f.AffiliateID,
			LinkID:       f.LinkID,
		}
	}), nil
}

func (r *diagnosticFields) Advertiser(ctx context.Context, d *model.Diagnostic) (*model.Advertiser, error) {
	a, err := find(ctx, loadersFrom(ctx).advertisers, d.AdvertiserID)
	if err != nil || a == nil {
		return nil, err
	}
	return showAdvertiser(a, r.PublicURL), nil
}

func (r *diagnosticFields) Offer(ctx context.Context, d *model.Diagnostic) (*model.Offer, error) {
	o, err := find(ctx, loadersFrom(ctx).offers, d.OfferID)
	if err != nil || o == nil {
		return nil, err
	}
	return showOffer(o), nil
}

func (r *diagnosticFields) Affiliate(ctx context.Context, d *model.Diagnostic) (*model.Affiliate, error) {
	a, err := find(ctx, loadersFrom(ctx).affiliates, d.AffiliateID)
	if err != nil || a == nil {
		return nil, err
	}
	return showAffiliate(a), nil
}

func (r *diagnosticFields) TrackingLink(ctx context.Context, d *model.Diagnostic) (*model.TrackingLink, error) {
	l, err := find(ctx, loadersFrom(ctx).links, d.LinkID)
	if err != nil || l == nil {
		return nil, err
	}
	return showLink(l, r.PublicURL), nil
}
