package graph

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type postbackFields Resolver

// Postback answers the fields of Postback.
func (r *Resolver) Postback() generated.PostbackResolver { return (*postbackFields)(r) }

func (q *query) Postbacks(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.PostbackFilter) (*model.PostbackConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	f, err := postbackFilter(q.ClickKeys, filter)
	if err != nil {
		return nil, err
	}
	w, err := q.Store.Postbacks(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(p *proofback.Postback) proofback.Cursor { return proofback.Cursor{ID: p.ID} },
		func(cursor string, p *proofback.Postback) *model.PostbackEdge {
			return &model.PostbackEdge{Cursor: cursor, Node: showPostback(p)}
		})
	return &model.PostbackConnection{Edges: rows, PageInfo: info}, nil
}

func (r *postbackFields) Advertiser(ctx context.Context, p *model.Postback) (*model.Advertiser, error) {
	if p.AdvertiserID == uuid.Nil {
		return nil, nil
	}
	return advertiser(ctx, r.PublicURL, p.AdvertiserID)
}

func (r *postbackFields) Conversion(ctx context.Context, p *model.Postback) (*model.Conversion, error) {
	return conversion(ctx, p.ConversionID)
}

func (r *postbackFields) ReplayOf(ctx context.Context, p *model.Postback) (*model.Postback, error) {
	return postback(ctx, p.ReplayOfID)
}

// postback answers a relation to a logged request; nil when there is none that
// the actor may see.
func postback(ctx context.Context, id uuid.UUID) (*model.Postback, error) {
	p, err := find(ctx, loadersFrom(ctx).postbacks, id)
	if err != nil || p == nil {
		return nil, err
	}
	return showPostback(p), nil
}

// showPostback is a logged request as the API shows it. What is not the actor's
// to see came empty from the Store.
func showPostback(p *proofback.Postback) *model.Postback {
	return &model.Postback{
		ID:             proofback.GlobalID(proofback.KindPostback, p.ID),
		RequestID:      p.ID.String(),
		ReceivedAt:     p.ReceivedAt,
		Method:         p.Method,
		URL:            orNull(p.URL),
		RemoteIP:       orNull(p.RemoteIP),
		Result:         p.Result,
		Reason:         p.Reason,
		Message:        p.Message,
		ResponseStatus: p.ResponseStatus,
		ResponseBody:   p.ResponseBody,
		DurationMs:     milliseconds(p.Duration),
		Parameters: show(p.Parameters, func(p proofback.Parameter) *model.PostbackParameter {
			return &model.PostbackParameter{Name: p.Name, Value: p.Value, Canonical: orNull(p.Canonical)}
		}),
		Checks:       show(p.Checks, func(c proofback.Check) *proofback.Check { return &c }),
		AdvertiserID: p.AdvertiserID,
		ConversionID: p.ConversionID,
		ReplayOfID:   p.ReplayOf,
	}
}

// milliseconds is how the API tells how long something took.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// postbackFilter reads a filter of the log; nil matches everything.
func postbackFilter(keys *proofback.ClickKeys, filter *model.PostbackFilter) (proofback.PostbackFilter, error) {
	var ids idReader
	in := orZero(filter)
	f := proofback.PostbackFilter{
		TimeRange:     proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		AdvertiserID:  ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		Results:       in.Results,
		Reasons:       in.Reasons,
		ClickID:       clickID(keys, in.ClickID),
		TransactionID: orZero(in.TransactionID),
	}
	return f, ids.err()
}
