package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	offerFields     Resolver
	offerConnection Resolver
	capFields       Resolver
)

// Offer answers the fields of Offer.
func (r *Resolver) Offer() generated.OfferResolver { return (*offerFields)(r) }

// OfferConnection answers the fields of OfferConnection.
func (r *Resolver) OfferConnection() generated.OfferConnectionResolver { return (*offerConnection)(r) }

// Cap answers the fields of Cap.
func (r *Resolver) Cap() generated.CapResolver { return (*capFields)(r) }

func (q *query) Offers(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.OfferFilter) (*model.OfferConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.OfferFilter{
		Search:       orZero(in.Search),
		Status:       orZero(in.Status),
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		AccessStatus: orZero(in.AccessStatus),
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Offers(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(o *proofback.Offer) proofback.Cursor { return proofback.Cursor{ID: o.ID} },
		func(cursor string, o *proofback.Offer) *model.OfferEdge {
			return &model.OfferEdge{Cursor: cursor, Node: showOffer(o)}
		})
	return &model.OfferConnection{Edges: rows, PageInfo: info, Filter: f}, nil
}

func (r *offerConnection) TotalCount(ctx context.Context, c *model.OfferConnection) (int, error) {
	return apart(ctx, func(ctx context.Context) (int, error) { return r.Store.CountOffers(ctx, ActorFrom(ctx), c.Filter) })
}

func (r *offerFields) Advertiser(ctx context.Context, o *model.Offer) (*model.Advertiser, error) {
	return advertiser(ctx, r.PublicURL, o.AdvertiserID)
}

func (r *offerFields) MyAccess(ctx context.Context, o *model.Offer) (*model.OfferAccess, error) {
	if ActorFrom(ctx).Role != proofback.RoleAffiliate {
		return nil, nil
	}
	a, err := find(ctx, loadersFrom(ctx).myAccess, o.OfferID)
	if err != nil || a == nil {
		return nil, err
	}
	return showAccess(a), nil
}

func (r *capFields) Used(ctx context.Context, c *model.Cap) (proofback.Decimal, error) {
	used, err := load(ctx, loadersFrom(ctx).capsUsed, "offer", c.OfferID)
	if err != nil {
		return "", err
	}
	if c.Index >= len(used) {
		return "0", nil // the terms were changed since they were read
	}
	return used[c.Index], nil
}

// offer answers a relation that every row has.
func offer(ctx context.Context, id uuid.UUID) (*model.Offer, error) {
	o, err := load(ctx, loadersFrom(ctx).offers, "offer", id)
	if err != nil {
		return nil, err
	}
	return showOffer(o), nil
}

// showOffer is an offer as the API shows it.
func showOffer(o *proofback.Offer) *model.Offer {
	t := &o.Terms
	out := &model.Offer{
		ID:                     proofback.GlobalID(proofback.KindOffer, o.ID),
		Name:                   t.Name,
		Status:                 t.Status,
		Access:                 t.Access,
		LandingURL:             t.LandingURL,
		FallbackURL:            orNull(t.FallbackURL),
		AttributionWindowHours: t.AttributionWindowHours,
		Targeting: &model.Targeting{
			Countries: append([]string{}, t.Targeting.Countries...),
			Devices:   append([]proofback.Device{}, t.Targeting.Devices...),
		},
		Caps:         make([]*model.Cap, len(t.Caps)),
		Goals:        make([]*model.Goal, len(t.Goals)),
		CreatedAt:    o.CreatedAt,
		OfferID:      o.ID,
		AdvertiserID: o.AdvertiserID,
	}
	for i, c := range t.Caps {
		out.Caps[i] = &model.Cap{Metric: c.Metric, Period: c.Period, Limit: c.Limit, OfferID: o.ID, Index: i}
	}
	for i := range t.Goals {
		out.Goals[i] = showGoal(&t.Goals[i])
	}
	return out
}

// showGoal is a goal as the API shows it. Prices that are not the actor's to
// see came empty from the Store, and are null.
func showGoal(g *proofback.Goal) *model.Goal {
	return &model.Goal{
		ID:                      proofback.GlobalID(proofback.KindGoal, g.ID),
		EventType:               g.EventType,
		Name:                    g.Name,
		Approval:                g.Approval,
		WindowHours:             orNull(g.WindowHours),
		MinimumAmount:           orNull(g.MinimumAmount),
		Requires:                orNull(g.Requires),
		WhenPrerequisiteMissing: g.WhenPrerequisiteMissing,
		OncePerClick:            g.OncePerClick,
		TransactionIDRequired:   g.TransactionIDRequired,
		DedupeWindowMinutes:     g.DedupeWindowMinutes,
		Payout:                  showPrice(g.Payout),
		Revenue:                 showPrice(g.Revenue),
	}
}

func showPrice(p proofback.Price) *model.Price {
	if p.Model == "" {
		return nil
	}
	return &model.Price{Model: p.Model, Amount: orNull(p.Amount), Percent: orNull(p.Percent), Currency: orNull(p.Currency)}
}
