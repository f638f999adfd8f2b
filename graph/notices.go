package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type notice Resolver

// Notice answers the fields of Notice.
func (r *Resolver) Notice() generated.NoticeResolver { return (*notice)(r) }

func (q *query) Notices(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.NoticeFilter) (*model.NoticeConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	affiliate := ids.maybe(proofback.KindAffiliate, orZero(filter).AffiliateID, "filter", "affiliateId")
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Notices(ctx, ActorFrom(ctx), affiliate, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(n *proofback.Notice) proofback.Cursor { return proofback.Cursor{ID: n.ID} },
		func(cursor string, n *proofback.Notice) *model.NoticeEdge {
			return &model.NoticeEdge{Cursor: cursor, Node: showNotice(n)}
		})
	return &model.NoticeConnection{Edges: rows, PageInfo: info}, nil
}

func (r *notice) Affiliate(ctx context.Context, n *model.Notice) (*model.Affiliate, error) {
	return affiliateOrNull(ctx, n.AffiliateID)
}

func (r *notice) Advertiser(ctx context.Context, n *model.Notice) (*model.Advertiser, error) {
	return advertiserOrNull(ctx, r.PublicURL, n.AdvertiserID)
}

func (r *notice) AffiliatePostback(ctx context.Context, n *model.Notice) (*model.AffiliatePostback, error) {
	d, err := find(ctx, loadersFrom(ctx).destinations, n.DestinationID)
	if err != nil || d == nil {
		return nil, err
	}
	return showDestination(d), nil
}

func (r *notice) SavedReport(ctx context.Context, n *model.Notice) (*model.SavedReport, error) {
	return savedReportOrNull(ctx, n.SavedReportID)
}

func (r *notice) Dispute(ctx context.Context, n *model.Notice) (*model.Dispute, error) {
	d, err := find(ctx, loadersFrom(ctx).disputes, n.DisputeID)
	if err != nil || d == nil {
		return nil, err
	}
	return showDispute(d, r.ClickKeys), nil
}

// showNotice is what somebody was told, as the API shows it.
func showNotice(n *proofback.Notice) *model.Notice {
	return &model.Notice{
		ID:            proofback.GlobalID(proofback.KindNotice, n.ID),
		At:            n.At,
		Kind:          n.Kind,
		Message:       n.Message,
		AffiliateID:   n.AffiliateID,
		AdvertiserID:  n.AdvertiserID,
		SavedReportID: n.SavedReportID,
		DestinationID: n.DestinationID,
		DisputeID:     n.DisputeID,
	}
}
