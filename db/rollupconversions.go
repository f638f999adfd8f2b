package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// conversionLevel is a table of counts and sums of conversions by the UTC day of
// their events, and by whom.
type conversionLevel struct {
	proofback.ReportLevel
	table   string
	columns []string // that tell them apart
}

// conversionLevels stand with the smallest first. What tells offers and affiliates
// apart together would hardly be smaller than the conversions.
var conversionLevels = []conversionLevel{
	{
		ReportLevel: proofback.ReportLevel{Fine: true, Dimensions: []proofback.Dimension{proofback.DimAffiliate}},
		table:       "rollup_affiliate_conversions",
		columns:     []string{"affiliate_id"},
	},
	{
		ReportLevel: proofback.ReportLevel{Fine: true, Dimensions: []proofback.Dimension{proofback.DimOffer, proofback.DimAdvertiser, proofback.DimGoal}},
		table:       "rollup_offer_conversions",
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

// convert adds to the counts what has changed of conversions since they were counted,
// some days at a time. What it costs follows from how much has changed, and not from how
// many conversions these days have. What a verification has found to be wrong is counted
// anew instead.
func (r *roller) convert(ctx context.Context) error {
	if !r.changed {
		return nil
	}
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
			WHERE (day, `+l.columns[0]+`) IN (`+l.marked()+`)`, from, to)
		q.Queue(`
			INSERT INTO `+l.table+` (day, `+strings.Join(l.columns, ", ")+`, `+l.values()+`)
			`+l.recount(`
				FROM (`+l.marked()+`) AS t
				JOIN conversions AS v ON v.`+l.columns[0]+` = t.`+l.columns[0]+`
				AND v.event_at >= t.day::timestamp AT TIME ZONE 'UTC'
				AND v.event_at < (t.day + 1)::timestamp AT TIME ZONE 'UTC'`), from, to, r.digits)
		q.Queue(l.merge(), from, to, r.digits)
	}
	q.Queue(`DELETE FROM conversion_changes WHERE event_at >= $1 AND event_at < $2`, from, to)
	return r.tx.SendBatch(ctx, &q).Close()
}

// A change that changes nothing asks for all of its day and of its affiliate, or offer,
// to be counted anew.
const changesNothing = "pending = 0 AND approved = 0 AND rejected = 0"

// marked are the days from $1 to $2 and by whom, of which that is asked for.
func (l *conversionLevel) marked() string {
	return `
				SELECT DISTINCT (event_at AT TIME ZONE 'UTC')::date AS day, ` + l.columns[0] + `
				FROM conversion_changes
				WHERE event_at >= $1
				AND event_at < $2
				AND ` + changesNothing + `
				AND ` + l.columns[0] + ` <> '` + uuid.Nil.String() + `'`
}

// merge makes the rows anew that changes from $1 to $2 concern: of each quarter hour,
// what they told of it and what has changed.
func (l *conversionLevel) merge() string {
	key := "day, " + strings.Join(l.columns, ", ")
	var told, changed, grown, cumulated, both []string
	for i, s := range conversionSums {
		told = append(told, s.name+"_to")
		line, kind := "sum("+s.name+")", "integer"
		if isMoney(i) {
			line, kind = line+" * 10::numeric ^ $3::integer", "bigint"
		}
		changed = append(changed, "("+line+")::"+kind+" AS "+s.name)
		grown = append(grown, "q."+s.name+" - coalesce(lag(q."+s.name+") OVER earlier, 0)")
		both = append(both, "sum("+s.name+")::"+kind+" AS "+s.name)
		cumulated = append(cumulated, s.name)
	}
	return `
		WITH changes AS (
			SELECT (event_at AT TIME ZONE 'UTC')::date AS ` + key + `, ` + dayQuarter("event_at") + ` AS quarter, ` + strings.Join(changed, ", ") + `
			FROM conversion_changes
			WHERE event_at >= $1
			AND event_at < $2
			AND NOT (` + changesNothing + `)
			AND ((event_at AT TIME ZONE 'UTC')::date, ` + l.columns[0] + `) NOT IN (` + l.marked() + `)
			GROUP BY (event_at AT TIME ZONE 'UTC')::date, ` + strings.Join(l.columns, ", ") + `, quarter
		), before AS (
			DELETE FROM ` + l.table + `
			WHERE (` + key + `) IN (SELECT ` + key + ` FROM changes)
			RETURNING *
		)
		INSERT INTO ` + l.table + ` (` + key + `, ` + l.values() + `)` +
		l.gather(`
				SELECT `+key+`, quarter, `+strings.Join(both, ", ")+`
				FROM (
					SELECT `+key+`, quarter, `+strings.Join(cumulated, ", ")+`
					FROM changes
					UNION ALL
					SELECT `+key+`, q.quarter, `+strings.Join(grown, ", ")+`
					FROM before AS b
					CROSS JOIN LATERAL unnest(b.at, b.`+strings.Join(told, ", b.")+`) AS q (quarter, `+strings.Join(cumulated, ", ")+`)
					WINDOW earlier AS (PARTITION BY `+key+` ORDER BY q.quarter)
				) AS told
				GROUP BY `+key+`, quarter
				HAVING sum(told.pending) <> 0 OR sum(told.approved) <> 0 OR sum(told.rejected) <> 0`)
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
	var lines []string
	for i, s := range conversionSums {
		line, kind := "sum("+s.line+")", "integer"
		if isMoney(i) {
			line, kind = "coalesce("+line+", 0) * 10::numeric ^ $3::integer", "bigint"
		}
		lines = append(lines, "("+line+")::"+kind+" AS "+s.name)
	}
	return l.gather(`
				SELECT t.day, v.` + strings.Join(l.columns, ", v.") + `, ` + dayQuarter("v.event_at") + ` AS quarter, ` + strings.Join(lines, ", ") + from + `
				WHERE NOT v.test
				AND v.rate_date IS NOT NULL
				GROUP BY t.day, v.` + strings.Join(l.columns, ", v.") + `, quarter`)
}

// gather makes the rows of a level from what its quarter hours come to.
func (l *conversionLevel) gather(quarters string) string {
	key := "day, " + strings.Join(l.columns, ", ")
	var totals, until, arrays []string
	for i, s := range conversionSums {
		kind := "integer"
		if isMoney(i) {
			kind = "bigint"
		}
		totals = append(totals, "sum("+s.name+") AS "+s.name)
		until = append(until, fmt.Sprintf("(sum(%s) OVER until)::%s AS %[1]s_to", s.name, kind))
		arrays = append(arrays, fmt.Sprintf("array_agg(%s_to) AS %[1]s_to", s.name))
	}
	return `
		SELECT ` + key + `, ` + strings.Join(totals, ", ") + `, array_agg(quarter) AS at, ` + strings.Join(arrays, ", ") + `
		FROM (
			SELECT *, ` + strings.Join(until, ", ") + `
			FROM (` + quarters + `
			) AS quarters
			WINDOW until AS (PARTITION BY ` + key + ` ORDER BY quarter)
		) AS sums
		GROUP BY ` + key
}
