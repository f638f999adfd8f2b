package db

import (
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// A conversion whose postback names no time happened when it was received. Such conversions
// are found by when they were received through the index by event_at, and only the others
// have an entry in conversions_received_at. So whoever asks by receipt asks for both kinds.
const (
	receivedApart  = "%[1]s.received_at <> %[1]s.event_at"
	receivedAtOnce = "%[1]s.received_at = %[1]s.event_at"

	// To the planner, one in two hundred rows has two columns that are equal. Said so, it
	// takes one in nine, and walks along an index for a page rather than sort all there is.
	walkAtOnce = "%[1]s.received_at <= %[1]s.event_at AND %[1]s.received_at >= %[1]s.event_at"
)

// receivedWhen makes a condition on received_at of a table of conversions, for both kinds.
// Given a column of time, condition says it of that.
func receivedWhen(table string, condition func(at string) string) string {
	return fmt.Sprintf("("+receivedApart+" AND %[2]s OR "+receivedAtOnce+" AND %[3]s)",
		table, condition(table+".received_at"), condition(table+".event_at"))
}

// receivedWithin is within for the time at which conversions were received.
func receivedWithin(q *bun.SelectQuery, r proofback.TimeRange) {
	var bounds []string
	if !r.From.IsZero() {
		bounds = append(bounds, "%[1]s >= ?0")
	}
	if !r.To.IsZero() {
		bounds = append(bounds, "%[1]s < ?1")
	}
	if len(bounds) > 0 {
		q.Where(receivedWhen("conversion", func(at string) string {
			return fmt.Sprintf(strings.Join(bounds, " AND "), at)
		}), r.From, r.To)
	}
}

// notBeyond bounds a page of conversions that were received at once, where those received
// apart (the first of which are in apart) fill a page: without it, the page would be looked
// for among events of all times where hardly any was received at once. What is left is what
// had happened before anything at all was received.
func notBeyond(table string, limit int, ascending bool) string {
	last, reaches, never := "min", ">=", "-infinity"
	if ascending {
		last, reaches, never = "max", "<=", "infinity"
	}
	return fmt.Sprintf("%s.event_at %s coalesce((SELECT %s(received_at) FROM apart HAVING count(*) > %d), '%s')", table, reaches, last, limit, never)
}

// byReceipt makes a table of both kinds of the first ones of each.
const byReceipt = `(
			WITH apart AS (%s)
			SELECT *
			FROM apart
			UNION ALL
			(%s)
		)`

// pageByReceipt cuts a page out of the conversions like f, in the order in which they were
// received.
func pageByReceipt(tx *tx, q *bun.SelectQuery, f proofback.ConversionFilter, o listOrder, p proofback.Page) *bun.SelectQuery {
	first := func(at bun.Ident, which string) *bun.SelectQuery {
		like := tx.NewSelect().
			TableExpr("conversions AS conversion").
			ColumnExpr("conversion.*").
			Where(fmt.Sprintf(which, "conversion"))
		return pageByTime(conversionsLike(ownRows(like, tx.actor, "conversion"), f, at), at, "conversion.id", o, p)
	}
	q.ModelTableExpr(fmt.Sprintf(byReceipt, "?0", "?1")+" AS conversion",
		first("conversion.received_at", receivedApart),
		first("conversion.event_at", walkAtOnce).Where(notBeyond("conversion", p.Limit, (o == newestFirst) == p.Backward)))
	return pageByTime(q, "conversion.received_at", "conversion.id", o, p)
}
