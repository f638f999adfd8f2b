package db

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// AdjustedItem is an item with the adjustment that was made for it, or would be.
type AdjustedItem struct {
	Number int64
	*proofback.Adjustment
}

// Difference adds up a side of what was adjusted, by currency.
func (c *Corrected) Difference(side func(*proofback.Adjustment) proofback.Money) []proofback.Money {
	sums := map[string]proofback.Money{}
	for _, a := range c.Adjusted {
		if m := side(a.Adjustment); !m.IsZero() {
			if sum, ok := sums[m.Currency]; ok {
				m.Amount = sum.Amount.Add(m.Amount)
			}
			sums[m.Currency] = m
		}
	}
	list := make([]proofback.Money, 0, len(sums))
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		list = append(list, sums[currency])
	}
	return list
}

// adjustItems adjusts the conversions of items to what the advertiser says: what it owes,
// or the sales, with what follows from them by the terms of their clicks.
func (s *Store) adjustItems(ctx context.Context, actor proofback.Actor, r *proofback.Reconciliation, items []*proofback.ListItem, reason string, dryRun bool, done *Corrected) error {
	known, err := s.ConversionsByID(ctx, actor, column(items, func(i *proofback.ListItem) uuid.UUID { return i.ConversionID }))
	if err != nil {
		return err
	}
	var list []proofback.Correction
	for _, i := range items {
		v := known[i.ConversionID]
		k := proofback.Correction{ConversionID: i.ConversionID, Item: proofback.ReconciledItem{Reconciliation: r.ID, N: i.N}}
		switch {
		case i.Kind == proofback.KindCurrencyDiffers:
			done.Refused = append(done.Refused, RefusedItem{i.N, "the currencies differ, and a rate would make up a number that nobody told: " +
				"settle with the advertiser which one is right, and adjust the conversion itself by adjustConversions"})
			continue
		case i.Kind != proofback.KindAmountDiffers || v == nil:
			done.Refused = append(done.Refused, RefusedItem{i.N, "only an amount that differs can be adjusted"})
			continue
		case r.ByRevenue || v.Amount.IsZero():
			k.Revenue = i.Advertiser.Amount
		default:
			k.Amount = i.Advertiser.Amount
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil
	}
	made, problems, err := s.adjustAll(ctx, actor, corrector{list: list, reason: reason, preview: dryRun})
	if err != nil {
		return err
	}
	done.Count = len(made)
	for _, a := range made {
		done.Adjusted = append(done.Adjusted, AdjustedItem{a.Item.N, a})
	}
	for _, p := range problems {
		done.Refused = append(done.Refused, RefusedItem{list[position(p)].Item.N, p.Message})
	}
	return nil
}
