package proofback

import (
	"math/bits"
	"strconv"
	"strings"
)

// short is a Decimal of at most 18 digits, which nearly all amounts are: their
// arithmetic fits a machine word. What does not, apd does, with the same result
// to the last place.
type short struct {
	coef  int64 // of at most 18 digits
	scale int   // digits after the point, at most 18
}

const shortDigits = 18

var powersOfTen = func() (p [shortDigits + 1]uint64) {
	p[0] = 1
	for i := range shortDigits {
		p[i+1] = 10 * p[i]
	}
	return p
}()

// short gives d as a short number, if it is one. A nought with a sign is left to
// apd.
func (d Decimal) short() (s short, ok bool) {
	digits := strings.TrimPrefix(string(d), "-")
	if len(digits) == 0 || len(digits) > shortDigits {
		return s, false
	}
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			s.coef = 10*s.coef + int64(c-'0')
		case c == '.' && s.scale == 0 && i > 0 && i < len(digits)-1:
			s.scale = len(digits) - i - 1
		default:
			return s, false
		}
	}
	if len(digits) < len(d) {
		s.coef = -s.coef
		return s, s.coef != 0
	}
	return s, true
}

// scaled writes s with more digits after the point.
func (s short) scaled(scale int) (short, bool) {
	if scale < s.scale || scale > shortDigits {
		return s, false
	}
	return shortProduct(s.coef, int64(powersOfTen[scale-s.scale]), scale)
}

func shortProduct(a, b int64, scale int) (short, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo >= powersOfTen[shortDigits] || scale > shortDigits {
		return short{}, false
	}
	if (a < 0) != (b < 0) {
		return short{-int64(lo), scale}, lo != 0
	}
	return short{int64(lo), scale}, true
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

// alike gives two numbers with the same digits after the point.
func alike(a, b short) (short, short, bool) {
	scale := max(a.scale, b.scale)
	a, okA := a.scaled(scale)
	b, okB := b.scaled(scale)
	return a, b, okA && okB
}

// round is s with exactly digits after the point, ties to even.
func (s short) round(digits int) (short, bool) {
	if s.scale <= digits {
		return s.scaled(digits)
	}
	if digits < 0 {
		return s, false
	}
	unit := powersOfTen[s.scale-digits]
	whole, rest := magnitude(s.coef)/unit, magnitude(s.coef)%unit
	if rest > unit/2 || rest == unit/2 && whole%2 == 1 {
		whole++
	}
	if s.coef < 0 {
		return short{-int64(whole), digits}, true
	}
	return short{int64(whole), digits}, true
}

// ruleOfThree is d·mul/div with exactly digits places after the point, rounded once, ties
// to even, where all of them are short.
func (d Decimal) ruleOfThree(mul, div Decimal, digits int) (Decimal, bool) {
	a, okA := d.short()
	b, okB := mul.short()
	c, okC := div.short()
	if !okA || !okB || !okC || c.coef <= 0 {
		return "", false
	}
	over, ok := shortProduct(a.coef, b.coef, 0)
	if !ok {
		return "", false
	}
	under := short{coef: c.coef}
	if places := digits + c.scale - a.scale - b.scale; places >= 0 {
		over, ok = over.scaled(places)
	} else {
		under, ok = under.scaled(-places)
	}
	if !ok {
		return "", false
	}
	by := magnitude(under.coef)
	whole, rest := magnitude(over.coef)/by, magnitude(over.coef)%by
	if 2*rest > by || 2*rest == by && whole%2 == 1 {
		whole++
	}
	if over.coef < 0 {
		return short{-int64(whole), digits}.decimal(), true
	}
	return short{int64(whole), digits}.decimal(), true
}

// reduced is s without noughts at the end of its fraction.
func (s short) reduced() short {
	for s.scale > 0 && s.coef%10 == 0 {
		s.coef, s.scale = s.coef/10, s.scale-1
	}
	return s
}

func (s short) decimal() Decimal {
	var storage [2 * (shortDigits + 2)]byte
	b := storage[:0]
	if s.coef < 0 {
		b = append(b, '-')
	}
	var digitStorage [shortDigits + 1]byte
	digits := strconv.AppendUint(digitStorage[:0], magnitude(s.coef), 10)
	whole := len(digits) - s.scale
	switch {
	case s.scale == 0:
		return Decimal(append(b, digits...))
	case whole > 0:
		b = append(b, digits[:whole]...)
		return Decimal(append(append(b, '.'), digits[whole:]...))
	}
	b = append(b, "0."...)
	for range -whole {
		b = append(b, '0')
	}
	return Decimal(append(b, digits...))
}
