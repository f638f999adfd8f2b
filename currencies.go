package proofback

import "github.com/bojanz/currency"

// CurrencyDigits gives the minor units of an active ISO 4217 currency.
func CurrencyDigits(code string) (int, bool) {
	d, ok := currency.GetDigits(code)
	return int(d), ok
}
