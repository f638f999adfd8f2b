package proofback

// Money is an exact amount in an ISO 4217 currency. The zero Money is no money
// at all (left out, not nought).
type Money struct {
	Amount   Decimal
	Currency string
}

// IsZero reports whether there is no money; zero euros is money.
func (m Money) IsZero() bool { return m == Money{} }

// Equal compares currency and value.
func (m Money) Equal(o Money) bool { return m.Currency == o.Currency && m.Amount.Equal(o.Amount) }

// Round brings m to its currency's minor units (ISO 4217), ties to even. It is
// called once, where a line is made.
func (m Money) Round() Money {
	if m.IsZero() {
		return m
	}
	digits, ok := CurrencyDigits(m.Currency)
	if !ok {
		panic("proofback: not a currency: " + m.Currency)
	}
	return Money{m.Amount.Round(digits), m.Currency}
}

// MinorUnits is so many of the currency's smallest units: 1234 of EUR are 12.34.
func MinorUnits(units int64, currency string) Money {
	digits, ok := CurrencyDigits(currency)
	if !ok {
		panic("proofback: not a currency: " + currency)
	}
	return Money{short{units, digits}.decimal(), currency}
}

// Percent gives p per cent of m as a line: rounded to minor units.
func (m Money) Percent(p Decimal) Money {
	return Money{m.Amount.Mul(p).Mul("0.01"), m.Currency}.Round()
}
