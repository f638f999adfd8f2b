package db

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// ExchangeRates gives what one unit of base is worth on a day in every other
// currency that has a rate in force. It is empty where base itself has none. For
// anybody who is signed in.
func (s *Store) ExchangeRates(ctx context.Context, actor proofback.Actor, day time.Time, base string) ([]proofback.ExchangeRate, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	if _, ok := proofback.CurrencyDigits(base); !ok {
		return nil, proofback.Invalid([]string{"base"}, "%.10q is not an ISO 4217 currency", base)
	}
	rates := proofback.Rates{}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(lent pgx.Tx) error {
			rows, err := lent.Query(ctx, `
				SELECT DISTINCT ON (currency) currency, day, per_euro::text, source
				FROM rates
				WHERE day BETWEEN $1::date - $2::int AND $1::date
				ORDER BY currency, day DESC`, day.Format(time.DateOnly), maxRateDays)
			if err != nil {
				return err
			}
			var currency string
			var rate proofback.Rate
			_, err = pgx.ForEachRow(rows, []any{&currency, &rate.Day, &rate.PerEuro, &rate.Source}, func() error {
				rates[currency] = rate
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	list := make([]proofback.ExchangeRate, 0, len(rates))
	for _, quote := range append(slices.Collect(maps.Keys(rates)), "EUR") {
		if quote == base {
			continue
		}
		if value, used, ok := rates.Cross(base, quote); ok {
			list = append(list, proofback.ExchangeRate{Base: base, Quote: quote, Rate: value, Day: used.Day, Source: used.Source})
		}
	}
	slices.SortFunc(list, func(a, b proofback.ExchangeRate) int { return cmp.Compare(a.Quote, b.Quote) })
	return list, nil
}
