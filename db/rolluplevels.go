package db

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// rollupLevel is a table of counts.
type rollupLevel struct {
	proofback.ReportLevel
	table   string
	source  string // what it is counted from: clicks, or a finer level that has all it needs
	columns []string
}

// The units of rollups.
const (
	quarterHour = proofback.LateUnit
	oneDay      = 24 * time.Hour
)

// rollupLevels stand with the smallest first, as reports choose, but for the one
// that others are counted from. Each is narrow: one more dimension would make
// nearly as many rows as there are clicks.
var rollupLevels = []rollupLevel{
	newLevel("rollup_days", "rollup_quarters", oneDay),
	newLevel("rollup_day_affiliates", "rollup_quarters", oneDay, proofback.DimAffiliate),
	newLevel("rollup_day_devices", "clicks", oneDay, proofback.DimAffiliate, proofback.DimDevice),
	newLevel("rollup_day_countries", "clicks", oneDay, proofback.DimAffiliate, proofback.DimCountry),
	newLevel("rollup_day_subs", "clicks", oneDay, proofback.DimAffiliate, proofback.DimSub1),
	newLevel("rollup_hours", "rollup_quarters", time.Hour),
	newLevel("rollup_quarters", "clicks", quarterHour, proofback.DimAffiliate),
}

// newLevel is a level by offer, hence by advertiser, and by some dimensions more.
func newLevel(table, source string, unit time.Duration, more ...proofback.Dimension) rollupLevel {
	l := rollupLevel{table: table, source: source}
	l.Unit = unit
	l.Dimensions = append([]proofback.Dimension{proofback.DimOffer, proofback.DimAdvertiser}, more...)
	for _, d := range l.Dimensions {
		c := reportColumnOf(d)
		l.columns = append(l.columns, strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(c.click, "coalesce("), ", '')"), "c."))
	}
	return l
}

// reportLevels are the levels as the planner of reports sees them.
func reportLevels() []proofback.ReportLevel {
	list := make([]proofback.ReportLevel, len(rollupLevels))
	for i, l := range rollupLevels {
		list[i] = l.ReportLevel
	}
	return list
}

// inOrder are the levels with those first that others are counted from.
func inOrder() []rollupLevel {
	list := slices.Clone(rollupLevels)
	slices.SortStableFunc(list, func(a, b rollupLevel) int { return strings.Compare(a.source, b.source) })
	return list
}

// key lists the columns that tell a level's rows apart.
func (l *rollupLevel) key() string { return "starts, " + strings.Join(l.columns, ", ") }

// recount is a query that counts a level's rows from $1 to $2 anew, from the
// clicks, whose ids are from $3 to $4, or from the finer level.
func (l *rollupLevel) recount(source string) string {
	columns, clicks, bots, within := []string{}, "sum(c.clicks)", "sum(c.bots)", "c.starts >= $1 AND c.starts < $2 AND $3::uuid < $4::uuid"
	at := "c.starts"
	if source == "clicks" {
		at, clicks, bots = "c.at", "count(*) FILTER (WHERE NOT c.bot)", "count(*) FILTER (WHERE c.bot)"
		within = "c.id >= $3 AND c.id < $4 AND $1::timestamptz < $2::timestamptz\n\t\tAND " + countedClicks
	}
	for i, d := range l.Dimensions {
		columns = append(columns, reportColumnOf(d).click+" AS "+l.columns[i])
	}
	return `
		SELECT date_bin('` + minutes(l.Unit) + `', ` + at + `, '2000-01-01Z') AS starts, ` + strings.Join(columns, ", ") + `,
			` + clicks + `::integer AS clicks, ` + bots + `::integer AS bots
		FROM ` + source + ` AS c
		WHERE ` + within + `
		GROUP BY 1, ` + strings.Join(columnsOnly(columns), ", ")
}

// columnsOnly are expressions without their names.
func columnsOnly(columns []string) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i], _, _ = strings.Cut(c, " AS ")
	}
	return list
}

// minutes writes a length of time for SQL.
func minutes(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + " minutes" }
