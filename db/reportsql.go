package db

import (
	"fmt"
	"strconv"
	"strings"

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
	plan    proofback.ReportPlan // of the clicks
	after   *reportPlace
	limit   int // rows of the page; 0 for all
	args    []any
}

// reportColumn is a dimension that is not time, as clicks and conversions have it.
type reportColumn struct {
	name       string
	kind       string // of SQL
	click      string
	conversion string
}

func newReportQuery(s *Store, actor proofback.Actor, in *proofback.ReportInput, spans *proofback.Timeline) *reportQuery {
	q := &reportQuery{in: in, actor: actor, spans: spans, network: s.currency}
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

// text writes the statement: clicks and conversions are counted apart, put
// together row by row, and given out as the totals of all rows and a page.
func (q *reportQuery) text() string {
	parts := []string{
		"clicked AS (" + q.clicked() + ")",
		q.converted(),
		"merged AS (" + q.merged() + ")",
	}
	return "WITH " + strings.Join(parts, ",\n") + "\n" + q.totals() + "\nUNION ALL\n" + q.page()
}

// countedClicks are the clicks that count, as bots do apart: of visitors who were
// sent to the offer, and no tests.
var countedClicks = fmt.Sprintf("c.outcome = %d AND c.flags & %d = 0", proofback.ClickRedirected, proofback.FlagTest)

// clicked adds up the parts that clicks are counted in.
func (q *reportQuery) clicked() string {
	var parts []string
	if q.plan.Level >= 0 {
		parts = append(parts, q.rolled())
	}
	for _, r := range q.plan.Raw {
		parts = append(parts, q.raw(r))
	}
	return `
		SELECT ` + q.names("") + `, sum(clicks) AS clicks, sum(bots) AS bots
		FROM (` + strings.Join(parts, "\n\t\tUNION ALL") + `) AS parts
		GROUP BY ` + q.names("")
}

// rolled adds up a level's counts.
func (q *reportQuery) rolled() string {
	level := rollupLevels[q.plan.Level]
	where := []string{
		"c.starts >= " + q.arg(q.plan.Rolled.From, "timestamptz"),
		"c.starts < " + q.arg(q.plan.Rolled.To, "timestamptz"),
	}
	if len(q.plan.Except) > 0 {
		where = append(where, "c.starts <> ALL ("+q.arg(q.plan.Except, "timestamptz[]")+")")
	}
	where = append(where, q.filters("c", "c")...)
	return `
		SELECT ` + q.clickColumns("c.starts") + `, sum(c.clicks) AS clicks, sum(c.bots) AS bots
		FROM ` + level.table + ` AS c
		WHERE ` + strings.Join(where, "\n\t\tAND ") + `
		GROUP BY ` + q.names("")
}

// raw counts the clicks of a range themselves.
func (q *reportQuery) raw(r proofback.TimeRange) string {
	where := []string{
		"c.id >= " + q.arg(proofback.UUIDFloor(ceilMilli(r.From)), "uuid"),
		"c.id < " + q.arg(proofback.UUIDFloor(ceilMilli(r.To)), "uuid"),
		countedClicks,
	}
	where = append(where, q.filters("c", "c")...)
	return `
		SELECT ` + q.clickColumns("c.at") + `,
			count(*) FILTER (WHERE NOT c.bot) AS clicks, count(*) FILTER (WHERE c.bot) AS bots
		FROM clicks AS c
		WHERE ` + strings.Join(where, "\n\t\tAND ") + `
		GROUP BY ` + q.names("")
}

// clickColumns tell rows of clicks, or of a level's counts, apart.
func (q *reportQuery) clickColumns(at string) string {
	columns := q.span(at) + " AS span"
	for _, c := range q.columns {
		columns += ", " + c.click + " AS " + c.name
	}
	return columns
}

// filters are the conditions on a row of clicks or conversions, and on the click
// that it is or came of.
func (q *reportQuery) filters(row, click string) []string {
	var where []string
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

// merged puts what was clicked and what was converted together. Spans in which
// nothing happened are rows too, where time alone tells rows apart.
func (q *reportQuery) merged() string {
	names := q.names("")
	empty := ""
	if len(q.columns) == 0 {
		empty = `
			UNION ALL
			SELECT span, 0, 0, 0, 0, 0, 0, 0, 0, 0
			FROM generate_series(0, ` + strconv.Itoa(len(q.spans.Starts)-1) + `) AS span`
	}
	return `
		SELECT ` + names + `,
			sum(clicks)::bigint AS clicks, sum(bots)::bigint AS bots,
			sum(pending)::bigint AS pending, sum(approved)::bigint AS approved, sum(rejected)::bigint AS rejected,
			sum(payout) AS payout, sum(pending_payout) AS pending_payout, sum(revenue) AS revenue, sum(awaiting)::bigint AS awaiting
		FROM (
			SELECT ` + names + `, clicks, bots, 0 AS pending, 0 AS approved, 0 AS rejected, 0 AS payout, 0 AS pending_payout, 0 AS revenue, 0 AS awaiting
			FROM clicked
			UNION ALL
			SELECT ` + names + `, 0, 0, pending, approved, rejected, payout, pending_payout, revenue, awaiting
			FROM converted` + empty + `
		) AS parts
		GROUP BY ` + names
}

// totals adds up all rows.
func (q *reportQuery) totals() string {
	keys := ""
	for range q.columns {
		keys += ", ''"
	}
	return `SELECT true, 0` + keys + `,
			coalesce(sum(clicks), 0)::bigint, coalesce(sum(bots), 0)::bigint,
			coalesce(sum(pending), 0)::bigint, coalesce(sum(approved), 0)::bigint, coalesce(sum(rejected), 0)::bigint,
			coalesce(sum(payout), 0)::text, coalesce(sum(pending_payout), 0)::text, coalesce(sum(revenue), 0)::text,
			coalesce(sum(awaiting), 0)::bigint,
			(SELECT jsonb_agg(jsonb_build_array(kind, currency, amount::text) ORDER BY kind, currency)
			 FROM (SELECT kind, currency, sum(amount) AS amount FROM waiting GROUP BY kind, currency) AS sums), ''
		FROM merged`
}

// reportOrders are what rows can be ordered by; quotients without a divisor come
// before all others.
var reportOrders = map[proofback.Metric]string{
	"":                               "0",
	proofback.MetricClicks:           "clicks",
	proofback.MetricBotClicks:        "bots",
	proofback.MetricConversions:      "pending + approved + rejected",
	proofback.MetricPending:          "pending",
	proofback.MetricApproved:         "approved",
	proofback.MetricRejected:         "rejected",
	proofback.MetricConversionRate:   "coalesce(round((pending + approved + rejected)::numeric / nullif(clicks, 0), 9), -1)",
	proofback.MetricPayout:           "payout",
	proofback.MetricPendingPayout:    "pending_payout",
	proofback.MetricRevenue:          "revenue",
	proofback.MetricMargin:           "revenue - payout",
	proofback.MetricEarningsPerClick: "coalesce(round(payout / nullif(clicks, 0), 9), -1)",
}

// page takes the rows behind the cursor, and one more.
func (q *reportQuery) page() string {
	way, beyond := " ASC", " > "
	if q.in.Descending {
		way, beyond = " DESC", " < "
	}
	place, order := []string{"sort", "span"}, "sort"+way+", span"+way
	shown, same := "", "(w.span"
	for _, c := range q.columns {
		column := c.name
		if c.kind == "text" {
			column += ` COLLATE "C"`
		}
		place = append(place, column)
		order += ", " + column + way
		shown += ", " + c.name + "::text"
		same += ", w." + c.name
	}
	where := ""
	if p := q.after; p != nil {
		values := []string{q.arg(p.Sort, "numeric"), q.arg(p.Span, "integer")}
		for i, c := range q.columns {
			values = append(values, q.arg(p.Keys[i], c.kind))
		}
		where = "\n\t\tWHERE (" + strings.Join(place, ", ") + ")" + beyond + "(" + strings.Join(values, ", ") + ")"
	}
	limit := ""
	if q.limit > 0 {
		limit = "\n\t\t\tLIMIT " + q.arg(q.limit, "bigint")
	}
	return `(SELECT false, span` + shown + `, clicks, bots, pending, approved, rejected,
			payout::text, pending_payout::text, revenue::text, awaiting,
			(SELECT jsonb_agg(jsonb_build_array(kind, currency, amount::text) ORDER BY kind, currency)
			 FROM waiting AS w
			 WHERE ` + same + `) = (` + q.names("m.") + `)), sort::text
		FROM (
			SELECT *
			FROM (SELECT *, (` + reportOrders[q.in.OrderBy] + `)::numeric AS sort FROM merged) AS all_rows` + where + `
			ORDER BY ` + order + limit + `
		) AS m
		ORDER BY ` + order + `)`
}
