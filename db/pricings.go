package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pricings tell by what those conversions were priced whose sales are corrected.
func (c *corrector) pricings(ctx context.Context, found map[uuid.UUID]*proofback.Conversion) (map[uuid.UUID]*proofback.Pricing, error) {
	var sold []*proofback.Conversion
	for i := range c.list {
		if v := found[c.list[i].ConversionID]; v != nil && c.list[i].Amount != "" {
			sold = append(sold, v)
		}
	}
	if len(sold) == 0 {
		return nil, nil
	}
	type v = *proofback.Conversion
	var terms []termsRow
	err := c.tx.NewSelect().
		Model(&terms).
		Where("terms.id IN (?)", bun.List(column(sold, func(v v) uuid.UUID { return v.TermsID }))).
		Scan(ctx)
	if err != nil {
		return nil, err
	}
	goals := map[[2]uuid.UUID]*proofback.Goal{} // by terms and goal
	for i := range terms {
		for g := range terms[i].Body.Goals {
			goal := &terms[i].Body.Goals[g]
			goals[[2]uuid.UUID{terms[i].ID, goal.ID}] = goal
		}
	}
	var own []overrideRow
	err = c.tx.NewSelect().
		Model(&own).
		Where("override.affiliate_id IN (?)", bun.List(column(sold, func(v v) uuid.UUID { return v.AffiliateID }))).
		Where("override.goal_id IN (?)", bun.List(column(sold, func(v v) uuid.UUID { return v.GoalID }))).
		Scan(ctx)
	if err != nil {
		return nil, err
	}
	overrides := column(pointers(own), (*overrideRow).value)
	prices := make(map[uuid.UUID]*proofback.Pricing, len(sold))
	var wanted wantedRates
	for _, v := range sold {
		goal := goals[[2]uuid.UUID{v.TermsID, v.GoalID}]
		prices[v.ID] = &proofback.Pricing{Goal: goal, Overrides: overrides}
		if goal != nil && !goal.MinimumAmount.IsZero() {
			wanted.add(v.Amount.Currency, proofback.RateDay(v.EventAt))
			wanted.add(goal.MinimumAmount.Currency, proofback.RateDay(v.EventAt))
		}
	}
	rates, err := c.tx.ratesOf(ctx, &wanted)
	for _, v := range sold {
		prices[v.ID].Rates = rates[proofback.RateDay(v.EventAt)]
	}
	return prices, err
}

// ratesOf reads rates, by day.
func (t *tx) ratesOf(ctx context.Context, wanted *wantedRates) (map[time.Time]proofback.Rates, error) {
	days := map[time.Time]proofback.Rates{}
	if len(wanted.days) == 0 {
		return days, nil
	}
	return days, t.asPgx(func(pg pgx.Tx) error {
		rows, err := pg.Query(ctx, ratesQuery, wanted.currencies, wanted.days, maxRateDays)
		if err != nil {
			return err
		}
		defer rows.Close()
		return scanRates(rows, days)
	})
}
