package proofback

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// priced is a conversion of a sale of 100 EUR, of which 10 % are paid and 25 % owed.
func priced(change ...func(*Conversion, *Pricing)) (*Conversion, *Pricing) {
	at := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	goal := &Goal{ID: uuid.New(), Payout: Price{Model: PricePercent, Percent: "10"}, Revenue: Price{Model: PricePercent, Percent: "25"}}
	v := &Conversion{
		ID: uuid.New(), GoalID: goal.ID, AffiliateID: uuid.New(), Status: StatusApproved, EventAt: at, ReceivedAt: at, ClickAt: at.Add(-time.Hour),
		Amount: Money{"100", "EUR"}, Payout: Money{"10.00", "EUR"}, Revenue: Money{"25.00", "EUR"},
	}
	p := &Pricing{Goal: goal}
	for _, c := range change {
		c(v, p)
	}
	return v, p
}

func TestWhatFollowsFromASaleThatWasAnother(t *testing.T) {
	t.Parallel()
	eur := func(amount Decimal) Money { return Money{amount, "EUR"} }
	byHand := []*Adjustment{{Kind: AdjustmentAmount, Payout: eur("2.00")}}
	override := func(made time.Duration) func(*Conversion, *Pricing) {
		return func(v *Conversion, p *Pricing) {
			p.Overrides = []PayoutOverride{{
				AffiliateID: v.AffiliateID, GoalID: v.GoalID, From: v.ClickAt.Add(-time.Hour), CreatedAt: v.ReceivedAt.Add(made),
				Payout: Price{Model: PricePercent, Percent: "20"},
			}}
			if made < 0 {
				v.Payout = eur("20.00")
			}
		}
	}
	minimum := func(least Money) func(*Conversion, *Pricing) {
		return func(_ *Conversion, p *Pricing) { p.Goal.MinimumAmount = least }
	}
	for _, tt := range []struct {
		name                    string
		change                  func(*Conversion, *Pricing)
		before                  []*Adjustment
		correct                 Correction
		amount, payout, revenue Decimal
		want                    string // of the refusal
	}{
		{name: "shares of it follow", correct: Correction{Amount: "70"}, amount: "-30", payout: "-3.00", revenue: "-7.50"},
		{name: "each is rounded once, half to even", correct: Correction{Amount: "100.25"}, amount: "0.25", payout: "0.02", revenue: "0.06"},
		{name: "a sale of nothing", correct: Correction{Amount: "0"}, amount: "-100", payout: "-10.00", revenue: "-25.00"},
		{name: "what is given goes before what follows", correct: Correction{Amount: "70", Payout: "9.00"}, amount: "-30", payout: "-1.00", revenue: "-7.50"},
		{
			name: "fixed prices stay", correct: Correction{Amount: "70"}, amount: "-30",
			change: func(_ *Conversion, p *Pricing) {
				p.Goal.Payout, p.Goal.Revenue = Price{Model: PriceFixed, Amount: "10", Currency: "EUR"}, Price{Model: PricePostback}
			},
		},
		{name: "the affiliate's own price", change: override(-time.Hour), correct: Correction{Amount: "50"}, amount: "-50", payout: "-10.00", revenue: "-12.50"},
		{name: "a price that was given later does not reach back", change: override(time.Hour), correct: Correction{Amount: "50"}, amount: "-50", payout: "-5.00", revenue: "-12.50"},
		{
			name: "a second time goes on from the first", correct: Correction{Amount: "80"}, amount: "10", payout: "1.00", revenue: "2.50",
			before: []*Adjustment{{Kind: AdjustmentAmount, Amount: eur("-30"), Payout: eur("-3.00"), Revenue: eur("-7.50")}},
		},
		{name: "the same is nothing", correct: Correction{Amount: "100.00"}, want: "worth that already"},
		{
			name: "what staff took off for it already is not taken off twice", correct: Correction{Amount: "70"}, amount: "-30", payout: "-3.00",
			before: []*Adjustment{{Kind: AdjustmentAmount, Revenue: eur("-7.50")}},
		},
		{name: "what staff gave by hand is not guessed at", before: byHand, correct: Correction{Amount: "70"}, want: "payout was adjusted to 12.00 EUR, where the terms make 10.00 of the sale as it was and 7.00 of it now"},
		{name: "unless it is said", before: byHand, correct: Correction{Amount: "70", Payout: "12.00"}, amount: "-30", revenue: "-7.50"},
		{
			name: "by hand beside a fixed price", correct: Correction{Amount: "70"}, before: byHand, amount: "-30", revenue: "-7.50",
			change: func(_ *Conversion, p *Pricing) {
				p.Goal.Payout = Price{Model: PriceFixed, Amount: "10", Currency: "EUR"}
			},
		},
		{name: "below the minimum", change: minimum(eur("71")), correct: Correction{Amount: "70"}, want: "below the 71 EUR"},
		{name: "at the minimum", change: minimum(eur("70")), correct: Correction{Amount: "70"}, amount: "-30", payout: "-3.00", revenue: "-7.50"},
		{name: "a minimum without a rate", change: minimum(Money{"70", "USD"}), correct: Correction{Amount: "70"}, want: "no reference rate for 2026-03-05"},
		{
			name: "what is rejected need not reach it", correct: Correction{Amount: "70"}, amount: "-30", payout: "-3.00", revenue: "-7.50",
			change: func(v *Conversion, p *Pricing) { v.Status, p.Goal.MinimumAmount = StatusRejected, eur("71") },
		},
		{name: "no sale", change: func(v *Conversion, _ *Pricing) { v.Amount = Money{} }, correct: Correction{Amount: "70"}, want: "no sale was told"},
		{
			name: "what is owed stood in for the sale", correct: Correction{Amount: "70"}, want: "only what is owed",
			change: func(v *Conversion, p *Pricing) { v.AmountIsRevenue, p.Goal.Revenue = true, Price{Model: PricePostback} },
		},
		{name: "a negative sale", correct: Correction{Amount: "-1"}, want: "is not an amount"},
		{name: "terms that are gone", change: func(_ *Conversion, p *Pricing) { p.Goal = nil }, correct: Correction{Amount: "70"}, want: "not known any more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, p := priced()
			if tt.change != nil {
				tt.change(v, p)
			}
			tt.correct.ConversionID = v.ID
			a, problem := tt.correct.Correct(v, tt.before, p)
			if tt.want != "" {
				if problem == nil || !strings.Contains(problem.Message, tt.want) {
					t.Errorf("%v, want %s", problem, tt.want)
				}
				return
			}
			if problem != nil {
				t.Fatal(problem)
			}
			for name, side := range map[string][2]any{"amount": {a.Amount.Amount, tt.amount}, "payout": {a.Payout.Amount, tt.payout}, "revenue": {a.Revenue.Amount, tt.revenue}} {
				if got, want := side[0].(Decimal), side[1].(Decimal); got != want {
					t.Errorf("%s by %q, want %q", name, got, want)
				}
			}
		})
	}
}

