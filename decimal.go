package proofback

import (
	"cmp"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Decimal is an exact decimal number in plain notation ("12.50", "-3"), kept as
// it was written. It is a string so that it can be compared, copied and stored
// without aliasing; arithmetic goes through apd. The zero value "" counts as
// left out and is not a number.
type Decimal string

// exact carries 40 digits: an amount has 18 at most, a rate 15.
var exact = apd.BaseContext.WithPrecision(40)

// ParseDecimal reads a plain decimal: digits with an optional minus sign and
// point, at most 12 digits before and 12 after the point; no exponent, no plus.
func ParseDecimal(s string) (Decimal, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if len(whole) < 1 || len(whole) > 12 || len(frac) > 12 || point && frac == "" {
		return "", false
	}
	for _, part := range [...]string{whole, frac} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return "", false
			}
		}
	}
	return Decimal(s), true
}

func (d Decimal) apd() *apd.Decimal {
	v, _, err := apd.NewFromString(string(d))
	if err != nil || v.Form != apd.Finite {
		panic("proofback: not a decimal: " + string(d))
	}
	return v
}

// Cmp compares by value: "1.0" equals "1.00".
func (d Decimal) Cmp(o Decimal) int {
	if a, b, ok := d.alike(o); ok {
		return cmp.Compare(a.coef, b.coef)
	}
	return d.apd().Cmp(o.apd())
}

// alike gives two short numbers with the same digits after the point.
func (d Decimal) alike(o Decimal) (a, b short, ok bool) {
	a, okA := d.short()
	b, okB := o.short()
	if !okA || !okB {
		return a, b, false
	}
	return alike(a, b)
}

// Equal reports equality by value, and that of two left-out numbers.
func (d Decimal) Equal(o Decimal) bool {
	if d == "" || o == "" {
		return d == o
	}
	return d.Cmp(o) == 0
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if s, ok := d.short(); ok {
		return cmp.Compare(s.coef, 0)
	}
	return d.apd().Sign()
}

// Add gives the exact sum.
func (d Decimal) Add(o Decimal) Decimal {
	if a, b, ok := d.alike(o); ok {
		if s, ok := shortProduct(a.coef+b.coef, 1, a.scale); ok {
			return s.decimal()
		}
	}
	return d.calc(exact.Add, o)
}

// Sub gives the exact difference.
func (d Decimal) Sub(o Decimal) Decimal {
	if a, b, ok := d.alike(o); ok {
		if s, ok := shortProduct(a.coef-b.coef, 1, a.scale); ok {
			return s.decimal()
		}
	}
	return d.calc(exact.Sub, o)
}

// Mul gives the exact product.
func (d Decimal) Mul(o Decimal) Decimal {
	a, okA := d.short()
	b, okB := o.short()
	if okA && okB {
		if s, ok := shortProduct(a.coef, b.coef, a.scale+b.scale); ok {
			return s.decimal()
		}
	}
	return d.calc(exact.Mul, o)
}

func (d Decimal) calc(op func(z, x, y *apd.Decimal) (apd.Condition, error), o Decimal) Decimal {
	var z apd.Decimal
	if _, err := op(&z, d.apd(), o.apd()); err != nil {
		panic("proofback: decimal: " + err.Error())
	}
	return Decimal(z.Text('f'))
}

// Round gives d with exactly digits places after the point, ties to even.
func (d Decimal) Round(digits int) Decimal {
	if s, ok := d.short(); ok {
		if r, ok := s.round(digits); ok {
			return r.decimal()
		}
	}
	var z apd.Decimal
	c := *exact
	c.Rounding = apd.RoundHalfEven
	if _, err := c.Quantize(&z, d.apd(), -int32(digits)); err != nil {
		panic("proofback: decimal: " + err.Error())
	}
	if z.IsZero() {
		z.Negative = false
	}
	return Decimal(z.Text('f'))
}

// Canonical is the one way to write d's value: no leading zeros, no trailing
// zeros after the point, no point without digits after it. Ledger entries use it.
func (d Decimal) Canonical() string {
	if d == "" {
		return ""
	}
	if s, ok := d.short(); ok {
		return string(s.reduced().decimal())
	}
	var z apd.Decimal
	z.Reduce(d.apd())
	if z.IsZero() {
		return "0"
	}
	return z.Text('f')
}

// Count is a whole number as a Decimal.
func Count(n int64) Decimal { return Decimal(apd.New(n, 0).Text('f')) }

// per divides by a number of things, rounded once, ties to even; "" when there
// are none.
func (d Decimal) per(n int64, digits int) Decimal {
	if n == 0 {
		return ""
	}
	var z apd.Decimal
	if _, err := wide.Quo(&z, d.apd(), apd.New(n, 0)); err != nil {
		panic("proofback: decimal: " + err.Error())
	}
	return Decimal(z.Text('f')).Round(digits)
}
