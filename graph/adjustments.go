package graph

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	adjustmentFields       Resolver
	conversionNoticeFields Resolver
)

// Adjustment answers the fields of Adjustment.
func (r *Resolver) Adjustment() generated.AdjustmentResolver { return (*adjustmentFields)(r) }

// ConversionNotice answers the fields of ConversionNotice.
func (r *Resolver) ConversionNotice() generated.ConversionNoticeResolver {
	return (*conversionNoticeFields)(r)
}

func (r *adjustmentFields) Conversion(ctx context.Context, a *model.Adjustment) (*model.Conversion, error) {
	return conversionOf(ctx, a.ConversionID)
}

func (r *conversionNoticeFields) Conversion(ctx context.Context, n *model.ConversionNotice) (*model.Conversion, error) {
	return conversionOf(ctx, n.ConversionID)
}

// conversionOf answers a relation that every row has.
func conversionOf(ctx context.Context, id uuid.UUID) (*model.Conversion, error) {
	c, err := load(ctx, loadersFrom(ctx).conversions, "conversion", id)
	if err != nil {
		return nil, err
	}
	return showConversion(c), nil
}

func (r *conversionFields) Adjustments(ctx context.Context, c *model.Conversion) ([]*model.Adjustment, error) {
	list, err := listOf(ctx, loadersFrom(ctx).corrected, c.ConversionID)
	if err != nil {
		return nil, err
	}
	staff := ActorFrom(ctx).IsStaff()
	return show(list, func(a *proofback.Adjustment) *model.Adjustment { return showAdjustment(a, staff) }), nil
}

func (r *conversionFields) Adjusted(ctx context.Context, c *model.Conversion) (*model.AdjustedMoney, error) {
	list, err := listOf(ctx, loadersFrom(ctx).corrected, c.ConversionID)
	if err != nil {
		return nil, err
	}
	return &model.AdjustedMoney{
		Amount:  orNull(proofback.Corrected(orZero(c.Amount), list, func(a *proofback.Adjustment) proofback.Money { return a.Amount })),
		Payout:  orNull(proofback.Corrected(orZero(c.Payout), list, func(a *proofback.Adjustment) proofback.Money { return a.Payout })),
		Revenue: orNull(proofback.Corrected(orZero(c.Revenue), list, func(a *proofback.Adjustment) proofback.Money { return a.Revenue })),
	}, nil
}

func (m *mutation) AdjustConversions(ctx context.Context, in model.AdjustConversionsInput) (*model.AdjustConversionsPayload, error) {
	ids := make([]string, len(in.Adjustments))
	for i, a := range in.Adjustments {
		ids[i] = a.ID
	}
	named, err := nameIDs(proofback.KindConversion, ids)
	payload := &model.AdjustConversionsPayload{Adjustments: []*model.Adjustment{}, Notices: []*model.ConversionNotice{}}
	if err == nil {
		list := make([]proofback.Correction, len(named.keys))
		for i, key := range named.keys {
			a := in.Adjustments[named.at[i]]
			list[i] = proofback.Correction{ConversionID: key, Payout: orZero(a.Payout), Revenue: orZero(a.Revenue), Amount: orZero(a.Amount)}
		}
		var made []*proofback.Adjustment
		var problems proofback.Problems
		made, problems, err = m.Store.AdjustConversions(ctx, ActorFrom(ctx), list, in.Reason)
		named.add(problems)
		payload.Adjustments = show(made, func(a *proofback.Adjustment) *model.Adjustment { return showAdjustment(a, true) })
		for _, a := range made {
			if a.Settled {
				payload.Notices = append(payload.Notices, &model.ConversionNotice{
					Code:         model.ConversionNoticeCodePeriodClosed,
					Message:      "its month is closed, so the adjustment is booked in " + proofback.MonthName(a.BookedAt),
					ConversionID: a.ConversionID,
				})
			}
		}
	}
	payload.UserErrors, err = named.mistakes(err)
	for _, e := range payload.UserErrors {
		if len(e.Field) > 0 && e.Field[0] == "ids" {
			e.Field[0] = "adjustments"
		}
	}
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// settledNotices tell of the conversions just moved whose month is closed.
func (m *mutation) settledNotices(ctx context.Context, moved []*proofback.Conversion) ([]*model.ConversionNotice, error) {
	notices := []*model.ConversionNotice{}
	if len(moved) == 0 {
		return notices, nil
	}
	ids := make([]uuid.UUID, len(moved))
	for i, c := range moved {
		ids[i] = c.ID
	}
	booked, err := m.Store.AdjustmentsByConversion(ctx, ActorFrom(ctx), ids)
	if err != nil {
		return nil, err
	}
	for _, c := range moved {
		// The last line of a move is the one just made.
		for _, a := range slices.Backward(booked[c.ID]) {
			if a.Counts() {
				notices = append(notices, &model.ConversionNotice{
					Code:         model.ConversionNoticeCodePeriodClosed,
					Message:      proofback.ClosedSentence(c.EventAt, a.BookedAt),
					ConversionID: c.ID,
				})
				break
			}
		}
	}
	return notices, nil
}

// showAdjustment is an adjustment as the API shows it.
func showAdjustment(a *proofback.Adjustment, staff bool) *model.Adjustment {
	return &model.Adjustment{
		ID:           proofback.GlobalID(proofback.KindAdjustment, a.ID),
		Kind:         a.Kind,
		From:         orNull(a.From),
		To:           a.To,
		Payout:       orNull(a.Payout),
		Revenue:      orNull(a.Revenue),
		Amount:       orNull(a.Amount),
		MonthClosed:  a.Settled,
		BookedAt:     a.BookedAt,
		At:           a.At,
		By:           showActor(a.ByKind, a.ByEmail, staff),
		Reason:       a.Reason,
		ConversionID: a.ConversionID,
	}
}
