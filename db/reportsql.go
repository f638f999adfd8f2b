package db

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// reportQuery writes the statement of a report. Rows are told apart by the span of
// time and one column for each other dimension, which is never NULL: the nil UUID
// and the empty text stand for what was not told.
type reportQuery struct {
	in      *proofback.ReportInput
	actor   proofback.Actor
	spans   *proofback.Timeline
	network string // the currency that conversions are normalised in
	columns []reportColumn
	after   *reportPlace
	limit   int        // rows of the page; 0 for all
	since   *time.Time // what changed since is told, and not the report itself
	args    []any

	there       proofback.RolledUp
	adjusted    bool      // there may be lines of adjustments
	resettled   bool      // and of conversions that closed months have otherwise
	firstClick  uuid.UUID // of the conversions; Nil where it makes no difference
	splitFrom   int       // rows, from which on totals and page are made apart
	clicks      proofback.ReportPlan
	conversions proofback.ReportPlan
}

// reportColumn is a dimension that is not time, as clicks and conversions have it.
type reportColumn struct {
	name       string
	kind       string // of SQL
	click      string
	conversion string
}

func newReportQuery(s *Store, actor proofback.Actor, in *proofback.ReportInput, spans *proofback.Timeline) *reportQuery {
	q := &reportQuery{in: in, actor: actor, spans: spans, network: s.currency, splitFrom: s.reportSplit}
	for _, d := range in.GroupBy {
		if !d.IsTime() {
			c := reportColumnOf(d)
			c.name = "d" + strconv.Itoa(len(q.columns)+1)
			q.columns = append(q.columns, c)
		}
	}
	return q
}

func reportColumnOf(d proofback.Dimension) reportColumn {
	column := strings.ToLower(string(d))
	switch {
	case d == proofback.DimGoal:
		return reportColumn{kind: "uuid", click: "'" + uuid.Nil.String() + "'::uuid", conversion: "v.goal_id"}
	case d.IDKind() != "":
		return reportColumn{kind: "uuid", click: "c." + column + "_id", conversion: "v." + column + "_id"}
	}
	return reportColumn{kind: "text", click: "coalesce(c." + column + ", '')", conversion: "coalesce(k." + column + ", '')"}
}

// arg gives a value its place.
func (q *reportQuery) arg(v any, kind string) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args)) + "::" + kind
}

// names lists the columns that tell rows apart, each behind a prefix.
func (q *reportQuery) names(prefix string) string {
	list := []string{prefix + "span"}
	for _, c := range q.columns {
		list = append(list, prefix+c.name)
	}
	return strings.Join(list, ", ")
}

// span is the expression for the span that a time is in.
func (q *reportQuery) span(at string) string {
	if len(q.spans.Starts) == 1 {
		return "0"
	}
	return "width_bucket(" + at + ", " + q.arg(q.spans.Starts, "timestamptz[]") + ") - 1"
}

// text writes the statement: clicks and conversions are added up, row by row, and
// given out as the totals of all rows and a page.
func (q *reportQuery) text() string { return q.statement(q.totals(), q.page()) }

func (q *reportQuery) statement(given ...string) string {
	parts := append(q.clicked(), q.converted()...)
	return "WITH " + q.told() + ",\nmerged AS (" + q.merged(parts) + ")\n" + strings.Join(given, "\nUNION ALL\n")
}

// mergedSums are what rows are added up to.
var mergedSums = []struct{ name, kind string }{
	{"clicks", "integer"},
	{"bots", "integer"},
	{"pending", "integer"},
	{"approved", "integer"},
	{"rejected", "integer"},
	{"awaiting", "integer"},
	{"payout", "bigint"},
	{"pending_payout", "bigint"},
	{"revenue", "bigint"},
}

// part is something to be added up: the columns that tell its rows apart, what it
// has of mergedSums, and where from.
func part(columns string, sums map[string]string, from string) string {
	for _, s := range mergedSums {
		have := sums[s.name]
		if have == "" {
			have = "NULL::" + s.kind
		}
		columns += ", " + have + " AS " + s.name
	}
	return `
			SELECT ` + columns + `
			` + from
}

