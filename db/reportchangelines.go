package db

import (
	"strings"

	"github.com/proofback/proofback"
)

// changeLines are what happened between two moments as lines: what it took away and
// what it put in. They add up to the difference of the lines that a report is made of
// at the two moments.
func (q *reportQuery) changeLines(currency string) string {
	since, until := q.arg(*q.since, "timestamptz"), q.arg(q.in.AsOf, "timestamptz")
	between := func(at string) string { return at + " > " + since + " AND " + at + " <= " + until }
	parts := []string{
		q.received(currency, receivedWhen("v", between)),
		q.moved(currency, between("x.at")),
		q.corrected(currency, between("a.at")),
		q.settled(currency, between("a.at")),
	}
	return strings.Join(parts, "\n\t\tUNION ALL")
}

func changeKey(id, at, kind string) string {
	return "0 AS span, " + id + " AS d1, " + at + " AS d2, " + kind + " AS d3, v.id AS d4"
}

// received are conversions that were told of.
func (q *reportQuery) received(currency string, between string) string {
	where := append(q.lineFilters("v.event_at"), between)
	where = append(where, "v.settled_status IS DISTINCT FROM '"+settledNone+"'")
	return `
		SELECT ` + changeKey("v.id", "v.received_at", "'"+string(proofback.ChangeReceived)+"'") + `, v.began AS status, 1 AS n, ` + lineDay + ` AS day,
			v.payout, v.payout_currency, v.revenue, v.revenue_currency,
			` + q.own("payout", currency) + ` AS own_payout,
			` + q.own("revenue", currency) + ` AS own_revenue
		FROM conversions AS v` + q.clickJoin() + `
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// moved are moves of conversions whose months were open: each takes along what the
// conversion had been corrected by until then.
func (q *reportQuery) moved(currency string, between string) string {
	where := append(q.lineFilters("v.event_at"), between)
	where = append(where, "x.from_status IS NOT NULL", `(v.settled_status IS NULL OR NOT EXISTS (
			SELECT FROM adjustments AS y WHERE y.conversion_id = v.id AND y.transition_id = x.id))`)
	return `
		SELECT ` + changeKey("x.id", "x.at", "'"+string(proofback.ChangeMoved)+"'") + `, side.status, part.n * side.sign, ` + q.correctionDay() + `,
			side.sign * part.payout, part.payout_currency, side.sign * part.revenue, part.revenue_currency,
			side.sign * part.own_payout, side.sign * part.own_revenue
		FROM transitions AS x
		JOIN conversions AS v ON v.id = x.conversion_id AND v.advertiser_id = x.advertiser_id` + q.clickJoin() + `
		CROSS JOIN LATERAL (VALUES (x.to_status, 1), (x.from_status, -1)) AS side (status, sign)
		CROSS JOIN LATERAL (
			SELECT 1 AS n, v.payout, v.payout_currency, v.revenue, v.revenue_currency,
				` + q.own("payout", currency) + ` AS own_payout, ` + q.own("revenue", currency) + ` AS own_revenue
			UNION ALL
			SELECT 0, a.payout, a.payout_currency, a.revenue, a.revenue_currency,
				` + q.ownOf("a", "payout", currency) + `, ` + q.ownOf("a", "revenue", currency) + `
			FROM adjustments AS a
			WHERE a.conversion_id = v.id
			AND NOT a.settled
			AND a.at < x.at
		) AS part
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// corrected are corrections in open months: where the conversion stood.
func (q *reportQuery) corrected(currency string, between string) string {
	where := append(q.lineFilters("v.event_at"), between)
	where = append(where, "NOT a.settled")
	return `
		SELECT ` + changeKey("a.id", "a.at", "'"+string(proofback.ChangeCorrected)+"'") + `, ` + q.statusAt("a.at", "<=") + `, 0, ` + q.correctionDay() + `,
			a.payout, a.payout_currency, a.revenue, a.revenue_currency,
			` + q.ownOf("a", "payout", currency) + `, ` + q.ownOf("a", "revenue", currency) + `
		FROM adjustments AS a
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id` + q.clickJoin() + `
		WHERE ` + strings.Join(append(where, q.concerned()), "\n\t\tAND ")
}

// settled is what was booked about closed months.
func (q *reportQuery) settled(currency string, between string) string {
	where := append(q.lineFilters("a.booked_at"), between)
	where = append(where, "a.settled", "side.status IS NOT NULL", q.concerned())
	id := "CASE WHEN a.kind = 'AMOUNT' THEN a.id WHEN a.from_status IS NULL THEN v.id ELSE a.transition_id END"
	kind := "CASE WHEN a.kind = 'AMOUNT' THEN '" + string(proofback.ChangeCorrected) + "' WHEN a.from_status IS NULL THEN '" +
		string(proofback.ChangeReceived) + "' ELSE '" + string(proofback.ChangeMoved) + "' END"
	return `
		SELECT ` + changeKey(id, "a.at", kind) + `, side.status, CASE WHEN a.kind = 'STATUS' AND a.of_id IS NULL THEN side.sign ELSE 0 END, ` + q.correctionDay() + `,
			side.sign * a.payout, a.payout_currency, side.sign * a.revenue, a.revenue_currency,
			side.sign * ` + q.ownSettled("payout", currency) + `,
			side.sign * ` + q.ownSettled("revenue", currency) + `
		FROM adjustments AS a
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id` + q.clickJoin() + `
		CROSS JOIN LATERAL (VALUES (a.to_status, 1), (a.from_status, -1)) AS side (status, sign)
		WHERE ` + strings.Join(where, "\n\t\tAND ")
}

// concerned leaves out corrections of money that is not the actor's to see: that
// there was one is not, either. Those of a sale alone are in no report.
func (q *reportQuery) concerned() string {
	switch {
	case !q.actor.SeesRevenue():
		return "(a.kind = 'STATUS' OR a.payout IS NOT NULL)"
	case !q.actor.SeesPayout():
		return "(a.kind = 'STATUS' OR a.revenue IS NOT NULL)"
	}
	return "(a.kind = 'STATUS' OR a.payout IS NOT NULL OR a.revenue IS NOT NULL)"
}
