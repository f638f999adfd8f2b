package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type clickFields Resolver

// Click answers the fields of Click.
func (r *Resolver) Click() generated.ClickResolver { return (*clickFields)(r) }

func (q *query) Clicks(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.ClickFilter) (*model.ClickConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	sub := orZero(in.Sub)
	f := proofback.ClickFilter{
		TimeRange:   proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		OfferID:     ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		ClickID:     clickID(q.ClickKeys, in.ClickID),
		SubIndex:    sub.Index,
		SubValue:    sub.Value,
		Country:     orZero(in.Country),
		Device:      orZero(in.Device),
		Bot:         in.Bot,
		Tests:       in.Tests,
	}
	if in.Sub != nil && sub.Index == 0 {
		ids.problems.Add([]string{"filter", "sub", "index"}, "there are sub1 to sub10, and no sub0")
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Clicks(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(c *proofback.Click) proofback.Cursor { return proofback.Cursor{ID: c.ID} },
		func(cursor string, c *proofback.Click) *model.ClickEdge {
			return &model.ClickEdge{Cursor: cursor, Node: showClick(c, q.ClickKeys)}
		})
	return &model.ClickConnection{Edges: rows, PageInfo: info}, nil
}

// noClick is an id that no click has, since it is no UUIDv7.
var noClick = uuid.Max

// clickID reads a click id as advertisers know it: uuid.Nil when it was left
// out, noClick when it is damaged or not ours.
func clickID(keys *proofback.ClickKeys, text *string) uuid.UUID {
	if text == nil {
		return uuid.Nil
	}
	id, state := keys.Parse(*text)
	if state != proofback.ClickIDWhole {
		return noClick
	}
	return id
}

func (r *clickFields) LandingURL(ctx context.Context, c *model.Click) (*string, error) {
	terms, err := find(ctx, loadersFrom(ctx).terms, c.Row.TermsID)
	if err != nil || terms == nil {
		return nil, err
	}
	link, err := find(ctx, loadersFrom(ctx).links, c.Row.LinkID)
	if err != nil {
		return nil, err
	}
	return orNull(proofback.LandingURL(terms, c.Row, orZero(link).Code, c.ClickID)), nil
}

func (r *clickFields) Offer(ctx context.Context, c *model.Click) (*model.Offer, error) {
	return offer(ctx, c.Row.OfferID)
}

func (r *clickFields) Affiliate(ctx context.Context, c *model.Click) (*model.Affiliate, error) {
	return affiliateIfAny(ctx, c.Row.AffiliateID)
}

// affiliateIfAny answers a relation that test clicks, and what comes of them, do
// not have.
func affiliateIfAny(ctx context.Context, id uuid.UUID) (*model.Affiliate, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	return affiliate(ctx, id)
}

func (r *clickFields) TrackingLink(ctx context.Context, c *model.Click) (*model.TrackingLink, error) {
	l, err := find(ctx, loadersFrom(ctx).links, c.Row.LinkID)
	if err != nil || l == nil {
		return nil, err
	}
	return showLink(l, r.PublicURL), nil
}

// Os tells from what the visitor's browser said of itself.
func (r *clickFields) Os(ctx context.Context, c *model.Click) (*string, error) {
	agent, err := userAgent(ctx, c.Row)
	_, os, _ := proofback.ParseUserAgent(agent)
	return orNull(os), err
}

// Browser tells from the same.
func (r *clickFields) Browser(ctx context.Context, c *model.Click) (*string, error) {
	agent, err := userAgent(ctx, c.Row)
	_, _, browser := proofback.ParseUserAgent(agent)
	return orNull(browser), err
}

// userAgent is what came with a click, unless that was read along with it.
func userAgent(ctx context.Context, c *proofback.Click) (string, error) {
	if c.UserAgent != "" {
		return c.UserAgent, nil
	}
	v := loadersFrom(ctx).userAgents.get(ctx, c.ID)
	return v.value, v.err
}

// showClick is a click as the API shows it.
func showClick(c *proofback.Click, keys *proofback.ClickKeys) *model.Click {
	out := &model.Click{
		ID:       proofback.GlobalID(proofback.KindClick, c.ID),
		ClickID:  keys.Encode(c.ID),
		At:       c.At,
		Country:  orNull(c.Country),
		Device:   c.Device,
		Bot:      c.Bot,
		Flags:    c.Flags.Names(),
		Outcome:  c.Outcome,
		Source:   orNull(c.Source),
		Creative: orNull(c.Creative),
		Subs:     []*model.Sub{},
		Row:      c,
	}
	if c.IP.IsValid() {
		ip := c.IP.String()
		out.IP = &ip
	}
	for i, v := range c.Subs {
		if v != "" {
			out.Subs = append(out.Subs, &model.Sub{Index: i + 1, Value: v})
		}
	}
	return out
}
