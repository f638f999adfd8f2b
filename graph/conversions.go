package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	conversionFields Resolver
	transitionFields Resolver
)

// Conversion answers the fields of Conversion.
func (r *Resolver) Conversion() generated.ConversionResolver { return (*conversionFields)(r) }

// Transition answers the fields of Transition.
func (r *Resolver) Transition() generated.TransitionResolver { return (*transitionFields)(r) }

func (q *query) Conversions(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.ConversionFilter, orderBy *model.ConversionOrder) (*model.ConversionConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	f, err := conversionFilter(q.ClickKeys, filter)
	if err != nil {
		return nil, err
	}
	order := conversionOrder(orderBy)
	w, err := q.Store.Conversions(ctx, ActorFrom(ctx), f, order, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w, order.Cursor, func(cursor string, c *proofback.Conversion) *model.ConversionEdge {
		return &model.ConversionEdge{Cursor: cursor, Node: showConversion(c)}
	})
	return &model.ConversionConnection{Edges: rows, PageInfo: info}, nil
}

// conversionFilter reads a filter.
func conversionFilter(keys *proofback.ClickKeys, filter *model.ConversionFilter) (proofback.ConversionFilter, error) {
	var ids idReader
	in := orZero(filter)
	return proofback.ConversionFilter{
		TimeRange:     proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		Basis:         orZero(in.TimeBasis),
		OfferID:       ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		AffiliateID:   ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		AdvertiserID:  ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		EventType:     orZero(in.EventType),
		Statuses:      in.Statuses,
		TransactionID: orZero(in.TransactionID),
		ClickID:       clickID(keys, in.ClickID),
		Tests:         in.Tests,
	}, ids.err()
}

func conversionOrder(in *model.ConversionOrder) proofback.ConversionOrder {
	var o proofback.ConversionOrder
	if in == nil {
		return o
	}
	if in.Field == model.ConversionOrderFieldReceivedAt {
		o.By = proofback.ByReceivedAt
	}
	o.OldestFirst = orZero(in.Direction) == model.OrderDirectionAsc
	return o
}

func (r *conversionFields) Goal(ctx context.Context, c *model.Conversion) (*model.Goal, error) {
	g, err := load(ctx, loadersFrom(ctx).goals, "goal", c.GoalID)
	if err != nil {
		return nil, err
	}
	return showGoal(g), nil
}

func (r *conversionFields) Offer(ctx context.Context, c *model.Conversion) (*model.Offer, error) {
	return offer(ctx, c.OfferID)
}

func (r *conversionFields) Affiliate(ctx context.Context, c *model.Conversion) (*model.Affiliate, error) {
	return affiliateIfAny(ctx, c.AffiliateID)
}

func (r *conversionFields) Advertiser(ctx context.Context, c *model.Conversion) (*model.Advertiser, error) {
	return advertiser(ctx, r.PublicURL, c.AdvertiserID)
}

func (r *conversionFields) Click(ctx context.Context, c *model.Conversion) (*model.Click, error) {
	click, err := find(ctx, loadersFrom(ctx).clicks, c.ClickID)
	if err != nil || click == nil {
		return nil, err
	}
	return showClick(click, r.ClickKeys), nil
}

func (r *conversionFields) Transitions(ctx context.Context, c *model.Conversion) ([]*model.Transition, error) {
	list, err := listOf(ctx, loadersFrom(ctx).transitions, c.ConversionID)
	if err != nil {
		return nil, err
	}
	staff := ActorFrom(ctx).IsStaff()
	return show(list, func(t *proofback.Transition) *model.Transition { return showTransition(t, staff) }), nil
}

func (r *conversionFields) Deliveries(ctx context.Context, c *model.Conversion) ([]*model.Delivery, error) {
	list, err := listOf(ctx, loadersFrom(ctx).told, c.ConversionID)
	if err != nil {
		return nil, err
	}
	return show(list, showDelivery), nil
}

func (r *transitionFields) Postback(ctx context.Context, t *model.Transition) (*model.Postback, error) {
	return postback(ctx, t.PostbackID)
}

// conversion answers a relation to a conversion; nil when there is none that the
// actor may see.
func conversion(ctx context.Context, id uuid.UUID) (*model.Conversion, error) {
	c, err := find(ctx, loadersFrom(ctx).conversions, id)
	if err != nil || c == nil {
		return nil, err
	}
	return showConversion(c), nil
}

// showConversion is a conversion as the API shows it. Money that is not the
// actor's to see came empty from the Store, and is null.
func showConversion(c *proofback.Conversion) *model.Conversion {
	out := &model.Conversion{
		ID:            proofback.GlobalID(proofback.KindConversion, c.ID),
		TransactionID: orNull(c.TxID),
		EventType:     c.EventType,
		Status:        c.Status,
		Reason:        orNull(c.Reason),
		EventAt:       c.EventAt,
		Test:          c.Test,
		Late:          c.Late,
		ReceivedAt:    c.ReceivedAt,
		Payout:        orNull(c.Payout),
		Revenue:       orNull(c.Revenue),
		Amount:        orNull(c.Amount),
		ConversionID:  c.ID,
		GoalID:        c.GoalID,
		OfferID:       c.OfferID,
		AffiliateID:   c.AffiliateID,
		AdvertiserID:  c.AdvertiserID,
		ClickID:       c.ClickID,
	}
	if n := c.Normalized; !n.RateDate.IsZero() {
		out.Normalized = &model.NormalizedMoney{
			Payout:     orNull(n.Payout),
			Revenue:    orNull(n.Revenue),
			RateDate:   n.RateDate,
			RateSource: n.RateSource,
		}
	}
	return out
}

// byStaff is what is said of a person of the network who is not to be named.
const byStaff = "STAFF"

// showTransition is a move as the API shows it.
func showTransition(t *proofback.Transition, staff bool) *model.Transition {
	return &model.Transition{
		From:       orNull(t.From),
		To:         t.To,
		At:         t.At,
		By:         showActor(t.ByKind, t.ByEmail, staff),
		Reason:     orNull(t.Reason),
		PostbackID: t.PostbackID,
	}
}

// showActor says on whose word something was done: to staff, a person's e-mail.
func showActor(kind proofback.ActorKind, email string, staff bool) string {
	switch {
	case kind != proofback.ByUser:
		return string(kind)
	case staff && email != "":
		return email
	}
	return byStaff
}
