package graph

import (
	"context"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type deliveryFields Resolver

// Delivery answers the fields of Delivery.
func (r *Resolver) Delivery() generated.DeliveryResolver { return (*deliveryFields)(r) }

func (q *query) Deliveries(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.DeliveryFilter) (*model.DeliveryConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	f, err := deliveryFilter(orZero(filter))
	if err != nil {
		return nil, err
	}
	w, err := q.Store.Deliveries(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(d *proofback.Delivery) proofback.Cursor { return proofback.Cursor{ID: d.ID} },
		func(cursor string, d *proofback.Delivery) *model.DeliveryEdge {
			return &model.DeliveryEdge{Cursor: cursor, Node: showDelivery(d)}
		})
	return &model.DeliveryConnection{Edges: rows, PageInfo: info}, nil
}

func deliveryFilter(in model.DeliveryFilter) (proofback.DeliveryFilter, error) {
	var ids idReader
	f := proofback.DeliveryFilter{
		TimeRange:     proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		AffiliateID:   ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		DestinationID: ids.maybe(proofback.KindAffiliatePostback, in.AffiliatePostbackID, "filter", "affiliatePostbackId"),
		Statuses:      in.Statuses,
	}
	return f, ids.err()
}

func (m *mutation) RetryDeliveries(ctx context.Context, in model.RetryDeliveriesInput) (*model.RetryDeliveriesPayload, error) {
	retried, mistakes, err := m.retry(ctx, in)
	if err != nil {
		return nil, err
	}
	rows, err := loadersFrom(ctx).deliveries.all(ctx, retried.Deliveries)
	if err != nil {
		return nil, err
	}
	return &model.RetryDeliveriesPayload{Deliveries: show(rows, showDelivery), Count: retried.Count, UserErrors: mistakes}, nil
}

func (m *mutation) retry(ctx context.Context, in model.RetryDeliveriesInput) (retried db.Retried, _ []*model.UserError, err error) {
	if (in.Ids == nil) == (in.Filter == nil) {
		mistakes, err := userErrors(proofback.Invalid([]string{"ids"}, "give either ids or a filter"))
		return retried, mistakes, err
	}
	if in.Filter != nil {
		f, err := deliveryFilter(*in.Filter)
		if err == nil {
			retried, err = m.Store.RetryFailedDeliveries(ctx, ActorFrom(ctx), f)
		}
		mistakes, err := userErrors(err)
		return retried, mistakes, err
	}
	named, err := nameIDs(proofback.KindDelivery, in.Ids)
	if err == nil {
		retried, err = m.Store.RetryDeliveries(ctx, ActorFrom(ctx), named.keys)
		named.add(retried.Problems)
	}
	mistakes, err := named.mistakes(err)
	return retried, mistakes, err
}

func (r *deliveryFields) AffiliatePostback(ctx context.Context, d *model.Delivery) (*model.AffiliatePostback, error) {
	to, err := load(ctx, loadersFrom(ctx).destinations, "affiliate postback", d.DestinationID)
	if err != nil {
		return nil, err
	}
	return showDestination(to), nil
}

func (r *deliveryFields) Conversion(ctx context.Context, d *model.Delivery) (*model.Conversion, error) {
	c, err := load(ctx, loadersFrom(ctx).conversions, "conversion", d.ConversionID)
	if err != nil {
		return nil, err
	}
	return showConversion(c), nil
}

func (r *deliveryFields) Attempts(ctx context.Context, d *model.Delivery) ([]*model.DeliveryAttempt, error) {
	list, err := listOf(ctx, loadersFrom(ctx).attempts, d.DeliveryID)
	if err != nil {
		return nil, err
	}
	return show(list, showAttempt), nil
}

// showDelivery is a delivery as the API shows it.
func showDelivery(d *proofback.Delivery) *model.Delivery {
	return &model.Delivery{
		ID:            proofback.GlobalID(proofback.KindDelivery, d.ID),
		Status:        d.Status,
		Event:         &model.DeliveryEvent{Status: d.Event},
		URL:           d.URL,
		CreatedAt:     d.CreatedAt,
		NextAttemptAt: orNull(d.NextAttemptAt),
		DeliveryID:    d.ID,
		ConversionID:  d.ConversionID,
		DestinationID: d.DestinationID,
	}
}

// showAttempt is a try to deliver as the API shows it.
func showAttempt(a *proofback.Attempt) *model.DeliveryAttempt {
	out := &model.DeliveryAttempt{
		At:             a.At,
		URL:            a.URL,
		Outcome:        a.Outcome,
		ResponseStatus: orNull(a.ResponseStatus),
		DurationMs:     milliseconds(a.Duration),
		Error:          orNull(a.Error),
	}
	if a.RequestHeaders != "" {
		out.Request = &model.AttemptRequest{
			Method:  a.Method,
			URL:     a.URL,
			Headers: showHeaders(a.RequestHeaders),
			Body:    orNull(a.RequestBody),
		}
	}
	if a.ResponseStatus != 0 {
		out.ResponseBody = &a.ResponseBody // an empty answer is one
		out.Response = &model.AttemptResponse{
			Status:  a.ResponseStatus,
			Headers: showHeaders(a.ResponseHeaders),
			Body:    a.ResponseBody,
		}
	}
	return out
}

// showHeaders takes fields apart that stand one a line.
func showHeaders(lines string) []*model.HTTPHeader {
	out := []*model.HTTPHeader{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		out = append(out, &model.HTTPHeader{Name: name, Value: value})
	}
	return out
}
