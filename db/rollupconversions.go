package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// conversionLevel is a table of counts and sums of conversions by the UTC day of
// their events, and by whom.
type conversionLevel struct {
	proofback.ReportLevel
	table   string
	by      string   // what a day's rows are counted anew by
	columns []string // that tell them apart
}

// conversionLevels stand with the smallest first. What tells offers and affiliates
// apart together would hardly be smaller than the conversions.
var conversionLevels = []conversionLevel{
	{
		ReportLevel: proofback.ReportLevel{Fine: true, Dimensions: []proofback.Dimension{proofback.DimAffiliate}},
		table:       "rollup_affiliate_conversions",
		by:          "affiliate_id",
		columns:     []string{"affiliate_id"},
	},
	{
		ReportLevel: proofback.ReportLevel{Fine: true, Dimensions: []proofback.Dimension{proofback.DimOffer, proofback.DimAdvertiser, proofback.DimGoal}},
		table:       "rollup_offer_conversions",
		by:          "offer_id",
		columns:     []string{"offer_id", "advertiser_id", "goal_id", "event_type"},
	},
}

func conversionReportLevels() []proofback.ReportLevel {
	list := make([]proofback.ReportLevel, len(conversionLevels))
	for i, l := range conversionLevels {
		list[i] = l.ReportLevel
	}
	return list
}

// conversionSums are what is added up of conversions, by name, and how a line of
// conversions brings it. Money is in minor units.
var conversionSums = []struct{ name, line string }{
	{"pending", "(v.status = 'PENDING')::integer"},
	{"approved", "(v.status = 'APPROVED')::integer"},
	{"rejected", "(v.status = 'REJECTED')::integer"},
	{"payout", "CASE v.status WHEN 'APPROVED' THEN v.normal_payout END"},
	{"pending_payout", "CASE v.status WHEN 'PENDING' THEN v.normal_payout END"},
	{"revenue", "CASE v.status WHEN 'APPROVED' THEN v.normal_revenue END"},
}

// isMoney reports whether the i-th of conversionSums is money.
func isMoney(i int) bool { return i >= 3 }

// changesAtATime bounds what one step counts anew.
const changesAtATime = 20_000

// convert counts those conversions anew that were changed since they were counted:
// by day, and of each day those of the offers and affiliates that are concerned.
func (r *roller) convert(ctx context.Context) error {
	var first, last *time.Time
	err := r.tx.QueryRow(ctx, `
		SELECT min(day), max(day)
		FROM (
			SELECT day, sum(n) OVER (ORDER BY day) - n AS before
			FROM (
				SELECT date_trunc('day', event_at, 'UTC') AS day, count(*) AS n
				FROM conversion_changes
				GROUP BY 1
			) AS days
		) AS sums
		WHERE before < $1`, changesAtATime).Scan(&first, &last)
	if err != nil || first == nil {
		return err
	}
	r.did = true
	from, to := first.UTC(), last.UTC().Add(oneDay)
	var q pgx.Batch
	for i := range conversionLevels {
		l := &conversionLevels[i]
		q.Queue(`
			DELETE FROM `+l.table+`
			WHERE (day, `+l.by+`) IN (`+l.changed()+`)`, from, to)
		q.Queue(`
			INSERT INTO `+l.table+` (day, `+strings.Join(l.columns, ", ")+`, `+l.values()+`)
			`+l.recount(`
				FROM (`+l.changed()+`) AS t
				JOIN conversions AS v ON v.`+l.by+` = t.`+l.by+`
				AND v.event_at >= t.day::timestamp AT TIME ZONE 'UTC'
				AND v.event_at < (t.day + 1)::timestamp AT TIME ZONE 'UTC'`), from, to, r.digits)
	}
	q.Queue(`DELETE FROM conversion_changes WHERE event_at >= $1 AND event_at < $2`, from, to)
	return r.tx.SendBatch(ctx, &q).Close()
}

// changed are the days from $1 to $2 and by whom, of which something was changed.
func (l *conversionLevel) changed() string {
	return `
				SELECT DISTINCT (event_at AT TIME ZONE 'UTC')::date AS day, ` + l.by + `
				FROM conversion_changes
				WHERE event_at >= $1
				AND event_at < $2`
}

// values lists the columns that hold the counts and sums.
func (l *conversionLevel) values() string {
	var totals, until []string
	for _, s := range conversionSums {
		totals, until = append(totals, s.name), append(until, s.name+"_to")
	}
	return strings.Join(totals, ", ") + ", at, " + strings.Join(until, ", ")
}

// recount counts the rows of a level anew, from conversions v and days t. $3 is how
// many digits the network's currency has.
func (l *conversionLevel) recount(from string) string {
	key := "day, " + strings.Join(l.columns, ", ")
	var lines, totals, until, arrays []string
	for i, s := range conversionSums {
		line, kind := "sum("+s.line+")", "integer"
		if isMoney(i) {
			line, kind = "coalesce("+line+", 0) * 10::numeric ^ $3::integer", "bigint"
		}
		lines = append(lines, "("+line+")::"+kind+" AS "+s.name)
		totals = append(totals, "sum("+s.name+") AS "+s.name)
		until = append(until, fmt.Sprintf("(sum(%s) OVER until)::%s AS %[1]s_to", s.name, kind))
		arrays = append(arrays, fmt.Sprintf("array_agg(%s_to) AS %[1]s_to", s.name))
	}
	return `
			SELECT ` + key + `, ` + strings.Join(totals, ", ") + `, array_agg(quarter) AS at, ` + strings.Join(arrays, ", ") + `
			FROM (
				SELECT *, ` + strings.Join(until, ", ") + `
				FROM (
					SELECT t.day, v.` + strings.Join(l.columns, ", v.") + `, ` + dayQuarter("v.event_at") + ` AS quarter,
						` + strings.Join(lines, ", ") + from + `
					WHERE NOT v.test
					AND v.rate_date IS NOT NULL
					GROUP BY ` + "t.day, v." + strings.Join(l.columns, ", v.") + `, quarter
				) AS quarters
				WINDOW until AS (PARTITION BY ` + key + ` ORDER BY quarter)
			) AS sums
			GROUP BY ` + key
}
