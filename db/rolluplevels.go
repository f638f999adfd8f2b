package db

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// rollupLevel is a table of counts of clicks, by UTC day and dimensions.
type rollupLevel struct {
	proofback.ReportLevel
	table   string
	columns []string // of its dimensions
	from    []int    // places in the list of levels that tell more: it is counted from the first of them that is counted, too
	value   string   // the last of its columns, where rows hold the values of that in arrays
}

// The units of rollups.
const (
	quarterHour = proofback.LateUnit
	oneDay      = 24 * time.Hour
)

// rollupLevels stand with the smallest first, as reports choose. Each is narrow:
// one more dimension would make nearly as many rows as there are clicks. Those that
// are fine grow with the day; of the others a day is there when it is over, in a table
// for all of them, whose rows hold the values of one dimension of an affiliate and an
// offer: there are ten times as many values, and each would cost as much as a row.
var rollupLevels = []rollupLevel{
	fineLevel("rollup_advertisers", []int{pairsLevel, offersLevel}, proofback.DimAdvertiser),
	fineLevel("rollup_offers", []int{pairsLevel}, proofback.DimOffer, proofback.DimAdvertiser),
	fineLevel("rollup_pairs", nil, proofback.DimOffer, proofback.DimAdvertiser, proofback.DimAffiliate),
	valueLevel(proofback.DimDevice),
	valueLevel(proofback.DimCountry),
	valueLevel(proofback.DimSub1),
}

// Places in the list. While a day goes on, the level by affiliate and offer is counted more
// rarely than those before it: what is of one affiliate is soon counted from the clicks.
const (
	offersLevel = 1
	pairsLevel  = 2
)

func fineLevel(table string, from []int, by ...proofback.Dimension) rollupLevel {
	l := newLevel(table, by...)
	l.Fine, l.Behind, l.from = true, from == nil, from
	return l
}

func valueLevel(of proofback.Dimension) rollupLevel {
	l := newLevel(valuesTable, proofback.DimOffer, proofback.DimAdvertiser, proofback.DimAffiliate, of)
	l.value = l.columns[len(l.columns)-1]
	return l
}

// valuesTable is the table of the levels whose rows are arrays.
const valuesTable = "rollup_values"

