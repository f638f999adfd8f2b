package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// Node finds anything by its global id; null when there is none, or none that
// the actor may see.
func (q *query) Node(ctx context.Context, id string) (model.Node, error) {
	kind, key, err := proofback.ParseGlobalID(id)
	if err != nil {
		return nil, err
	}
	return q.node(ctx, kind, key)
}

// Nodes is Node for many ids at once.
func (q *query) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	if len(ids) > proofback.MaxPage {
		return nil, proofback.Invalid([]string{"ids"}, "at most %d ids", proofback.MaxPage)
	}
	out := make([]model.Node, len(ids))
	return out, loadersFrom(ctx).queue.Each(ctx, len(ids), func(i int) (err error) {
		out[i], err = q.Node(ctx, ids[i])
		return err
	})
}

// node finds a thing of one kind. A kind that has no case is none of ours.
func (q *query) node(ctx context.Context, kind proofback.Kind, id uuid.UUID) (model.Node, error) {
	l := loadersFrom(ctx)
	switch kind {
	case proofback.KindUser:
		return shown(ctx, l.users, id, showUser)
	case proofback.KindAdvertiser:
		return shown(ctx, l.advertisers, id, func(a *proofback.Advertiser) *model.Advertiser { return showAdvertiser(a, q.PublicURL) })
	case proofback.KindAffiliate:
		return shown(ctx, l.affiliates, id, showAffiliate)
	case proofback.KindOffer:
		return shown(ctx, l.offers, id, showOffer)
	case proofback.KindGoal:
		return shown(ctx, l.goals, id, showGoal)
	case proofback.KindOfferAccess:
		return shown(ctx, l.accesses, id, showAccess)
	case proofback.KindTrackingLink:
		return shown(ctx, l.links, id, func(t *proofback.TrackingLink) *model.TrackingLink { return showLink(t, q.PublicURL) })
	case proofback.KindAffiliatePostback:
		return shown(ctx, l.destinations, id, showDestination)
	case proofback.KindClick:
		return shown(ctx, l.clicks, id, func(c *proofback.Click) *model.Click { return showClick(c, q.ClickKeys) })
	case proofback.KindConversion:
		return shown(ctx, l.conversions, id, showConversion)
	case proofback.KindPostback:
		return shown(ctx, l.postbacks, id, showPostback)
	case proofback.KindDelivery:
		return shown(ctx, l.deliveries, id, showDelivery)
	case proofback.KindRedirectAudit:
		return shown(ctx, l.audits, id, showAudit)
	case proofback.KindReconciliation:
		return shown(ctx, l.reconciliations, id, showReconciliation)
	case proofback.KindNotice:
		return shown(ctx, l.notices, id, showNotice)
	case proofback.KindAdjustment:
		return shown(ctx, l.adjustments, id, func(a *proofback.Adjustment) *model.Adjustment { return showAdjustment(a, ActorFrom(ctx).IsStaff()) })
	case proofback.KindPeriod:
		return shown(ctx, l.periods, id, func(p *proofback.Period) *model.Period { return showPeriod(p, ActorFrom(ctx).IsStaff()) })
	case proofback.KindStatement:
		return shown(ctx, l.statements, id, showStatement)
	case proofback.KindAPIKey:
		return shown(ctx, l.apiKeys, id, showAPIKey)
	case proofback.KindSavedReport:
		return shown(ctx, l.savedReports, id, showSavedReport)
	case proofback.KindReportRun:
		return shown(ctx, l.reportRuns, id, showReportRun)
	case proofback.KindDispute:
		return shown(ctx, l.disputes, id, func(d *proofback.Dispute) *model.Dispute { return showDispute(d, q.ClickKeys) })
	case proofback.KindVerification:
		return shown(ctx, l.verifications, id, showVerification)
	case proofback.KindDiscrepancy:
		return shown(ctx, l.discrepancies, id, showDiscrepancy)
	case proofback.KindAuditEntry:
		return shown(ctx, l.auditEntries, id, showAuditEntry)
	case proofback.KindIntegrationTest:
		if t, err := q.integrationTest(ctx, id); err != nil || t != nil {
			return t, err
		}
	}
	return nil, nil
}

// shown finds a thing and shows it; nil, and not a typed nil, when there is none.
func shown[T any, M model.Node](ctx context.Context, l *loader[*T], id uuid.UUID, show func(*T) M) (model.Node, error) {
	v, err := find(ctx, l, id)
	if err != nil || v == nil {
		return nil, err
	}
	return show(v), nil
}
