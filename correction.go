package proofback

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Correction says what a conversion is to be worth. A side that is "" stays.
type Correction struct {
	ConversionID    uuid.UUID
	Payout, Revenue Decimal
	// Amount is what the customer's sale was, in the currency that it was told in. What
	// is a share of the sale by the terms of the click follows it, where it is not said.
	Amount Decimal
	Item   ReconciledItem // that it is made for, if any
}

// Pricing is what a conversion was priced by.
type Pricing struct {
	Goal      *Goal            // of the terms of its click
	Overrides []PayoutOverride // of any affiliates and goals
	Rates     Rates            // of the event's day
}

// payout is the price that the conversion's affiliate had when it was made: a price that
// was given later does not reach back.
func (p *Pricing) payout(v *Conversion) Price {
	own := slices.DeleteFunc(slices.Clone(p.Overrides), func(o PayoutOverride) bool {
		return o.GoalID != v.GoalID || o.AffiliateID != v.AffiliateID || o.CreatedAt.After(v.ReceivedAt)
	})
	return PayoutAt(p.Goal, own, v.ClickAt)
}

// ofSale is the line that a sale makes, where the price is a share of it.
func (r Price) ofSale(sale Money) (Money, bool) {
	if r.Model != PricePercent {
		return Money{}, false
	}
	m, problem := r.price("", "", &Claim{Amount: sale.Amount, Currency: sale.Currency})
	return m, problem == nil
}

// Correct makes the difference that brings a conversion, with the corrections it
// has, to what it is to be worth, or says why that cannot be. How it was priced is
// needed where its sale is corrected. The adjustment's remaining fields are the caller's
// to fill in.
func (c *Correction) Correct(v *Conversion, before []*Adjustment, p *Pricing) (Adjustment, *Error) {
	a := Adjustment{
		ConversionID: v.ID, AdvertiserID: v.AdvertiserID, AffiliateID: v.AffiliateID, Kind: AdjustmentAmount, To: v.Status, Item: c.Item,
		AmountIsRevenue: v.AmountIsRevenue || v.Amount.tells(v.Revenue),
	}
	if c.Item != (ReconciledItem{}) && slices.ContainsFunc(before, func(b *Adjustment) bool { return b.Item == c.Item }) {
		return a, Errorf(CodeConflict, "it was adjusted by this item already: compare the list again to see how it stands")
	}
	sale := Corrected(v.Amount, before, func(a *Adjustment) Money { return a.Amount })
	if c.Amount != "" {
		if problem := c.resell(v, sale, p); problem != nil {
			return a, problem
		}
	}
	resold := Money{c.Amount, sale.Currency}
	moves := c.Amount != "" && !resold.Equal(sale)
	if moves {
		a.Amount = Money{c.Amount.Sub(sale.Amount), sale.Currency}
	}
	for _, side := range [...]struct {
		name  string
		want  Decimal
		is    Money
		of    func(*Adjustment) Money
		price func() Price
		delta *Money
	}{
		{"payout", c.Payout, v.Payout, func(a *Adjustment) Money { return a.Payout }, func() Price { return p.payout(v) }, &a.Payout},
		{"revenue", c.Revenue, v.Revenue, func(a *Adjustment) Money { return a.Revenue }, func() Price { return p.Goal.Revenue }, &a.Revenue},
	} {
		now, want := Corrected(side.is, before, side.of), side.want
		if want == "" && moves && !side.is.IsZero() {
			follows, problem := reprice(side.name, side.price(), now, sale, resold)
			if problem != nil {
				return a, problem
			}
			want = follows
		}
		if want == "" {
			continue
		}
		if side.is.IsZero() {
			return a, Errorf(CodeConflict, "the conversion has no %s that could be adjusted", side.name)
		}
		if m := (Money{want, side.is.Currency}); want.Sign() < 0 || !m.Round().Equal(m) {
			return a, Errorf(CodeInvalid, "the %s must be an amount of %s that is not negative, in its minor units", side.name, side.is.Currency)
		}
		if delta := want.Sub(now.Amount); delta.Sign() != 0 {
			*side.delta = Money{delta, side.is.Currency}.Round()
		}
	}
	if a.Amount.IsZero() && a.Payout.IsZero() && a.Revenue.IsZero() {
		return a, Errorf(CodeConflict, "the conversion is worth that already")
	}
	return a, nil
}

// resell says why the sale of a conversion cannot have been another.
func (c *Correction) resell(v *Conversion, sale Money, p *Pricing) *Error {
	if p == nil || p.Goal == nil {
		return Errorf(CodeConflict, "the terms that the conversion was priced by are not known any more: adjust its payout and revenue")
	}
	var amount Problems
	switch least := p.Goal.MinimumAmount; {
	case sale.IsZero():
		return Errorf(CodeConflict, "no sale was told of the conversion that could be corrected: adjust its payout and revenue")
	case v.AmountIsRevenue && p.Goal.Revenue.Model == PricePostback:
		return Errorf(CodeConflict, "no sale was told of the conversion, only what is owed for it: adjust its revenue")
	case !amount.checkAmount(c.Amount, "amount"):
		return Errorf(CodeInvalid, "%s", amount[0].Message)
	case v.Status == StatusRejected || least.IsZero() || c.Amount.Equal(sale.Amount):
		return nil // what is rejected need not reach the minimum
	default:
		value, _, ok := p.Rates.value(Money{c.Amount, sale.Currency}, least.Currency)
		if !ok {
			return Errorf(CodeConflict, "the goal counts from %s %s on, and there is no reference rate for %s in %s yet that could tell whether %s is as much: wait for it, or import it",
				least.Amount, least.Currency, RateDay(v.EventAt).Format(time.DateOnly), sale.Currency, c.Amount)
		}
		if value.Cmp(least.Amount) < 0 {
			return Errorf(CodeConflict, "a sale of %s %s is below the %s %s from which on the goal counts: reject the conversion", c.Amount, sale.Currency, least.Amount, least.Currency)
		}
	}
	return nil
}

// reprice gives what a side is to be worth when the sale was another; "" where it does
// not follow from the sale. What staff made of it meanwhile by hand is not guessed at: a
// difference may have been meant to be for this sale, or to be kept.
func reprice(name string, price Price, now, sale, resold Money) (Decimal, *Error) {
	before, follows := price.ofSale(sale)
	after, _ := price.ofSale(resold)
	switch {
	case !follows, now.Equal(after):
		return "", nil
	case now.Equal(before):
		return after.Amount, nil
	}
	return "", Errorf(CodeConflict, "its %s was adjusted to %s %s, where the terms make %s of the sale as it was and %s of it now: say with adjustConversions what it is to be",
		name, now.Amount, now.Currency, before.Amount, after.Amount)
}
