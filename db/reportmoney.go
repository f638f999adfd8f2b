package db

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// basisColumns are the times of a conversion that may count.
var basisColumns = map[proofback.TimeBasis]string{
	"":                      "v.event_at",
	proofback.BasisEvent:    "v.event_at",
	proofback.BasisReceived: "v.received_at",
	proofback.BasisClick:    "v.click_at",
}

// during are the conditions on a time of a conversion or adjustment. By the time of its
// click a conversion is found by the click's id, which is made of it (madeWithin).
func (q *reportQuery) during(at string, r proofback.TimeRange) []string {
	from, to := q.arg(r.From, "timestamptz"), q.arg(r.To, "timestamptz")
	within := func(at string) string { return at + " >= " + from + " AND " + at + " < " + to }
	if at == basisColumns[proofback.BasisReceived] {
		return []string{receivedWhen("v", within)}
	}
	where := []string{within(at)}
	if at == basisColumns[proofback.BasisClick] {
		where = append(where,
			"v.click_id >= "+q.arg(proofback.UUIDFloor(r.From.Add(-keySlack)), "uuid"),
			"v.click_id < "+q.arg(proofback.UUIDFloor(r.To.Add(keySlack)), "uuid"))
	}
	return where
}

// told are the conversions and adjustments that are read line by line. Each is told in the report's
// currency by itself, at the reference rate of its event's day, and rounded once:
// as it was normalised, where the report is in the network's currency, else here. A
// line of which any part that the actor may see has no rate waits, and is told as
// it was sent.
func (q *reportQuery) told() string {
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
		SELECT ` + of + `, status, n, payout, payout_currency, revenue, revenue_currency,
			` + atRate("payout", "p", minor) + ` AS own_payout,
			` + atRate("revenue", "r", minor) + ` AS own_revenue
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
	),
	awaited AS (
		SELECT ` + names + `, jsonb_agg(jsonb_build_array(kind, currency, amount::text) ORDER BY kind, currency) AS amounts
		FROM waiting
		GROUP BY ` + names + `
	)`
}

// atRate is an amount in the report's currency, where there are rates. Where there
// are none, nothing is calculated with NULL, which would take as long.
func atRate(side, rate, minor string) string {
	return `CASE
				WHEN own_` + side + ` IS NOT NULL THEN own_` + side + `
				WHEN ` + rate + `.per_euro IS NOT NULL AND i.per_euro IS NOT NULL
				THEN sign(` + side + `) * convert_amount(abs(` + side + `), ` + rate + `.per_euro, i.per_euro, ` + minor + `)
			END`
}

// converted are the parts that conversions are counted in. Each line's money is
// exact in the minor units of the report's currency, which add up fastest.
func (q *reportQuery) converted() []string {
	digits, _ := proofback.CurrencyDigits(q.in.Currency) // it was validated
	units := " * 10::numeric ^ " + q.arg(digits, "integer") + ")::bigint"
	parts := []string{part(q.names(""), map[string]string{
		"pending":        "CASE WHEN status = 'PENDING' THEN n ELSE 0 END",
		"approved":       "CASE WHEN status = 'APPROVED' THEN n ELSE 0 END",
		"rejected":       "CASE WHEN status = 'REJECTED' THEN n ELSE 0 END",
		"awaiting":       "CASE WHEN waits THEN n END",
		"payout":         "(CASE WHEN status = 'APPROVED' AND NOT waits THEN own_payout END" + units,
		"pending_payout": "(CASE WHEN status = 'PENDING' AND NOT waits THEN own_payout END" + units,
		"revenue":        "(CASE WHEN status = 'APPROVED' AND NOT waits THEN own_revenue END" + units,
	}, "FROM judged")}
	if q.in.Currency == q.network {
		for _, r := range q.conversions.Raw {
			parts = append(parts, q.normalised(r, units))
		}
	}
	if q.conversions.Level < 0 {
		return parts
	}
	l := &conversionLevels[q.conversions.Level]
	totals, within, changes := map[string]string{}, map[string]string{}, map[string]string{}
	for i, s := range conversionSums {
		totals[s.name], within[s.name], changes[s.name] = "v."+s.name, inPiece("v."+s.name+"_to"), "v."+s.name
		if isMoney(i) {
			changes[s.name] = "(v." + s.name + units
		}
	}
	days, some := q.conversions.Days()
	if len(days) > 0 {
		parts = append(parts, part(q.columnsOf("p.span", conversion), totals, q.days("v", l.table, days, q.conversionFilters("v"))))
	}
	if len(some) > 0 {
		parts = append(parts, part(q.columnsOf("span", conversion), within, q.pieces("v", l.table, some, q.conversionFilters("v"))))
	}
	return append(parts, q.changed(changes))
}

// normalised are conversions with their money as it was normalised, added up before it is
// told in minor units.
func (q *reportQuery) normalised(r proofback.TimeRange, units string) string {
	sums := map[string]string{}
	for i, s := range conversionSums {
		if sums[s.name] = "sum(" + s.line + ")::integer"; isMoney(i) {
			sums[s.name] = "(sum(" + s.line + ")" + units
		}
	}
	return part(q.columnsOf(q.span(basisColumns[q.in.Basis]), conversion), sums,
		q.conversionsOf(r, "v.rate_date IS NOT NULL")+"\n\t\t\tGROUP BY "+q.names(""))
}

// changed is what happened since the level was counted.
func (q *reportQuery) changed(sums map[string]string) string {
	first, last := q.conversions.Pieces[0], q.conversions.Pieces[len(q.conversions.Pieces)-1]
	where := append([]string{
		"v.event_at >= " + q.arg(first.Begin(), "timestamptz"),
		"v.event_at < " + q.arg(last.End(), "timestamptz"),
	}, q.conversionFilters("v")...)
	return part(q.columnsOf(q.span("v.event_at"), conversion), sums, "FROM conversion_changes AS v\n\t\t\tWHERE "+strings.Join(where, "\n\t\t\tAND "))
}

// conversionFilters are the conditions on a conversion.
func (q *reportQuery) conversionFilters(click string) []string {
	where := q.filters("v", click)
	if types := q.in.Filter.EventTypes; len(types) > 0 {
		where = append(where, "v.event_type = ANY ("+q.arg(types, "text[]")+")")
	}
	return where
}

// priced are the conversions that may need a rate, as lines: the others are counted
// without being told.
func (q *reportQuery) priced(currency string) string {
	which := "true"
	if q.in.Currency == q.network {
		which = "v.rate_date IS NULL"
	}
	return `
		SELECT ` + q.columnsOf(q.span(basisColumns[q.in.Basis]), conversion) + `, v.status, 1 AS n, (v.event_at AT TIME ZONE 'UTC')::date AS day,
			v.payout, v.payout_currency, v.revenue, v.revenue_currency,
			` + own("payout", currency) + ` AS own_payout,
			` + own("revenue", currency) + ` AS own_revenue
		` + q.conversionsOf(q.in.Range, which)
}

// conversionsOf are conversions v of a range, with their clicks k where they are
// needed.
func (q *reportQuery) conversionsOf(r proofback.TimeRange, which string) string {
	at := basisColumns[q.in.Basis]
	where := slices.Concat(q.during(at, r), []string{"NOT v.test", which}, q.conversionFilters("k"))
	return "FROM conversions AS v" + q.clickJoinSince(q.firstClick) + `
			WHERE ` + strings.Join(where, "\n\t\t\tAND ")
}

// clickJoin brings the clicks k of conversions v, where they are needed. Each is
// looked up: a join might read all clicks that there are.
func (q *reportQuery) clickJoin() string { return q.clickJoinSince(uuid.Nil) }

// clickJoinSince is clickJoin of conversions of which none has an earlier click.
func (q *reportQuery) clickJoinSince(first uuid.UUID) string {
	if !q.in.NeedsClick() {
		return ""
	}
	bound := ""
	if first != uuid.Nil {
		bound = "\n\t\t\t\tAND id >= " + q.arg(first, "uuid")
	}
	return `
			LEFT JOIN LATERAL (
				SELECT *
				FROM clicks
				WHERE id = v.click_id` + bound + `
				LIMIT 1
			) AS k ON true`
}

// findFirstClick finds the earliest click of the report's conversions: each that is looked
// up costs more with every day of clicks that it might be of.
func (q *reportQuery) findFirstClick(ctx context.Context, pg pgx.Tx) error {
	if !q.in.NeedsClick() {
		return nil
	}
	by := *q
	by.args = nil
	at := basisColumns[q.in.Basis]
	where := append(by.during(at, q.in.Range), by.partnerFilters("v")...)
	// Without OFFSET, it might go through all clicks that were ever converted, in order.
	err := pg.QueryRow(ctx, `
		SELECT click_id
		FROM (
			SELECT v.click_id
			FROM conversions AS v
			WHERE `+strings.Join(where, "\n\t\t\tAND ")+`
			OFFSET 0
		) AS converted
		ORDER BY click_id
		LIMIT 1`, by.args...).Scan(&q.firstClick)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// own is an amount in the report's currency, as far as it is known without a rate.
func own(side, currency string) string {
	return "CASE WHEN v." + side + ` IS NULL THEN 0
				WHEN v.` + side + `_currency = ` + currency + ` THEN v.` + side + `
			END`
}
