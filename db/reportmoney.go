package db

import (
	"strings"

	"github.com/proofback/proofback"
)

// basisColumns are the times of a conversion that may count.
var basisColumns = map[proofback.TimeBasis]string{
	"":                      "v.event_at",
	proofback.BasisEvent:    "v.event_at",
	proofback.BasisReceived: "v.received_at",
	proofback.BasisClick:    "v.click_at",
}

// converted counts conversions and adds up their money. Each line is told in the
// report's currency by itself, at the reference rate of its event's day, and
// rounded once: as it was normalised, where the report is in the network's
// currency, else here. A line of which any part that the actor may see has no
// rate waits, and is told as it was sent.
func (q *reportQuery) converted() string {
	currency := q.arg(q.in.Currency, "text")
	digits, _ := proofback.CurrencyDigits(q.in.Currency) // it was validated
	minor := q.arg(digits, "integer")
	days := q.arg(maxRateDays, "integer")
	needsPayout, needsRevenue := q.arg(q.actor.SeesPayout(), "boolean"), q.arg(q.actor.SeesRevenue(), "boolean")
	names, of := q.names(""), q.names("l.")
	return `lines AS MATERIALIZED (` + q.lines(currency) + `),
	wanted AS (
		SELECT payout_currency AS currency, day FROM lines WHERE own_payout IS NULL
		UNION
		SELECT revenue_currency, day FROM lines WHERE own_revenue IS NULL
		UNION
		SELECT ` + currency + `, day FROM lines WHERE own_payout IS NULL OR own_revenue IS NULL
	),
	rate AS (
		SELECT wanted.currency, wanted.day, CASE WHEN wanted.currency = 'EUR' THEN 1 ELSE r.per_euro END AS per_euro
		FROM wanted
		LEFT JOIN LATERAL (
			SELECT per_euro
			FROM rates
			WHERE currency = wanted.currency
			AND day BETWEEN wanted.day - ` + days + ` AND wanted.day
			ORDER BY day DESC
			LIMIT 1
		) AS r ON true
	),
	told AS (
		SELECT ` + of + `, status, payout, payout_currency, revenue, revenue_currency,
			coalesce(own_payout, convert_amount(payout, p.per_euro, i.per_euro, ` + minor + `)) AS own_payout,
			coalesce(own_revenue, convert_amount(revenue, r.per_euro, i.per_euro, ` + minor + `)) AS own_revenue
		FROM lines AS l
		LEFT JOIN rate AS p ON p.currency = l.payout_currency AND p.day = l.day
		LEFT JOIN rate AS r ON r.currency = l.revenue_currency AND r.day = l.day
		LEFT JOIN rate AS i ON i.currency = ` + currency + ` AND i.day = l.day
	),
	judged AS (
		SELECT *, status <> 'REJECTED' AND (
			` + needsPayout + ` AND own_payout IS NULL OR ` + needsRevenue + ` AND own_revenue IS NULL) AS waits
		FROM told
	),
	converted AS (
		SELECT ` + names + `,
			count(*) FILTER (WHERE status = 'PENDING') AS pending,
			count(*) FILTER (WHERE status = 'APPROVED') AS approved,
			count(*) FILTER (WHERE status = 'REJECTED') AS rejected,
			coalesce(sum(own_payout) FILTER (WHERE status = 'APPROVED' AND NOT waits), 0) AS payout,
			coalesce(sum(own_payout) FILTER (WHERE status = 'PENDING' AND NOT waits), 0) AS pending_payout,
			coalesce(sum(own_revenue) FILTER (WHERE status = 'APPROVED' AND NOT waits), 0) AS revenue,
			count(*) FILTER (WHERE waits) AS awaiting
		FROM judged
		GROUP BY ` + names + `
	),
	waiting AS (
		SELECT ` + names + `, kind, currency, sum(amount) AS amount
		FROM (
			SELECT ` + names + `, 'PAYOUT' AS kind, payout_currency AS currency, payout AS amount
			FROM judged
			WHERE waits AND ` + needsPayout + ` AND payout IS NOT NULL
			UNION ALL
			SELECT ` + names + `, 'REVENUE', revenue_currency, revenue
			FROM judged
			WHERE waits AND ` + needsRevenue + ` AND revenue IS NOT NULL
		) AS amounts
		GROUP BY ` + names + `, kind, currency
	)`
}

// lines are the conversions with what needs no rate: own_payout and own_revenue
// are NULL where one is needed.
func (q *reportQuery) lines(currency string) string {
	at := basisColumns[q.in.Basis]
	columns := q.span(at) + " AS span"
	for _, c := range q.columns {
		columns += ", " + c.conversion + " AS " + c.name
	}
	where := []string{
		at + " >= " + q.arg(q.in.Range.From, "timestamptz"),
		at + " < " + q.arg(q.in.Range.To, "timestamptz"),
		"NOT v.test",
	}
	where = append(where, q.filters("v", "k")...)
	if types := q.in.Filter.EventTypes; len(types) > 0 {
		where = append(where, "v.event_type = ANY ("+q.arg(types, "text[]")+")")
	}
	join := ""
	if q.in.NeedsClick() {
		join = "\n\t\tLEFT JOIN clicks AS k ON k.id = v.click_id"
	}
	return `
		SELECT ` + columns + `, v.status, (v.event_at AT TIME ZONE 'UTC')::date AS day,
			v.payout, v.payout_currency, v.revenue, v.revenue_currency,
			` + q.own("payout", currency) + ` AS own_payout,
			` + q.own("revenue", currency) + ` AS own_revenue
		FROM conversions AS v` + join + `
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// own is an amount in the report's currency, as far as it is known without a rate.
func (q *reportQuery) own(side, currency string) string {
	normal := ""
	if q.in.Currency == q.network {
		normal = "\n\t\t\t\tWHEN v.rate_date IS NOT NULL THEN coalesce(v.normal_" + side + ", 0)"
	}
	return "CASE" + normal + `
				WHEN v.` + side + ` IS NULL THEN 0
				WHEN v.` + side + `_currency = ` + currency + ` THEN v.` + side + `
			END`
}
