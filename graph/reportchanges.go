package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type reportChangeFields Resolver

// ReportChange answers the fields of ReportChange.
func (r *Resolver) ReportChange() generated.ReportChangeResolver { return (*reportChangeFields)(r) }

func (r *reportChangeFields) Conversion(ctx context.Context, c *model.ReportChange) (*model.Conversion, error) {
	return conversionOf(ctx, c.ConversionID)
}

func (q *query) ReportChanges(ctx context.Context, in model.ReportChangesInput) (*model.ReportChanges, error) {
	ask, err := reportInput(model.ReportInput{From: in.From, To: in.To, Currency: in.Currency, Filter: in.Filter, First: in.First, AsOf: in.Until})
	if err != nil {
		return nil, err
	}
	after, err := readCursor("after", in.After)
	if err != nil {
		return nil, err
	}
	if after != nil && in.Until == nil {
		return nil, proofback.Invalid([]string{"until"}, "say until when, so that the next page is of the same changes")
	}
	found, err := q.Store.ReportChanges(ctx, ActorFrom(ctx), proofback.ReportChangesInput{Report: ask, Since: orZero(in.Since), After: after})
	if err != nil {
		return nil, err
	}
	out := &model.ReportChanges{
		Currency: found.Currency,
		Since:    orNull(found.Since),
		Until:    found.Until,
		Changes:  []*model.ReportChange{},
		Totals:   showDifference(&found.Totals),
		PageInfo: &model.PageInfo{HasNextPage: found.HasMore, HasPreviousPage: after != nil},
	}
	staff := ActorFrom(ctx).IsStaff()
	for i := range found.Changes {
		c := &found.Changes[i]
		out.Changes = append(out.Changes, &model.ReportChange{
			At:           c.At,
			Kind:         c.Kind,
			From:         orNull(c.From),
			To:           c.To,
			Reason:       orNull(c.Reason),
			By:           showActor(c.ByKind, c.ByEmail, staff),
			BookedAt:     c.BookedAt,
			Difference:   showDifference(&c.Metrics),
			ConversionID: c.ConversionID,
		})
		cursor := c.Cursor().String()
		if i == 0 {
			out.PageInfo.StartCursor = &cursor
		}
		out.PageInfo.EndCursor = &cursor
	}
	return out, nil
}

func showDifference(m *proofback.Metrics) *model.ReportDifference {
	return &model.ReportDifference{
		Pending:       int(m.Pending),
		Approved:      int(m.Approved),
		Rejected:      int(m.Rejected),
		Payout:        orNull(m.Payout),
		PendingPayout: orNull(m.PendingPayout),
		Revenue:       orNull(m.Revenue),
		Margin:        orNull(m.Margin),
	}
}
