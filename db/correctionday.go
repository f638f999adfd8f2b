package db

// A conversion is normalised when it is told of, and most days have no rate of their own
// by then: it is published in the afternoon. So it keeps the amounts at the rates of the
// day before, while the rates of its own day come. What it is corrected by is told at the
// same rates as itself, since a conversion that is corrected to nothing has to come to
// nothing.

// correctionDay is the day whose rates a correction of a conversion v is told at, in the
// network's currency: that of its event where the conversion's own amounts are of its
// rates, else the day of the rates that they are of. The expressions are those of the
// currency, its digits and how many days a rate is good for.
func correctionDay(currency, digits, days string) string {
	of := func(side string) string {
		return `(v.` + side + ` IS NULL OR v.` + side + `_currency = ` + currency + ` OR coalesce(v.normal_` + side + ` =
				convert_amount(v.` + side + `, ` + rateOn("v."+side+"_currency", lineDay, days) + `, ` + rateOn(currency, lineDay, days) + `, ` + digits + `), false))`
	}
	return `CASE
			WHEN coalesce(v.rate_date, ` + lineDay + `) < ` + lineDay + ` AND NOT (` + of("payout") + ` AND ` + of("revenue") + `) THEN v.rate_date
			ELSE ` + lineDay + `
		END`
}

// rateOn is the rate of a currency that holds on a day.
func rateOn(currency, day, days string) string {
	return `CASE WHEN ` + currency + ` = 'EUR' THEN 1 ELSE (
			SELECT per_euro
			FROM rates
			WHERE currency = ` + currency + `
			AND day BETWEEN ` + day + ` - ` + days + ` AND ` + day + `
			ORDER BY day DESC
			LIMIT 1
		) END`
}
