package db

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// What the money of a report is made of: a line for each conversion, and one for
// each side of each adjustment. A line stands at a moment, in a status, with n (1, 0
// or -1) conversions and its amounts, which an adjustment may take away.
//
// By the time of events a report tells the books: a conversion of a closed month
// stands where the month was closed with it, and what happened since stands on the
// days on which it was booked. By any other time it tells how things stand.

// lines are what is told line by line, with what needs no rate: own_payout and
// own_revenue are NULL where one is needed. Conversions are counted as they stand now
// wherever counts of them can be taken; what the books have otherwise is put right by
// lines of its own.
func (q *reportQuery) lines(currency string) string {
	if q.since != nil {
		return q.changeLines(currency)
	}
	var parts []string
	if q.adjusted {
		parts = append(parts, q.correctionLines(currency))
	}
	if q.in.AsOf.IsZero() {
		parts = append(parts, q.priced(currency))
	} else {
		parts = append(parts, q.conversionLines(currency))
	}
	if q.resettled && q.in.AsOf.IsZero() {
		parts = append(parts, q.resettledLines(currency))
	}
	if q.adjusted && q.tellsBooks() {
		parts = append(parts, q.settledLines(currency))
	}
	return strings.Join(parts, "\n\t\tUNION ALL")
}

// queueBooked asks which lines there may be: most reports are of open months in which
// nothing was adjusted, and planning what gives nothing takes as long as reading them.
func (q *reportQuery) queueBooked(b *pgx.Batch) {
	scan := func(row pgx.Row) error { return row.Scan(&q.adjusted, &q.resettled) }
	if !q.tellsBooks() {
		b.Queue(`SELECT EXISTS (SELECT FROM adjustments), false`).QueryRow(scan)
		return
	}
	b.Queue(`
		SELECT EXISTS (
			SELECT
			FROM adjustments
			WHERE booked_at >= $1
			AND booked_at < $2
		), EXISTS (
			SELECT
			FROM conversions
			WHERE settled_status IS NOT NULL
			AND event_at >= $1
			AND event_at < $2
		)`, q.in.Range.From, q.in.Range.To).QueryRow(scan)
}

// tellsBooks reports whether the report goes by the time of events.
func (q *reportQuery) tellsBooks() bool {
	return q.in.Basis == "" || q.in.Basis == proofback.BasisEvent
}