// countedClicks are the clicks that count, as bots do apart: of visitors who were
// sent to the offer, and no tests. A test has no link; unlike its flag, that is a
// column whose values the planner knows.
var countedClicks = fmt.Sprintf("c.outcome = %d AND c.link_id <> '%s'", proofback.ClickRedirected, uuid.Nil)

// clicked are the parts that clicks are counted in.
func (q *reportQuery) clicked() (parts []string) {
	if q.clicks.Level >= 0 {
		l := &rollupLevels[q.clicks.Level]
		days, some := q.clicks.Days()
		if len(days) > 0 {
			parts = append(parts, part(q.columnsOf("p.span", click), map[string]string{"clicks": "c.clicks", "bots": "c.bots"},
				q.days("c", l.source(), days, q.filters("c", "c"))))
		}
		if len(some) > 0 {
			parts = append(parts, part(q.columnsOf("span", click), map[string]string{"clicks": inPiece("c.clicks_to"), "bots": inPiece("c.bots_to")},
				q.pieces("c", l.source(), some, q.filters("c", "c"))))
		}
	}
	for _, r := range q.clicks.Raw {
		parts = append(parts, q.raw(r))
	}
	return parts
}

// days joins the rows of a level with the days that a plan takes of them.
func (q *reportQuery) days(as, table string, pieces []proofback.LevelPiece, where []string) string {
	days, spans := make([]time.Time, len(pieces)), make([]int32, len(pieces))
	for i, piece := range pieces {
		days[i], spans[i] = piece.Day, int32(piece.Span)
	}
	return `FROM unnest(` + q.arg(days, "date[]") + `, ` + q.arg(spans, "integer[]") + `) AS p (day, span)
			JOIN ` + table + ` AS ` + as + ` ON ` + as + `.day = p.day
			WHERE ` + strings.Join(q.between(as, pieces, where), "\n\t\t\tAND ")
}

// pieces joins the rows of a level with the parts of days that a plan takes of
// them. Of each part, m and n tell how many of the row's quarter hours are over
// when it begins and when it ends; parts without any are left out.
func (q *reportQuery) pieces(as, table string, pieces []proofback.LevelPiece, where []string) string {
	days, since, until, spans := make([]time.Time, len(pieces)), make([]int16, len(pieces)), make([]int16, len(pieces)), make([]int32, len(pieces))
	for i, piece := range pieces {
		days[i], since[i], until[i], spans[i] = piece.Day, int16(piece.Since), int16(piece.Until), int32(piece.Span)
	}
	return `FROM (
				SELECT ` + as + `.*, p.span,
					width_bucket((p.since - 1)::smallint, ` + as + `.at) AS m, width_bucket((p.until - 1)::smallint, ` + as + `.at) AS n
				FROM unnest(` + q.arg(days, "date[]") + `, ` + q.arg(since, "smallint[]") + `, ` + q.arg(until, "smallint[]") + `, ` + q.arg(spans, "integer[]") + `) AS p (day, since, until, span)
				JOIN ` + table + ` AS ` + as + ` ON ` + as + `.day = p.day
				WHERE ` + strings.Join(q.between(as, pieces, where), "\n\t\t\t\tAND ") + `
				OFFSET 0
			) AS ` + as + `
			WHERE n > m`
}

// between adds to the conditions on a level's rows the days that pieces are of.
func (q *reportQuery) between(as string, pieces []proofback.LevelPiece, where []string) []string {
	return append([]string{
		as + ".day >= " + q.arg(pieces[0].Day, "date"),
		as + ".day <= " + q.arg(pieces[len(pieces)-1].Day, "date"),
	}, where...)
}

// inPiece is what a row of pieces has of a column that counts from midnight on.
func inPiece(column string) string {
	return fmt.Sprintf("coalesce(%[1]s[n], 0) - coalesce(%[1]s[m], 0)", column)
}

