package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type auditFields Resolver

// RedirectAudit answers the fields of RedirectAudit.
func (r *Resolver) RedirectAudit() generated.RedirectAuditResolver { return (*auditFields)(r) }

func (q *query) RedirectAudits(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.RedirectAuditFilter) (*model.RedirectAuditConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.AuditFilter{
		OfferID:  ids.maybe(proofback.KindOffer, in.OfferID, "filter", "offerId"),
		Survived: in.Survived,
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.RedirectAudits(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(a *proofback.RedirectAudit) proofback.Cursor { return proofback.Cursor{ID: a.ID} },
		func(cursor string, a *proofback.RedirectAudit) *model.RedirectAuditEdge {
			return &model.RedirectAuditEdge{Cursor: cursor, Node: showAudit(a)}
		})
	return &model.RedirectAuditConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) AuditRedirects(ctx context.Context, in model.AuditRedirectsInput) (*model.AuditRedirectsPayload, error) {
	var ids idReader
	offer := ids.one(proofback.KindOffer, in.OfferID, "offerId")
	a, err := (*proofback.RedirectAudit)(nil), ids.err()
	if err == nil {
		a, err = m.Auditor.Audit(ctx, ActorFrom(ctx), offer)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.AuditRedirectsPayload{UserErrors: mistakes}, err
	}
	return &model.AuditRedirectsPayload{Audit: showAudit(a), UserErrors: mistakes}, nil
}

func (r *auditFields) Offer(ctx context.Context, a *model.RedirectAudit) (*model.Offer, error) {
	return offer(ctx, a.OfferID)
}

// showAudit is an audit as the API shows it.
func showAudit(a *proofback.RedirectAudit) *model.RedirectAudit {
	c := a.Conclude()
	return &model.RedirectAudit{
		ID:        proofback.GlobalID(proofback.KindRedirectAudit, a.ID),
		At:        a.At,
		Verdict:   c.Verdict,
		Survived:  c.Survived,
		LostAtHop: orNull(c.LostAtHop),
		Summary:   c.Summary,
		Hops: show(a.Hops, func(h proofback.Hop) *model.RedirectHop {
			return &model.RedirectHop{
				URL:            h.URL,
				Status:         orNull(h.Status),
				Location:       orNull(h.Location),
				CarriesClickID: h.Form.Carries(),
				ClickIDForm:    h.Form,
				DurationMs:     milliseconds(h.Duration),
				Error:          orNull(h.Error),
			}
		}),
		OfferID: a.OfferID,
	}
}
