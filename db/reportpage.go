package db

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// reportSplit is how many rows a report has at least when its totals and its page are made
// apart. Planning a second statement takes as long as telling some thousand rows apart.
const reportSplit = 4000

// read reads the totals and the page. Rows that go by time stand in the order of their
// spans, so where there are many of them, a page is made of the spans that it shows, and
// the totals without telling rows apart. Both are of one snapshot, and of counts that were
// made of the same clicks.
func (q *reportQuery) read(ctx context.Context, pg pgx.Tx, r *proofback.Report) error {
	each, err := q.rowsOfSpan(ctx, pg)
	if err != nil {
		return err
	}
	if each*len(q.spans.Starts) < q.splitFrom {
		return q.take(ctx, pg, r, q.text(), q.args...)
	}
	whole := q.untold()
	if err := whole.take(ctx, pg, r, whole.statement(whole.totals()), whole.args...); err != nil {
		return err
	}
	// What was guessed too low is made up for by a few more statements, each over twice as
	// many spans as the one before.
	ahead := q.spansAhead()
	for width := 1 + q.limit/each; ahead.from < ahead.to && len(r.Rows) < q.limit; width *= 2 {
		next := spanRange{ahead.from, min(ahead.from+width, ahead.to)}
		if q.in.Descending {
			next = spanRange{max(ahead.to-width, ahead.from), ahead.to}
			ahead.to = next.from
		} else {
			ahead.from = next.to
		}
		some := q.within(next)
		some.limit = q.limit - len(r.Rows)
		if err := some.take(ctx, pg, r, some.statement(some.page()), some.args...); err != nil {
			return err
		}
	}
	return nil
}

// spanRange are the spans from one to before another.
type spanRange struct{ from, to int }

// spansAhead are those that rows behind the cursor may be in.
func (q *reportQuery) spansAhead() spanRange {
	r := spanRange{0, len(q.spans.Starts)}
	switch {
	case q.after == nil:
	case q.in.Descending:
		r.to = q.after.Span + 1
	default:
		r.from = q.after.Span
	}
	return r
}

// within is the report of some of its spans.
func (q *reportQuery) within(r spanRange) *reportQuery {
	in, some := *q.in, *q
	in.Range.From = q.spans.Starts[r.from]
	if r.to < len(q.spans.Starts) {
		in.Range.To = q.spans.Starts[r.to]
	}
	some.in, some.args = &in, nil
	some.plan(0, len(rollupLevels))
	return &some
}

// untold is the report without its dimensions, of which there are but totals. Counts that
// outlive their clicks are of some dimensions and not of others, so it keeps to those that
// the report is of, or that are always there with them.
func (q *reportQuery) untold() *reportQuery {
	in, whole := *q.in, *q
	in.GroupBy = nil
	whole.in, whole.args, whole.columns, whole.after = &in, nil, nil, nil
	whole.spans = &proofback.Timeline{Starts: q.spans.Starts[:1]}
	if at := q.clicks.Level; rollupLevels[at].Fine {
		whole.plan(0, len(fineLevels()))
	} else {
		whole.plan(at, at+1)
	}
	return &whole
}

// rowsOfSpan guesses how many rows a span has, by a day of the counts in the middle of the
// range; 0 where it makes no difference.
func (q *reportQuery) rowsOfSpan(ctx context.Context, pg pgx.Tx) (each int, err error) {
	if len(q.spans.Starts) == 1 || q.in.OrderBy != "" || len(q.columns) == 0 || len(q.clicks.Pieces) == 0 {
		return 0, nil
	}
	guess := *q
	guess.args = nil
	where := append([]string{"c.day = " + guess.arg(q.clicks.Pieces[len(q.clicks.Pieces)/2].Day, "date")}, guess.filters("c", "c")...)
	err = pg.QueryRow(ctx, `
		SELECT count(*)
		FROM (
			SELECT DISTINCT `+guess.columnsOf("0", click)+`
			FROM (
				SELECT *
				FROM `+rollupLevels[q.clicks.Level].source()+` AS c
				WHERE `+strings.Join(where, "\n\t\t\t\tAND ")+`
				LIMIT `+guess.arg(reportSplit, "bigint")+`
			) AS c
		) AS told`, guess.args...).Scan(&each)
	return each, err
}