// However often and to whatever a sale is corrected, the conversion ends up worth what it
// would have been worth, had the last sale been told at once.
func TestCorrectingASaleLeadsToWhatItWouldHaveBeenWorth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		v, p := priced()
		sale := func(name string) Decimal {
			return Decimal(fmt.Sprintf("%d.%03d", rapid.IntRange(0, 500).Draw(r, name), rapid.IntRange(0, 999).Draw(r, name)))
		}
		p.Goal.Payout.Percent, p.Goal.Revenue.Percent = sale("percent"), sale("percent")
		v.Amount.Amount = sale("first")
		v.Payout, v.Revenue = v.Amount.Percent(p.Goal.Payout.Percent), v.Amount.Percent(p.Goal.Revenue.Percent)
		var made []*Adjustment
		last := v.Amount
		for range rapid.IntRange(1, 5).Draw(r, "times") {
			c := Correction{ConversionID: v.ID, Amount: sale("sale")}
			a, problem := c.Correct(v, made, p)
			if c.Amount.Equal(last.Amount) {
				if problem == nil {
					r.Fatal("nothing was adjusted")
				}
				continue
			}
			if problem != nil {
				r.Fatal(problem)
			}
			made, last = append(made, &a), Money{c.Amount, "EUR"}
		}
		if got := Corrected(v.Amount, made, func(a *Adjustment) Money { return a.Amount }); !got.Equal(last) {
			r.Errorf("the sale is %v, want %v", got, last)
		}
		if got, want := Corrected(v.Payout, made, func(a *Adjustment) Money { return a.Payout }), last.Percent(p.Goal.Payout.Percent); !got.Equal(want) {
			r.Errorf("the payout is %v, want %v", got, want)
		}
		if got, want := Corrected(v.Revenue, made, func(a *Adjustment) Money { return a.Revenue }), last.Percent(p.Goal.Revenue.Percent); !got.Equal(want) {
			r.Errorf("the revenue is %v, want %v", got, want)
		}
	})
}

// A sale that tells the revenue is no more an affiliate's to see corrected than told.
func TestWhoSeesThatASaleWasCorrected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		percent Decimal
		shown   bool
	}{{"25", true}, {"100", false}} {
		v, p := priced(func(v *Conversion, p *Pricing) {
			p.Goal.Payout = Price{Model: PriceFixed, Amount: "10", Currency: "EUR"}
			p.Goal.Revenue.Percent, v.Revenue = tt.percent, v.Amount.Percent(tt.percent)
		})
		c := Correction{Amount: "70"}
		a, problem := c.Correct(v, nil, p)
		if problem != nil {
			t.Fatal(problem)
		}
		affiliate := Actor{Role: RoleAffiliate}
		if got := a.ShownTo(affiliate); got != tt.shown {
			t.Errorf("%s %%: shown %v", tt.percent, got)
		}
		opened := a.Openings(Salt{1}, affiliate)
		if a.MaskFor(affiliate); a.Amount.IsZero() == tt.shown || !a.Revenue.IsZero() || len(opened) != map[bool]int{true: 2, false: 1}[tt.shown] {
			t.Errorf("%s %%: %+v, %d opened", tt.percent, a, len(opened))
		}
	}
}
