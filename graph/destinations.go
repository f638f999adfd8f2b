package graph

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type affiliatePostback Resolver

// AffiliatePostback answers the fields of AffiliatePostback.
func (r *Resolver) AffiliatePostback() generated.AffiliatePostbackResolver {
	return (*affiliatePostback)(r)
}

func (q *query) AffiliatePostbacks(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.AffiliatePostbackFilter) (*model.AffiliatePostbackConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.DestinationFilter{
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		OfferID:     ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		Enabled:     in.Enabled,
		Archived:    in.Archived,
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Destinations(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(d *proofback.Destination) proofback.Cursor { return proofback.Cursor{ID: d.ID} },
		func(cursor string, d *proofback.Destination) *model.AffiliatePostbackEdge {
			return &model.AffiliatePostbackEdge{Cursor: cursor, Node: showDestination(d)}
		})
	return &model.AffiliatePostbackConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateAffiliatePostback(ctx context.Context, in model.CreateAffiliatePostbackInput) (*model.CreateAffiliatePostbackPayload, error) {
	var ids idReader
	d := proofback.Destination{
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		OfferID:      ids.maybe(proofback.KindOffer, in.OfferID, "offerId"),
		EventType:    orZero(in.EventType),
		Statuses:     in.Statuses,
		Method:       orZero(in.Method),
		URLTemplate:  in.URLTemplate,
		RetryOn:      in.RetryOn,
		LatestOnly:   orZero(in.LatestOnly),
		MaxPerSecond: readBound(in.MaxPerSecond),
	}
	made, secret, err := (*proofback.Destination)(nil), "", ids.err()
	if err == nil {
		made, secret, err = m.Store.CreateDestination(ctx, ActorFrom(ctx), d)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateAffiliatePostbackPayload{UserErrors: mistakes}, err
	}
	return &model.CreateAffiliatePostbackPayload{AffiliatePostback: showDestination(made), Secret: &secret, UserErrors: mistakes}, nil
}

func (m *mutation) UpdateAffiliatePostback(ctx context.Context, in model.UpdateAffiliatePostbackInput) (*model.UpdateAffiliatePostbackPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAffiliatePostback, in.ID, "id")
	offer, offerGiven := in.OfferID.ValueOK()
	offerID := ids.maybe(proofback.KindOffer, offer, "offerId")
	d, err := (*proofback.Destination)(nil), ids.err()
	if err == nil {
		d, err = m.Store.UpdateDestination(ctx, ActorFrom(ctx), id, func(d *proofback.Destination) {
			d.Method = orElse(in.Method, d.Method)
			d.URLTemplate = orElse(in.URLTemplate, d.URLTemplate)
			d.Enabled = orElse(in.Enabled, d.Enabled)
			d.Archived = orElse(in.Archived, d.Archived)
			if offerGiven {
				d.OfferID = offerID
			}
			if event, ok := in.EventType.ValueOK(); ok {
				d.EventType = orZero(event)
			}
			if in.Statuses != nil {
				d.Statuses = in.Statuses
			}
			if in.RetryOn != nil {
				d.RetryOn = in.RetryOn
			}
			d.LatestOnly = orElse(in.LatestOnly, d.LatestOnly)
			if bound, ok := in.MaxPerSecond.ValueOK(); ok {
				d.MaxPerSecond = readBound(bound)
			}
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateAffiliatePostbackPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateAffiliatePostbackPayload{AffiliatePostback: showDestination(d), UserErrors: mistakes}, nil
}

// readBound reads a bound on the rate; what is given and bounds nothing is made a
// value that is refused.
func readBound(perSecond *int) int {
	if perSecond == nil {
		return 0
	}
	if *perSecond < 1 {
		return -1
	}
	return *perSecond
}

func (r *affiliatePostback) Affiliate(ctx context.Context, d *model.AffiliatePostback) (*model.Affiliate, error) {
	return affiliate(ctx, d.AffiliateID)
}

func (r *affiliatePostback) Offer(ctx context.Context, d *model.AffiliatePostback) (*model.Offer, error) {
	if d.OfferID == uuid.Nil {
		return nil, nil
	}
	return offer(ctx, d.OfferID)
}

// showDestination is an affiliate's endpoint as the API shows it.
func showDestination(d *proofback.Destination) *model.AffiliatePostback {
	return &model.AffiliatePostback{
		ID:           proofback.GlobalID(proofback.KindAffiliatePostback, d.ID),
		EventType:    orNull(d.EventType),
		Statuses:     d.Statuses,
		Method:       d.Method,
		URLTemplate:  d.URLTemplate,
		RetryOn:      d.RetryOn,
		LatestOnly:   d.LatestOnly,
		MaxPerSecond: orNull(d.MaxPerSecond),
		Enabled:      d.Enabled,
		Archived:     d.Archived,
		Health: &model.DestinationHealth{
			State:         d.HealthState,
			Since:         d.HealthSince,
			Reason:        orNull(d.HealthReason),
			FailuresInRow: d.FailuresInRow,
			FailingSince:  orNull(d.FailingSince),
			Breaker:       d.Breaker(time.Now()),
			NextProbeAt:   orNull(d.OpenUntil),
		},
		Warnings:       showWarnings(proofback.LintDestination(d.Method, d.URLTemplate)),
		OldSecretUntil: orNull(d.OldSecretUntil),
		CreatedAt:      d.CreatedAt,
		AffiliateID:    d.AffiliateID,
		OfferID:        d.OfferID,
	}
}

func showWarnings(list []proofback.TemplateWarning) []*proofback.TemplateWarning {
	return show(list, func(w proofback.TemplateWarning) *proofback.TemplateWarning { return &w })
}
