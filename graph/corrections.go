package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) CorrectReconciliation(ctx context.Context, in model.CorrectReconciliationInput) (*model.CorrectReconciliationPayload, error) {
	var ids idReader
	c := db.Correction{
		Reconciliation: ids.one(proofback.KindReconciliation, in.ID, "id"),
		Action:         proofback.CorrectionAction(in.Action),
		Kinds:          in.Kinds,
		After:          int64(orZero(in.After)),
		Reason:         in.Reason,
		DryRun:         orZero(in.DryRun),
	}
	for _, n := range in.Numbers {
		c.Numbers = append(c.Numbers, int64(n))
	}
	done, err := (*db.Corrected)(nil), ids.err()
	if err == nil {
		done, err = m.Store.CorrectReconciliation(ctx, ActorFrom(ctx), m.Setup, m.ClickKeys, c)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		done = &db.Corrected{}
	}
	payload := &model.CorrectReconciliationPayload{Corrected: done.Count, RefusedCount: len(done.Refused), UserErrors: mistakes}
	payload.Adjusted = show(done.Adjusted, func(a db.AdjustedItem) *model.AdjustedItem {
		return &model.AdjustedItem{
			Number: int(a.Number), Amount: orNull(a.Amount), Payout: orNull(a.Payout), Revenue: orNull(a.Revenue),
			MonthClosed: a.Settled, ConversionID: a.ConversionID,
		}
	})
	payload.PayoutDifference = show(done.Difference(func(a *proofback.Adjustment) proofback.Money { return a.Payout }), orNull)
	payload.RevenueDifference = show(done.Difference(func(a *proofback.Adjustment) proofback.Money { return a.Revenue }), orNull)
	payload.Refused = show(done.Refused[:min(len(done.Refused), proofback.MaxPage)], func(r db.RefusedItem) *model.RefusedCorrection {
		return &model.RefusedCorrection{Number: int(r.Number), Message: r.Message}
	})
	if done.Next > 0 {
		next := int(done.Next)
		payload.Next = &next
	}
	return payload, err
}

type (
	adjustedItemFields Resolver
	feedFields         Resolver
)

// AdjustedItem answers the fields of AdjustedItem.
func (r *Resolver) AdjustedItem() generated.AdjustedItemResolver { return (*adjustedItemFields)(r) }

func (r *adjustedItemFields) Conversion(ctx context.Context, i *model.AdjustedItem) (*model.Conversion, error) {
	return conversionOf(ctx, i.ConversionID)
}

// ReconciliationFeed answers the fields of ReconciliationFeed.
func (r *Resolver) ReconciliationFeed() generated.ReconciliationFeedResolver { return (*feedFields)(r) }

func (m *mutation) SetReconciliationFeed(ctx context.Context, in model.SetReconciliationFeedInput) (*model.SetReconciliationFeedPayload, error) {
	var ids idReader
	f := &proofback.ReconciliationFeed{
		AdvertiserID: ids.one(proofback.KindAdvertiser, in.AdvertiserID, "advertiserId"),
		URL:          in.URL,
		Format:       in.Format,
		Schedule:     in.Schedule,
		Days:         orZero(in.Days),
		Enabled:      orElse(in.Enabled, true),
	}
	for _, c := range in.Columns {
		f.Columns = append(f.Columns, *c)
	}
	err := ids.err()
	if err == nil {
		f, err = m.Store.SetReconciliationFeed(ctx, ActorFrom(ctx), f)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.SetReconciliationFeedPayload{UserErrors: mistakes}, err
	}
	return &model.SetReconciliationFeedPayload{Feed: showFeed(f), UserErrors: mistakes}, nil
}

func (r *feedFields) Advertiser(ctx context.Context, f *model.ReconciliationFeed) (*model.Advertiser, error) {
	return advertiser(ctx, r.PublicURL, f.AdvertiserID)
}

func (r *feedFields) LastRun(ctx context.Context, f *model.ReconciliationFeed) (*model.Reconciliation, error) {
	run, err := find(ctx, loadersFrom(ctx).reconciliations, f.LastRunID)
	if err != nil || run == nil {
		return nil, err
	}
	return showReconciliation(run), nil
}

// showFeed is a feed as the API shows it.
func showFeed(f *proofback.ReconciliationFeed) *model.ReconciliationFeed {
	return &model.ReconciliationFeed{
		ID:           proofback.GlobalID(proofback.KindReconciliationFeed, f.ID),
		URL:          proofback.MaskURL(f.URL),
		Format:       f.Format,
		Schedule:     f.Schedule,
		Columns:      show(f.Columns, func(m proofback.NameMapping) *proofback.NameMapping { return &m }),
		Days:         f.Days,
		Enabled:      f.Enabled,
		NextRunAt:    f.NextRunAt,
		AdvertiserID: f.AdvertiserID,
		LastRunID:    f.LastRun,
	}
}
