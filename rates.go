package proofback

import (
	"time"

	"github.com/cockroachdb/apd/v3"
)

// MaxRateAge is how old the last published reference rate may be: it bridges
// weekends and holidays. After that a feed has died, and an old rate would be a
// guess.
const MaxRateAge = 7 * 24 * time.Hour

// euro is the base of all stored rates: the ECB quotes units of each currency
// for one euro.
const euro = "EUR"

// Rate is a published reference rate.
type Rate struct {
	PerEuro Decimal   // units of the currency for one euro
	Day     time.Time // midnight UTC of the day it was published for
	Source  string
}

// Rates are the reference rates in force on one day, by currency: for each the
// last one published on or before it, and none where that is too old. The euro
// needs none.
type Rates map[string]Rate

// Conversion arithmetic keeps more digits than any amount and rate together.
var wide = apd.BaseContext.WithPrecision(60)

// Convert turns money into another currency, rounded once to its minor units.
// The Rate tells the day and source to be kept beside it: of two rates (a cross
// over the euro) the older day. ok is false when a rate is missing.
func (r Rates) Convert(m Money, to string) (converted Money, used Rate, ok bool) {
	if m.Currency == to {
		return m.Round(), Rate{Source: RateSourceSame}, true
	}
	from, into, used, ok := r.between(m.Currency, to)
	if !ok {
		return Money{}, Rate{}, false
	}
	if digits, ok := CurrencyDigits(to); ok {
		if amount, ok := m.Amount.ruleOfThree(into.PerEuro, from.PerEuro, digits); ok {
			return Money{amount, to}, used, true
		}
	}
	value, used, ok := r.value(m, to)
	if !ok {
		return Money{}, Rate{}, false
	}
	return Money{value, to}.Round(), used, true
}

// between gives the rates of two currencies to the euro, and which of them tells the day
// and source of the cross.
func (r Rates) between(base, quote string) (from, into, used Rate, ok bool) {
	from, okFrom := r.of(base)
	into, okInto := r.of(quote)
	used = from
	if base == euro || quote != euro && into.Day.Before(from.Day) {
		used = into
	}
	return from, into, used, okFrom && okInto
}

// value is Convert without the rounding, for comparisons.
func (r Rates) value(m Money, to string) (Decimal, Rate, bool) {
	if m.Currency == to {
		return m.Amount, Rate{Source: RateSourceSame}, true
	}
	from, into, used, ok := r.between(m.Currency, to)
	if !ok {
		return "", Rate{}, false
	}
	var z apd.Decimal
	_, err := wide.Mul(&z, m.Amount.apd(), into.PerEuro.apd())
	if err == nil {
		_, err = wide.Quo(&z, &z, from.PerEuro.apd())
	}
	if err != nil {
		return "", Rate{}, false
	}
	return Decimal(z.Text('f')), used, true
}

// crossDigits is how many significant digits a cross rate is shown with.
const crossDigits = 10

// Cross gives how many units of quote one unit of base is worth: as published
// where base is the euro, else over the euro, to 10 significant digits, with the
// older of the two days. ok is false when a rate is missing.
func (r Rates) Cross(base, quote string) (rate Decimal, used Rate, ok bool) {
	exact, used, ok := r.value(Money{"1", base}, quote)
	if !ok {
		return "", Rate{}, false
	}
	if base == euro && quote != euro {
		return used.PerEuro, used, true
	}
	var z apd.Decimal
	c := apd.BaseContext.WithPrecision(crossDigits)
	c.Rounding = apd.RoundHalfEven
	if _, err := c.Round(&z, exact.apd()); err != nil {
		return "", Rate{}, false
	}
	return Decimal(z.Text('f')), used, true
}

func (r Rates) of(currency string) (Rate, bool) {
	if currency == euro {
		return Rate{PerEuro: "1"}, true
	}
	rate, ok := r[currency]
	return rate, ok
}

// Normalize gives a conversion's money in the network's currency, at the rates
// of its event date. When one is missing all of it waits: a sum of two is only
// worth something when both are there.
func Normalize(c *Conversion, currency string, rates Rates) Normalized {
	n := Normalized{RateSource: RateSourceSame, RateDate: RateDay(c.EventAt)}
	for _, side := range [...]struct {
		from Money
		into *Money
	}{{c.Payout, &n.Payout}, {c.Revenue, &n.Revenue}} {
		if side.from.IsZero() {
			continue
		}
		converted, used, ok := rates.Convert(side.from, currency)
		if !ok {
			return Normalized{}
		}
		*side.into = converted
		if used.Source != RateSourceSame && (n.RateSource == RateSourceSame || used.Day.Before(n.RateDate)) {
			n.RateDate, n.RateSource = used.Day, used.Source
		}
	}
	return n
}

// RateDay is the day whose reference rate holds for a moment: its UTC date.
func RateDay(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// ExchangeRate is what one unit of Base is worth in Quote.
type ExchangeRate struct {
	Base, Quote string
	Rate        Decimal
	Day         time.Time
	Source      string
}