// resettledLines take conversions of closed months that moved since, or came since,
// out of where they stand now and put them where their month was closed with them.
func (q *reportQuery) resettledLines(currency string) string {
	where := append(q.lineFilters("v.event_at"), "v.settled_status IS NOT NULL", "side.status <> '"+settledNone+"'")
	return `
		SELECT ` + q.lineColumns("v.event_at") + `, side.status, side.sign, ` + lineDay + `,
			side.sign * v.payout, v.payout_currency, side.sign * v.revenue, v.revenue_currency,
			side.sign * ` + q.own("payout", currency) + `,
			side.sign * ` + q.own("revenue", currency) + `
		FROM conversions AS v` + q.clickJoin() + `
		CROSS JOIN LATERAL (VALUES (v.settled_status, 1), (v.status, -1)) AS side (status, sign)
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// conversionLines are the conversions as they stood at a moment.
func (q *reportQuery) conversionLines(currency string) string {
	at := basisColumns[q.in.Basis]
	where := q.lineFilters(at)
	if q.tellsBooks() {
		where = append(where, "v.settled_status IS DISTINCT FROM '"+settledNone+"'")
	}
	if !q.in.AsOf.IsZero() {
		where = append(where, "v.received_at <= "+q.arg(q.in.AsOf, "timestamptz"))
	}
	return `
		SELECT ` + q.lineColumns(at) + `, ` + q.status() + ` AS status, 1 AS n, ` + lineDay + ` AS day,
			v.payout, v.payout_currency, v.revenue, v.revenue_currency,
			` + q.own("payout", currency) + ` AS own_payout,
			` + q.own("revenue", currency) + ` AS own_revenue
		FROM conversions AS v` + q.clickJoinSince(q.firstClick) + `
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// correctionLines are the corrections that go with their conversions: of open
// months, or all where the report does not tell the books.
func (q *reportQuery) correctionLines(currency string) string {
	at := basisColumns[q.in.Basis]
	where := append(q.lineFilters(at), "a.kind = 'AMOUNT'")
	if q.tellsBooks() {
		// An open month's corrections are booked when their event was.
		where = append(where, "NOT a.settled", "a.booked_at >= "+q.arg(q.in.Range.From, "timestamptz"), "a.booked_at < "+q.arg(q.in.Range.To, "timestamptz"))
	}
	if !q.in.AsOf.IsZero() {
		where = append(where, "a.at <= "+q.arg(q.in.AsOf, "timestamptz"))
	}
	return `
		SELECT ` + q.lineColumns(at) + `, ` + q.status() + ` AS status, 0 AS n, ` + q.correctionDay() + ` AS day,
			a.payout, a.payout_currency, a.revenue, a.revenue_currency,
			` + q.ownOf("a", "payout", currency) + ` AS own_payout,
			` + q.ownOf("a", "revenue", currency) + ` AS own_revenue
		FROM adjustments AS a
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id` + q.clickJoin() + `
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// settledLines are what was booked since months were closed.
func (q *reportQuery) settledLines(currency string) string {
	where := append(q.lineFilters("a.booked_at"), "a.settled", "side.status IS NOT NULL")
	if !q.in.AsOf.IsZero() {
		where = append(where, "a.at <= "+q.arg(q.in.AsOf, "timestamptz"))
	}
	return `
		SELECT ` + q.lineColumns("a.booked_at") + `, side.status, CASE WHEN a.kind = 'STATUS' AND a.of_id IS NULL THEN side.sign ELSE 0 END, ` + q.correctionDay() + `,
			side.sign * a.payout, a.payout_currency, side.sign * a.revenue, a.revenue_currency,
			side.sign * ` + q.ownSettled("payout", currency) + `,
			side.sign * ` + q.ownSettled("revenue", currency) + `
		FROM adjustments AS a
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id` + q.clickJoin() + `
		CROSS JOIN LATERAL (VALUES (a.to_status, 1), (a.from_status, -1)) AS side (status, sign)
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// lineDay is the day whose rates a line is told at: that of the event, so that what
// is taken away is as much as was put in.
const lineDay = "(v.event_at AT TIME ZONE 'UTC')::date"

// correctionDay is lineDay of a correction, which is told at the rates that its conversion
// was told at.
func (q *reportQuery) correctionDay() string {
	if q.in.Currency != q.network {
		return lineDay
	}
	digits, _ := proofback.CurrencyDigits(q.network) // it was checked when the network began
	return correctionDay(q.arg(q.network, "text"), q.arg(digits, "integer"), q.arg(maxRateDays, "integer"))
}

// lineColumns tell rows of lines apart.
func (q *reportQuery) lineColumns(at string) string { return q.columnsOf(q.span(at), conversion) }

// lineFilters are the conditions on a line that stands at a moment.
func (q *reportQuery) lineFilters(at string) []string {
	return slices.Concat(q.during(at, q.in.Range), []string{"NOT v.test"}, q.conversionFilters("k"))
}

// status is where a conversion stands, or stood.
func (q *reportQuery) status() string {
	if q.in.AsOf.IsZero() {
		if q.tellsBooks() {
			return "coalesce(v.settled_status, v.status)"
		}
		return "v.status"
	}
	return q.statusAt(q.arg(q.in.AsOf, "timestamptz"), "<=")
}

// statusAt is where a conversion stood at a moment, by its transitions; in the books,
// by those that came before its month was closed.
func (q *reportQuery) statusAt(at, until string) string {
	books := ""
	if q.tellsBooks() {
		books = `
				AND (v.settled_status IS NULL OR NOT EXISTS (
					SELECT FROM adjustments AS y WHERE y.conversion_id = v.id AND y.transition_id = x.id))`
	}
	return `(
				SELECT x.to_status
				FROM transitions AS x
				WHERE x.conversion_id = v.id
				AND x.at ` + until + ` ` + at + books + `
				ORDER BY x.at DESC, x.id DESC
				LIMIT 1)`
}

// own is a conversion's amount in the report's currency, as far as it is known
// without a rate: as it was normalised, or as it is.
func (q *reportQuery) own(side, currency string) string {
	if q.in.Currency != q.network {
		return q.ownOf("v", side, currency)
	}
	return "CASE WHEN v.rate_date IS NOT NULL THEN coalesce(v.normal_" + side + ", 0) ELSE " + q.ownOf("v", side, currency) + " END"
}

// ownOf is an amount in the report's currency, as far as it is known without a rate.
func (q *reportQuery) ownOf(table, side, currency string) string {
	return "CASE WHEN " + table + "." + side + " IS NULL THEN 0 WHEN " + table + "." + side + "_currency = " + currency + " THEN " + table + "." + side + " END"
}

// ownSettled is the amount of an adjustment: a conversion that moves takes along
// what it was told as.
func (q *reportQuery) ownSettled(side, currency string) string {
	return "CASE WHEN a.kind = 'STATUS' AND a.of_id IS NULL THEN " + q.own(side, currency) + " ELSE " + q.ownOf("a", side, currency) + " END"
}