// raw counts the clicks of a range themselves.
func (q *reportQuery) raw(r proofback.TimeRange) string {
	where := []string{
		"c.id >= " + q.arg(proofback.UUIDFloor(ceilMilli(r.From)), "uuid"),
		"c.id < " + q.arg(proofback.UUIDFloor(ceilMilli(r.To)), "uuid"),
		countedClicks,
	}
	where = append(where, q.filters("c", "c")...)
	return part(q.columnsOf(q.span("c.at"), click), map[string]string{
		"clicks": "(count(*) FILTER (WHERE NOT c.bot))::integer",
		"bots":   "(count(*) FILTER (WHERE c.bot))::integer",
	}, `FROM clicks AS c
			WHERE `+strings.Join(where, "\n\t\t\tAND ")+`
			GROUP BY `+q.names(""))
}

// columnsOf tell rows of clicks or conversions apart, or those of their levels.
func (q *reportQuery) columnsOf(span string, of func(reportColumn) string) string {
	columns := span + " AS span"
	for _, c := range q.columns {
		columns += ", " + of(c) + " AS " + c.name
	}
	return columns
}

func click(c reportColumn) string      { return c.click }
func conversion(c reportColumn) string { return c.conversion }

// filters are the conditions on a row of clicks or conversions, and on the click
// that it is or came of.
func (q *reportQuery) filters(row, click string) []string {
	where := q.partnerFilters(row)
	f := &q.in.Filter
	if len(f.Countries) > 0 {
		where = append(where, click+".country = ANY ("+q.arg(f.Countries, "text[]")+")")
	}
	if len(f.Devices) > 0 {
		devices := make([]string, len(f.Devices))
		for i, d := range f.Devices {
			devices[i] = string(d)
		}
		where = append(where, click+".device = ANY ("+q.arg(devices, "text[]")+")")
	}
	if f.SubIndex > 0 {
		where = append(where, fmt.Sprintf("%s.sub%d = %s", click, f.SubIndex, q.arg(f.SubValue, "text")))
	}
	return where
}

// partnerFilters are the conditions on whose it is.
func (q *reportQuery) partnerFilters(row string) (where []string) {
	ids := func(column string, list []uuid.UUID) {
		if len(list) > 0 {
			where = append(where, row+"."+column+" = ANY ("+q.arg(list, "uuid[]")+")")
		}
	}
	// Row-level security says the same; here it finds the index.
	switch q.actor.Role {
	case proofback.RoleAffiliate:
		where = append(where, row+".affiliate_id = "+q.arg(q.actor.AffiliateID, "uuid"))
	case proofback.RoleAdvertiser:
		where = append(where, row+".advertiser_id = "+q.arg(q.actor.AdvertiserID, "uuid"))
	}
	f := &q.in.Filter
	ids("offer_id", f.OfferIDs)
	ids("affiliate_id", f.AffiliateIDs)
	ids("advertiser_id", f.AdvertiserIDs)
	return where
}

// merged adds up all parts. Spans in which nothing happened are rows too, where
// time alone tells rows apart; rows whose changes came to nothing are none.
func (q *reportQuery) merged(parts []string) string {
	if len(q.columns) == 0 {
		parts = append(parts, part("span", map[string]string{"clicks": "0"}, "FROM generate_series(0, "+strconv.Itoa(len(q.spans.Starts)-1)+") AS span"))
	}
	var sums, moved []string
	for _, s := range mergedSums {
		sums = append(sums, "add_up("+s.name+") AS "+s.name)
		if s.name != "clicks" && s.name != "bots" && s.name != "awaiting" {
			moved = append(moved, "add_up("+s.name+") <> 0")
		}
	}
	return `
		SELECT ` + q.names("") + `,
			` + strings.Join(sums, ", ") + `
		FROM (` + strings.Join(parts, "\n\t\t\tUNION ALL") + `
		) AS parts
		GROUP BY ` + q.names("") + `
		HAVING count(clicks) > 0 OR count(awaiting) > 0
		OR ` + strings.Join(moved, " OR ")
}

