package graph

import (
	"context"
	"strconv"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) CreateOffer(ctx context.Context, in model.CreateOfferInput) (*model.CreateOfferPayload, error) {
	var ids idReader
	advertiser := ids.one(proofback.KindAdvertiser, in.AdvertiserID, "advertiserId")
	terms := proofback.Terms{
		Name:                   in.Name,
		Status:                 orElse(in.Status, proofback.OfferActive),
		Access:                 orElse(in.Access, proofback.OfferPublic),
		LandingURL:             in.LandingURL,
		FallbackURL:            orZero(in.FallbackURL),
		AttributionWindowHours: orElse(in.AttributionWindowHours, proofback.DefaultAttributionWindowHours),
		Targeting:              readTargeting(in.Targeting),
		Caps:                   readCaps(in.Caps),
		Goals:                  readGoals(in.Goals, &ids.problems),
	}
	o, err := (*proofback.Offer)(nil), ids.err()
	if err == nil {
		o, err = m.Store.CreateOffer(ctx, ActorFrom(ctx), advertiser, terms)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateOfferPayload{UserErrors: mistakes}, err
	}
	return &model.CreateOfferPayload{Offer: showOffer(o), UserErrors: mistakes}, nil
}

func (m *mutation) UpdateOffer(ctx context.Context, in model.UpdateOfferInput) (*model.UpdateOfferPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindOffer, in.ID, "id")
	goals := readGoals(in.Goals, &ids.problems)
	o, err := (*proofback.Offer)(nil), ids.err()
	if err == nil {
		o, err = m.Store.UpdateOffer(ctx, ActorFrom(ctx), id, func(t *proofback.Terms) {
			t.Name = orElse(in.Name, t.Name)
			t.LandingURL = orElse(in.LandingURL, t.LandingURL)
			t.Access = orElse(in.Access, t.Access)
			t.Status = orElse(in.Status, t.Status)
			t.AttributionWindowHours = orElse(in.AttributionWindowHours, t.AttributionWindowHours)
			if url, ok := in.FallbackURL.ValueOK(); ok {
				t.FallbackURL = orZero(url)
			}
			if in.Targeting != nil {
				t.Targeting = readTargeting(in.Targeting)
			}
			if in.Caps != nil {
				t.Caps = readCaps(in.Caps)
			}
			if in.Goals != nil {
				t.Goals = goals
			}
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateOfferPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateOfferPayload{Offer: showOffer(o), UserErrors: mistakes}, nil
}

func (m *mutation) SetPayout(ctx context.Context, in model.SetPayoutInput) (*model.SetPayoutPayload, error) {
	var ids idReader
	p := db.OwnPrice{
		AffiliateID: ids.one(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		GoalID:      ids.one(proofback.KindGoal, in.GoalID, "goalId"),
		Payout:      readPrice(in.Payout),
		From:        orZero(in.From),
	}
	err := ids.err()
	if err == nil {
		err = m.Store.SetPayout(ctx, ActorFrom(ctx), p)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.SetPayoutPayload{UserErrors: mistakes}, err
	}
	g, err := load(ctx, loadersFrom(ctx).goals, "goal", p.GoalID)
	if err != nil {
		return nil, err
	}
	return &model.SetPayoutPayload{Goal: showGoal(g), UserErrors: mistakes}, nil
}

func readTargeting(in *model.TargetingInput) proofback.Targeting {
	t := orZero(in)
	return proofback.Targeting{Countries: t.Countries, Devices: t.Devices}
}

func readCaps(in []*model.CapInput) []proofback.Cap {
	caps := make([]proofback.Cap, len(in))
	for i, c := range in {
		caps[i] = proofback.Cap{Metric: c.Metric, Period: c.Period, Limit: c.Limit}
	}
	return caps
}

// readGoals reads goals with the defaults of what is left out. What 0 would mean
// to us is no input.
func readGoals(in []*model.GoalInput, problems *proofback.Problems) []proofback.Goal {
	goals := make([]proofback.Goal, len(in))
	for i, g := range in {
		if g.WindowHours != nil && *g.WindowHours == 0 {
			problems.Add([]string{"goals", strconv.Itoa(i), "windowHours"}, "from 1 hour; leave it out for the offer's own window")
		}
		goals[i] = proofback.Goal{
			EventType:               g.EventType,
			Name:                    orElse(g.Name, g.EventType),
			Payout:                  readPrice(g.Payout),
			Revenue:                 readPrice(g.Revenue),
			Approval:                orElse(g.Approval, proofback.ApprovalManual),
			WindowHours:             orZero(g.WindowHours),
			MinimumAmount:           orZero(g.MinimumAmount),
			Requires:                orZero(g.Requires),
			WhenPrerequisiteMissing: orElse(g.WhenPrerequisiteMissing, proofback.PrerequisiteReject),
			OncePerClick:            orZero(g.OncePerClick),
			TransactionIDRequired:   orZero(g.TransactionIDRequired),
			DedupeWindowMinutes:     orElse(g.DedupeWindowMinutes, proofback.DefaultDedupeWindowMinutes),
		}
		if g.Revenue == nil {
			goals[i].Revenue = goals[i].Payout
		}
	}
	return goals
}

func readPrice(in *model.PriceInput) proofback.Price {
	p := orZero(in)
	return proofback.Price{Model: p.Model, Amount: orZero(p.Amount), Percent: orZero(p.Percent), Currency: orZero(p.Currency)}
}
