package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type disputeFields Resolver

// Dispute answers the fields of Dispute.
func (r *Resolver) Dispute() generated.DisputeResolver { return (*disputeFields)(r) }

func (q *query) Disputes(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.DisputeFilter) (*model.DisputeConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.DisputeFilter{AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"), Status: orZero(in.Status)}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Disputes(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(d *proofback.Dispute) proofback.Cursor { return proofback.Cursor{ID: d.ID} },
		func(cursor string, d *proofback.Dispute) *model.DisputeEdge {
			return &model.DisputeEdge{Cursor: cursor, Node: showDispute(d, q.ClickKeys)}
		})
	return &model.DisputeConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) OpenDispute(ctx context.Context, in model.OpenDisputeInput) (*model.OpenDisputePayload, error) {
	var ids idReader
	affiliate := ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId")
	err := ids.err()
	var by proofback.TraceBy
	if err == nil {
		by, err = (*query)(m).traceKey(orZero(in.By))
	}
	var d *proofback.Dispute
	if err == nil {
		d, err = m.Store.OpenDispute(ctx, ActorFrom(ctx), affiliate, by, proofback.DisputeEntry{Text: in.Text, EvidenceURL: orZero(in.EvidenceURL)})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.OpenDisputePayload{UserErrors: mistakes}, err
	}
	return &model.OpenDisputePayload{Dispute: showDispute(d, m.ClickKeys), UserErrors: mistakes}, nil
}

func (m *mutation) AnswerDispute(ctx context.Context, in model.AnswerDisputeInput) (*model.AnswerDisputePayload, error) {
	var ids idReader
	id := ids.one(proofback.KindDispute, in.ID, "id")
	d, err := (*proofback.Dispute)(nil), ids.err()
	if err == nil {
		d, err = m.Store.AnswerDispute(ctx, ActorFrom(ctx), id, proofback.DisputeEntry{Text: in.Text, EvidenceURL: orZero(in.EvidenceURL), Decision: orZero(in.Decision)})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.AnswerDisputePayload{UserErrors: mistakes}, err
	}
	return &model.AnswerDisputePayload{Dispute: showDispute(d, m.ClickKeys), UserErrors: mistakes}, nil
}

func (r *disputeFields) Affiliate(ctx context.Context, d *model.Dispute) (*model.Affiliate, error) {
	return affiliate(ctx, d.AffiliateID)
}

func (r *disputeFields) Conversion(ctx context.Context, d *model.Dispute) (*model.Conversion, error) {
	c, err := find(ctx, loadersFrom(ctx).conversions, d.ConversionID)
	if err != nil || c == nil {
		return nil, err
	}
	return showConversion(c), nil
}

func (r *disputeFields) Postback(ctx context.Context, d *model.Dispute) (*model.Postback, error) {
	p, err := find(ctx, loadersFrom(ctx).postbacks, d.RequestID)
	if err != nil || p == nil {
		return nil, err
	}
	return showPostback(p), nil
}

func (r *disputeFields) Entries(ctx context.Context, d *model.Dispute) ([]*model.DisputeEntry, error) {
	list, err := listOf(ctx, loadersFrom(ctx).said, d.DisputeID)
	return show(list, func(e *proofback.DisputeEntry) *model.DisputeEntry {
		return &model.DisputeEntry{
			At: e.At, ByStaff: e.ByStaff, By: orNull(e.ByEmail), Text: e.Text, EvidenceURL: orNull(e.EvidenceURL), Decision: orNull(e.Decision),
		}
	}), err
}

// showDispute is a dispute as the API shows it.
func showDispute(d *proofback.Dispute, keys *proofback.ClickKeys) *model.Dispute {
	m := &model.Dispute{
		ID: proofback.GlobalID(proofback.KindDispute, d.ID), Status: d.Status, OpenedAt: d.OpenedAt, DecidedAt: orNull(d.DecidedAt),
		TransactionID: orNull(d.By.TransactionID),
		Trace: show(d.Trace, func(m proofback.Moment) *model.TimelineEntry {
			return &model.TimelineEntry{At: m.At, Kind: model.TimelineKind(m.Kind), Summary: m.Summary}
		}),
		DisputeID: d.ID, AffiliateID: d.AffiliateID, ConversionID: d.By.ConversionID, RequestID: d.By.RequestID,
	}
	if d.By.ClickID != uuid.Nil {
		click := keys.Encode(d.By.ClickID)
		m.ClickID = &click
	}
	return m
}
