package proofback

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decimal draws amounts as senders write them.
func decimal(t *rapid.T, name string) Decimal {
	s := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(t, name)
	d, ok := ParseDecimal(s)
	if !ok {
		t.Fatalf("%q is no decimal", s)
	}
	return d
}

func rat(t *rapid.T, d Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		t.Fatalf("%q is no number", d)
	}
	return r
}

func TestDecimalArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimal(t, "a"), decimal(t, "b")
		ra, rb := rat(t, a), rat(t, b)
		if got, want := rat(t, a.Add(b)), new(big.Rat).Add(ra, rb); got.Cmp(want) != 0 {
			t.Errorf("%s + %s = %s", a, b, a.Add(b))
		}
		if got, want := rat(t, a.Sub(b)), new(big.Rat).Sub(ra, rb); got.Cmp(want) != 0 {
			t.Errorf("%s - %s = %s", a, b, a.Sub(b))
		}
		if got, want := rat(t, a.Mul(b)), new(big.Rat).Mul(ra, rb); got.Cmp(want) != 0 {
			t.Errorf("%s * %s = %s", a, b, a.Mul(b))
		}
		if a.Cmp(b) != ra.Cmp(rb) || a.Equal(b) != (ra.Cmp(rb) == 0) || a.Sign() != ra.Sign() {
			t.Errorf("%s and %s compare wrongly", a, b)
		}
		c := Decimal(a.Canonical())
		if !c.Equal(a) || c.Canonical() != string(c) || strings.HasPrefix(string(c), "-0") && !strings.HasPrefix(string(c), "-0.") {
			t.Errorf("%s is written %s", a, c)
		}
	})
}

func TestRoundingIsHalfToEvenAndNeverFurtherThanHalfAUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in     Decimal
		digits int
		want   Decimal
	}{
		{"2.005", 2, "2.00"},
		{"2.015", 2, "2.02"},
		{"2.0151", 2, "2.02"},
		{"-2.005", 2, "-2.00"},
		{"0.5", 0, "0"},
		{"1.5", 0, "2"},
		{"2.5", 0, "2"},
		{"-0.4", 0, "0"},
		{"1", 3, "1.000"},
	} {
		if got := tt.in.Round(tt.digits); got != tt.want {
			t.Errorf("%s to %d: %s, want %s", tt.in, tt.digits, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d, digits := decimal(t, "d"), rapid.IntRange(0, 4).Draw(t, "digits")
		off := new(big.Rat).Sub(rat(t, d), rat(t, d.Round(digits)))
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
		if off.Abs(off).Cmp(half) > 0 {
			t.Errorf("%s to %d is %s", d, digits, d.Round(digits))
		}
	})
}

func TestALineHasItsCurrencysMinorUnits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sent    Money
		percent Decimal
		want    Money
	}{
		{Money{"99.99", "EUR"}, "10", Money{"10.00", "EUR"}},
		{Money{"1001", "JPY"}, "2.5", Money{"25", "JPY"}},
		{Money{"10.005", "BHD"}, "10", Money{"1.000", "BHD"}},
		{Money{"1.5", "CLF"}, "10", Money{"0.1500", "CLF"}},
		{Money{"0", "EUR"}, "10", Money{"0.00", "EUR"}},
	} {
		if got := tt.sent.Percent(tt.percent); got != tt.want {
			t.Errorf("%s %% of %v: %v, want %v", tt.percent, tt.sent, got, tt.want)
		}
	}
	if none := (Money{}); !none.IsZero() || none.Round() != none || (Money{"0", "EUR"}).IsZero() {
		t.Error("no money is not the same as nought")
	}
	if (Money{"1", "EUR"}).Equal(Money{"1", "USD"}) || !(Money{"1", "EUR"}).Equal(Money{"1.00", "EUR"}) {
		t.Error("money is equal by value and currency")
	}
}

func TestOnlyPlainDecimalsAreNumbers(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-", ".", ".5", "1.", "+1", "1e3", "1,5", " 1", "0x1", "1234567890123", "1.1234567890123", "NaN", "--1", "١"} {
		if d, ok := ParseDecimal(s); ok {
			t.Errorf("%q is the number %s", s, d)
		}
	}
}