func newLevel(table string, by ...proofback.Dimension) rollupLevel {
	l := rollupLevel{ReportLevel: proofback.ReportLevel{Dimensions: by}, table: table}
	for _, d := range l.Dimensions {
		column := strings.ToLower(string(d))
		if d.IDKind() != "" {
			column += "_id"
		}
		l.columns = append(l.columns, column)
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

// Levels by their places in the list.
func allLevels() []int    { return append(fineLevels(), coarseLevels()...) }
func fineLevels() []int   { return levelsThat(true) }
func coarseLevels() []int { return levelsThat(false) }

// withoutPairs are the fine levels but for that by affiliate and offer.
func withoutPairs() []int {
	return slices.DeleteFunc(fineLevels(), func(i int) bool { return i == pairsLevel })
}

func levelsThat(fine bool) (list []int) {
	for i := range rollupLevels {
		if rollupLevels[i].Fine == fine {
			list = append(list, i)
		}
	}
	return list
}

// source is a level's table with a row for each of its values, of which there may be
// several that are to be added up.
func (l *rollupLevel) source() string {
	if l.value == "" {
		return l.table
	}
	return fmt.Sprintf(`(
				SELECT v.day, v.affiliate_id, v.offer_id, v.advertiser_id, u.*
				FROM %s AS v
				CROSS JOIN LATERAL unnest(v.value, v.clicks, v.bots) AS u (%s, clicks, bots)
				WHERE v.dimension = '%[2]s'
			)`, l.table, l.value)
}

// stored writes the rows of a level's day, as they are there.
func (l *rollupLevel) stored() string {
	if l.value == "" {
		return "SELECT " + l.key() + ", " + l.values() + " FROM " + l.table + " WHERE day = $3"
	}
	return "SELECT " + l.key() + ", sum(clicks) AS clicks, sum(bots) AS bots FROM " + l.source() + " AS s WHERE day = $3 GROUP BY " + l.key()
}

// name is what a verification calls it.
func (l *rollupLevel) name() string {
	if l.value == "" {
		return l.table
	}
	return l.table + "." + l.value
}

// key lists the columns that tell a level's rows of a day apart.
func (l *rollupLevel) key() string { return strings.Join(l.columns, ", ") }

// grouped are the columns that the clicks of a day are counted by.
func (l *rollupLevel) grouped() []string {
	if l.Fine {
		return append(slices.Clone(l.columns), "starts")
	}
	return l.columns
}

// values lists the columns that hold its counts.
func (l *rollupLevel) values() string {
	if l.Fine {
		return "clicks, bots, at, clicks_to, bots_to"
	}
	return "clicks, bots"
}

// countedFrom is the place of what a level is counted from, among those that are counted.
func countedFrom(of []int, place int) int {
	for _, from := range rollupLevels[place].from {
		if slices.Contains(of, from) {
			return from
		}
	}
	return place
}

// dayQuarter is the expression for which quarter hour of its UTC day a time is in.
func dayQuarter(at string) string {
	return fmt.Sprintf("(floor(date_part('epoch', %s))::bigint %% 86400 / %d)::smallint", at, quarterSeconds)
}

// clickQuarter is the expression for when the quarter hour begins that a click was made
// in. Of all clicks this is asked; which one of its day that is, only of their counts.
const clickQuarter = "date_bin('15 minutes', c.at, '2000-01-01 00:00:00+00')"

// columnsOfClick are all dimensions of levels, as a click has them.
const columnsOfClick = "c.offer_id, c.advertiser_id, c.affiliate_id, c.device, coalesce(c.country, '') AS country, coalesce(c.sub1, '') AS sub1"

// counted writes the count of the clicks with ids from $1 to $2 for some levels, in
// one pass: a row for each key of what they are counted from, and in fine ones for
// each quarter hour of it, with the place of that in the list as level.
func counted(of []int) string {
	var levels []int
	for _, i := range of {
		if from := countedFrom(of, i); !slices.Contains(levels, from) {
			levels = append(levels, from)
		}
	}
	var sets, which, all []string // all columns that any set has
	for _, i := range levels {
		set := rollupLevels[i].grouped()
		sets = append(sets, "("+strings.Join(set, ", ")+")")
		for _, column := range set {
			if !slices.Contains(all, column) {
				all = append(all, column)
			}
		}
	}
	for _, i := range levels {
		missing := 0 // grouping() has a bit for each column that a set has not
		for _, column := range all {
			if missing <<= 1; !slices.Contains(rollupLevels[i].grouped(), column) {
				missing++
			}
		}
		which = append(which, fmt.Sprintf("WHEN %d THEN %d", missing, i))
	}
	return `
		SELECT CASE grouping(` + strings.Join(all, ", ") + `) ` + strings.Join(which, " ") + ` END AS level,
			` + strings.Join(all, ", ") + `,
			(count(*) FILTER (WHERE NOT bot))::integer AS clicks, (count(*) FILTER (WHERE bot))::integer AS bots
		FROM (
			SELECT ` + columnsOfClick + `, ` + clickQuarter + ` AS starts, c.bot
			FROM clicks AS c
			WHERE c.id >= $1 AND c.id < $2
			AND ` + countedClicks + `
		) AS c
		GROUP BY GROUPING SETS (` + strings.Join(sets, ", ") + `)`
}

// rows writes the rows of a level's day, as they are stored, from the place in counted
// that it is counted from. A row that grows goes on from what there is, which stands
// before the first quarter hour.
func (l *rollupLevel) rows(place, from int, grows bool) string {
	if !l.Fine {
		return fmt.Sprintf(`
		SELECT %s, clicks, bots
		FROM counted
		WHERE level = %d`, l.key(), place)
	}
	counts, group, before := "clicks, bots", "", ""
	if from != place {
		counts = "sum(clicks)::integer AS clicks, sum(bots)::integer AS bots"
		group = "\n\t\t\t\tGROUP BY " + l.key() + ", starts"
	}
	if grows {
		before = fmt.Sprintf(`
				UNION ALL
				SELECT %s, (-1)::smallint, clicks, bots
				FROM %s
				WHERE day = $3::date`, l.key(), l.table)
	}
	// The window's order is that of the rows, and so of the arrays. No two of its rows are
	// of the same quarter hour, and not to look for those saves a quarter of its time.
	return fmt.Sprintf(`
		SELECT %[1]s, sum(clicks) AS clicks, sum(bots) AS bots,
			array_agg(quarter) AS at, array_agg(clicks_to) AS clicks_to, array_agg(bots_to) AS bots_to
		FROM (
			SELECT %[1]s, quarter, clicks, bots,
				(sum(clicks) OVER until)::integer AS clicks_to, (sum(bots) OVER until)::integer AS bots_to
			FROM (
				SELECT %[1]s, %[2]s AS quarter, %[3]s
				FROM counted
				WHERE level = %[4]d%[5]s%[6]s
			) AS slice
			WINDOW until AS (PARTITION BY %[1]s ORDER BY quarter ROWS UNBOUNDED PRECEDING)
		) AS quarters
		WHERE quarter >= 0
		GROUP BY %[1]s`, l.key(), dayQuarter("starts"), counts, from, group, before)
}

// storeCounts writes the statement that counts the clicks with ids from $1 to $2, of the
// UTC day $3, for some levels that are fine. Where rows grow, what it finds there of the day is older.
func storeCounts(levels []int, grows bool) string {
	inserts := make([]string, len(levels))
	for n, i := range levels {
		l := &rollupLevels[i]
		grow := ""
		if grows {
			grow = `
		ON CONFLICT (day, ` + l.key() + `) DO UPDATE
		SET clicks = r.clicks + excluded.clicks,
			bots = r.bots + excluded.bots,
			at = r.at || excluded.at,
			clicks_to = r.clicks_to || excluded.clicks_to,
			bots_to = r.bots_to || excluded.bots_to`
		}
		inserts[n] = fmt.Sprintf(`
	stored%d AS (
		INSERT INTO %s AS r (day, %s, %s)
		SELECT $3::date, q.*
		FROM (%s
		) AS q%s
	)`, n, l.table, l.key(), l.values(), l.rows(i, countedFrom(levels, i), grows), grow)
	}
	return "WITH counted AS (" + counted(levels) + "\n\t)," + strings.Join(inserts, ",") + "\n\tSELECT"
}

// storeValues writes the statement that counts the clicks with ids from $1 to $2, of the
// UTC day $3, for all levels whose rows are arrays. They have no unique key, which would
// cost more than all else: only one process writes, and verifying counts every value. Of
// the columns of their values, a row of the count has one.
func storeValues() string {
	var columns, names []string
	for _, i := range coarseLevels() {
		columns = append(columns, rollupLevels[i].value)
		names = append(names, fmt.Sprintf("WHEN %d THEN '%s'", i, rollupLevels[i].value))
	}
	return fmt.Sprintf(`
		INSERT INTO %s (day, dimension, affiliate_id, offer_id, advertiser_id, value, clicks, bots)
		SELECT $3::date, CASE level %s END, affiliate_id, offer_id, advertiser_id, array_agg(value), array_agg(clicks), array_agg(bots)
		FROM (
			SELECT level, affiliate_id, offer_id, advertiser_id, coalesce(%s) AS value, clicks, bots
			FROM (%s
			) AS counted
		) AS told
		GROUP BY level, affiliate_id, offer_id, advertiser_id
		ORDER BY affiliate_id, level`, // as they are read
		valuesTable, strings.Join(names, " "), strings.Join(columns, ", "), counted(coarseLevels()))
}

// minutes writes a length of time for SQL.
func minutes(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + " minutes" }