// amount is money of its minor units.
func (q *reportQuery) amount(units string) string {
	digits, _ := proofback.CurrencyDigits(q.in.Currency) // it was validated
	return "(" + units + " * 10::numeric ^ -" + strconv.Itoa(digits) + ")"
}

// totals adds up all rows.
func (q *reportQuery) totals() string {
	keys := ""
	for range q.columns {
		keys += ", ''"
	}
	return `SELECT true, 0` + keys + `,
			add_up(clicks), add_up(bots), add_up(pending), add_up(approved), add_up(rejected),
			add_up(payout), add_up(pending_payout), add_up(revenue), add_up(awaiting),
			(SELECT jsonb_agg(jsonb_build_array(kind, currency, amount::text) ORDER BY kind, currency)
			 FROM (SELECT kind, currency, sum(amount) AS amount FROM waiting GROUP BY kind, currency) AS sums), '0'
		FROM merged`
}

// order is what the rows are sorted by before their keys; "" for nothing. Quotients
// without a divisor come before all others.
func (q *reportQuery) order() string {
	perClick := func(what string) string { return "coalesce(round(" + what + "::numeric / nullif(clicks, 0), 9), -1)" }
	switch m := q.in.OrderBy; m {
	case "":
		return ""
	case proofback.MetricBotClicks:
		return "bots"
	case proofback.MetricConversions:
		return "pending + approved + rejected"
	case proofback.MetricConversionRate:
		return perClick("(pending + approved + rejected)")
	case proofback.MetricPayout, proofback.MetricPendingPayout, proofback.MetricRevenue:
		return q.amount(strings.ToLower(string(m)))
	case proofback.MetricMargin:
		return q.amount("revenue") + " - " + q.amount("payout")
	case proofback.MetricEarningsPerClick:
		return perClick(q.amount("payout"))
	default: // CLICKS, PENDING, APPROVED, REJECTED
		return strings.ToLower(string(m))
	}
}

// page takes the rows behind the cursor, and one more.
func (q *reportQuery) page() string {
	way, beyond := " ASC", " > "
	if q.in.Descending {
		way, beyond = " DESC", " < "
	}
	sort, place := "0", []string{"span"}
	if by := q.order(); by != "" {
		sort, place = "("+by+")::numeric", []string{"sort", "span"}
	}
	shown, same := "", "w.span = m.span"
	for _, c := range q.columns {
		column := c.name
		if c.kind == "text" {
			column += ` COLLATE "C"`
		}
		place = append(place, column)
		shown += ", m." + c.name + "::text"
		same += " AND w." + c.name + " = m." + c.name
	}
	order := "m." + strings.Join(place, way+", m.") + way
	where := ""
	if p := q.after; p != nil {
		values := []string{q.arg(p.Span, "integer")}
		if place[0] == "sort" {
			values = []string{q.arg(p.Sort, "numeric"), values[0]}
		}
		for i, c := range q.columns {
			values = append(values, q.arg(p.Keys[i], c.kind))
		}
		where = "\n\t\t\tWHERE (" + strings.Join(place, ", ") + ")" + beyond + "(" + strings.Join(values, ", ") + ")"
	}
	limit := ""
	if q.limit > 0 {
		limit = "\n\t\t\tLIMIT " + q.arg(q.limit, "bigint")
	}
	return `(SELECT false, m.span` + shown + `, clicks, bots, pending, approved, rejected,
			payout, pending_payout, revenue, awaiting, amounts, sort::text
		FROM (
			SELECT *
			FROM (SELECT *, ` + sort + ` AS sort FROM merged) AS m` + where + `
			ORDER BY ` + order + limit + `
		) AS m
		LEFT JOIN awaited AS w ON ` + same + `
		ORDER BY ` + order + `)`
}
