package proofback

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"
)

// What a machine word can do is done as apd does it, to the last place.
func TestShortNumbersAreCalculatedAsLongOnes(t *testing.T) {
	t.Parallel()
	number := rapid.Custom(func(t *rapid.T) Decimal {
		return Decimal(rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?`).Draw(t, "number"))
	})
	few := rapid.Custom(func(t *rapid.T) Decimal {
		return Decimal(rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{1,4})?`).Draw(t, "number"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.OneOf(number, few).Draw(t, "a")
		b := rapid.OneOf(number, few).Draw(t, "b")
		digits := rapid.IntRange(0, 6).Draw(t, "digits")
		var rounded, reduced apd.Decimal
		c := *exact
		c.Rounding = apd.RoundHalfEven
		if _, err := c.Quantize(&rounded, a.apd(), -int32(digits)); err != nil {
			t.Fatal(err)
		}
		if rounded.IsZero() {
			rounded.Negative = false
		}
		if reduced.Reduce(a.apd()); reduced.IsZero() {
			reduced.SetInt64(0)
		}
		for _, c := range []struct {
			what      string
			got, want Decimal
		}{
			{"sum", a.Add(b), a.calc(exact.Add, b)},
			{"difference", a.Sub(b), a.calc(exact.Sub, b)},
			{"product", a.Mul(b), a.calc(exact.Mul, b)},
			{"rounded", a.Round(digits), Decimal(rounded.Text('f'))},
			{"canonical", Decimal(a.Canonical()), Decimal(reduced.Text('f'))},
		} {
			if c.got != c.want {
				t.Errorf("%s of %s and %s: %s, and apd says %s", c.what, a, b, c.got, c.want)
			}
		}
		if got, want := a.Cmp(b), a.apd().Cmp(b.apd()); got != want {
			t.Errorf("%s against %s: %d, and apd says %d", a, b, got, want)
		}
		if got, want := a.Sign(), a.apd().Sign(); got != want {
			t.Errorf("sign of %s: %d, and apd says %d", a, got, want)
		}
	})
}

// Amounts are converted as if with 60 digits and then rounded, to the last place.
func TestShortAmountsAreConvertedAsLongOnes(t *testing.T) {
	t.Parallel()
	amount := rapid.Custom(func(t *rapid.T) Decimal {
		return Decimal(rapid.StringMatching(`-?[0-9]{1,6}(\.[0-9]{1,6})?`).Draw(t, "amount"))
	})
	rate := rapid.Custom(func(t *rapid.T) Decimal {
		return Decimal(rapid.StringMatching(`[0-9]{1,4}(\.[0-9]{0,4}[1-9])?|1|2|4|8|0\.5`).Draw(t, "rate"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, mul, div := amount.Draw(t, "of"), rate.Draw(t, "times"), rate.Draw(t, "by")
		if div.Sign() == 0 {
			return
		}
		digits := rapid.IntRange(0, 4).Draw(t, "digits")
		got, ok := a.ruleOfThree(mul, div, digits)
		if !ok {
			if a.Sign() > 0 && mul.Sign() > 0 && len(a+mul+div) < 14 {
				t.Fatalf("%s·%s/%s is too long", a, mul, div)
			}
			return
		}
		var z apd.Decimal
		if _, err := wide.Mul(&z, a.apd(), mul.apd()); err != nil {
			t.Fatal(err)
		}
		if _, err := wide.Quo(&z, &z, div.apd()); err != nil {
			t.Fatal(err)
		}
		if want := Decimal(z.Text('f')).Round(digits); got != want {
			t.Errorf("%s·%s/%s to %d places: %s, and apd says %s", a, mul, div, digits, got, want)
		}
	})
}
