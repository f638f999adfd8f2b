package db

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Report counts clicks and conversions, and adds up their money: all to staff, its
// own to a partner, each without what is not the actor's to see. Everything in it
// is of one snapshot.
func (s *Store) Report(ctx context.Context, actor proofback.Actor, in proofback.ReportInput) (*proofback.Report, error) {
	q, err := s.newReport(actor, in)
	if err != nil {
		return nil, err
	}
	q.limit = in.Limit + 1
	r := &proofback.Report{Currency: q.in.Currency, Zone: in.Zone, Range: in.Range}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		r.AsOf = orAsOf(in.AsOf, tx.now)
		return tx.asPgx(func(pg pgx.Tx) error {
			if err := q.choose(ctx, pg); err != nil {
				return err
			}
			if err := q.read(ctx, pg, r); err != nil {
				return fmt.Errorf("report: %w", err)
			}
			if r.HasMore = len(r.Rows) > in.Limit; r.HasMore {
				r.Rows = r.Rows[:in.Limit]
			}
			return q.name(ctx, pg, r)
		})
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// reportFetch is how many rows of a streamed report are in memory at a time.
const reportFetch = 1000

// EachReportRow gives all rows of a report, however many, a thousand at a time, of
// one snapshot. in.Limit means nothing here. It stops at the first error of give.
func (s *Store) EachReportRow(ctx context.Context, actor proofback.Actor, in proofback.ReportInput, give func([]proofback.ReportRow) error) error {
	in.Limit = reportFetch
	q, err := s.newReport(actor, in)
	if err != nil {
		return err
	}
	return s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(pg pgx.Tx) error {
			if err := q.choose(ctx, pg); err != nil {
				return err
			}
			if _, err := pg.Exec(ctx, "DECLARE report NO SCROLL CURSOR FOR "+q.text(), q.args...); err != nil {
				return fmt.Errorf("report: %w", err)
			}
			for {
				r := &proofback.Report{}
				if err := q.take(ctx, pg, r, "FETCH "+strconv.Itoa(reportFetch)+" FROM report"); err != nil {
					return fmt.Errorf("report: %w", err)
				}
				if len(r.Rows) == 0 {
					return nil
				}
				if err := q.name(ctx, pg, r); err != nil {
					return err
				}
				if err := give(r.Rows); err != nil {
					return err
				}
			}
		})
	})
}

// newReport makes sure that a report may be and can be told.
func (s *Store) newReport(actor proofback.Actor, in proofback.ReportInput) (*reportQuery, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	if in.Currency == "" {
		in.Currency = s.currency
	}
	if in.OrderBy != "" && !in.OrderBy.ShownTo(actor) {
		return nil, proofback.Errorf(proofback.CodeForbidden, "this metric is not yours to see, so nothing can be ordered by it")
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if in.AsOf = in.AsOf.UTC().Truncate(time.Microsecond); in.AsOf.After(s.clock()) {
		return nil, proofback.Invalid([]string{"asOf"}, "nothing is known yet of how it will stand then")
	}
	spans, err := proofback.NewTimeline(in.Range, in.Zone, in.GroupBy)
	if err != nil {
		return nil, err
	}
	q := newReportQuery(s, actor, &in, spans)
	return q, q.readCursor()
}

// choose plans where clicks and conversions are counted, by what is rolled up in
// the snapshot that they are counted in.
func (q *reportQuery) choose(ctx context.Context, pg pgx.Tx) error {
	var b pgx.Batch
	// Compiling a plan takes longer than the report, and so does writing its groups to
	// disk.
	b.Queue(`SELECT set_config('jit', 'off', true), set_config('work_mem', '32MB', true)`)
	queueRolledUp(&b, q.in.Range, &q.there)
	q.queueBooked(&b)
	if err := pg.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	q.plan(0, len(rollupLevels))
	return q.findFirstClick(ctx, pg)
}

// plan plans with the levels of clicks from one place in their list to before another.
func (q *reportQuery) plan(from, to int) {
	q.conversions = proofback.ReportPlan{Level: -1}
	if q.in.AsOf.IsZero() {
		q.conversions = proofback.PlanConversions(q.in, q.actor, q.spans, conversionReportLevels(), q.network)
	}
	clicked := *q.in
	if !q.in.AsOf.IsZero() && q.in.AsOf.Before(q.in.Range.To) {
		clicked.Range.To = q.in.AsOf.Add(time.Microsecond) // the moment itself is told of
	}
	if q.clicks = (proofback.ReportPlan{Level: -1}); !clicked.Range.From.Before(clicked.Range.To) {
		return
	}
	q.clicks = proofback.PlanClicks(&clicked, q.actor, q.spans, reportLevels()[from:to], q.there)
	if q.clicks.Level >= 0 {
		q.clicks.Level += from
	}
}

// orAsOf is the moment that a report tells of.
func orAsOf(asked, now time.Time) time.Time {
	if asked.IsZero() {
		return now
	}
	return asked
}

// take reads what the statement gives: the totals, and rows of the page.
func (q *reportQuery) take(ctx context.Context, pg pgx.Tx, r *proofback.Report, sql string, args ...any) error {
	rows, err := pg.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	times := spanKeys{q: q, span: -1}
	for rows.Next() {
		var isTotal bool
		var span int
		var sort string
		var payout, pending, revenue int64 // in minor units
		var amounts []byte
		var m proofback.Metrics
		keys := make([]string, len(q.columns))
		into := []any{&isTotal, &span}
		for i := range keys {
			into = append(into, &keys[i])
		}
		into = append(into, &m.Clicks, &m.BotClicks, &m.Pending, &m.Approved, &m.Rejected, &payout, &pending, &revenue, &m.Awaiting, &amounts, &sort)
		if err := rows.Scan(into...); err != nil {
			return err
		}
		m.Payout, m.PendingPayout, m.Revenue = q.units(payout), q.units(pending), q.units(revenue)
		m.Margin = q.units(revenue - payout)
		m.MaskFor(q.actor)
		if m.AwaitingAmounts, err = awaitingAmounts(amounts); err != nil {
			return err
		}
		if isTotal {
			r.Totals = m
			continue
		}
		r.Rows = append(r.Rows, proofback.ReportRow{
			Keys:    times.keys(span, keys),
			Metrics: m,
			Cursor:  q.cursor(sort, span, keys),
		})
	}
	return rows.Err()
}

// units are minor units of the report's currency.
func (q *reportQuery) units(n int64) proofback.Money { return proofback.MinorUnits(n, q.in.Currency) }

func awaitingAmounts(text []byte) ([]proofback.AwaitingAmount, error) {
	if text == nil {
		return nil, nil
	}
	var list [][3]string
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	amounts := make([]proofback.AwaitingAmount, len(list))
	for i, a := range list {
		amounts[i] = proofback.AwaitingAmount{
			Kind:  proofback.MoneyKind(a[0]),
			Money: proofback.Money{Amount: proofback.Decimal(a[2]), Currency: a[1]},
		}
	}
	return amounts, nil
}

// spanKeys writes the keys of rows, and remembers those of the last row's span: the next
// row's is mostly the same.
type spanKeys struct {
	q    *reportQuery
	span int
	told []proofback.ReportKey
}

// keys are a row's, in the order in which they were asked for.
func (s *spanKeys) keys(span int, values []string) []proofback.ReportKey {
	if s.span != span {
		s.span, s.told = span, make([]proofback.ReportKey, len(s.q.in.GroupBy))
		for i, d := range s.q.in.GroupBy {
			if s.told[i].Dimension = d; d.IsTime() {
				s.told[i].Value, s.told[i].Label = s.q.spans.Key(d, span), s.q.spans.Label(d, span)
			}
		}
	}
	keys := slices.Clone(s.told)
	for i := range keys {
		if k := &keys[i]; !k.Dimension.IsTime() {
			k.Value, values = values[0], values[1:]
			k.Label = k.Value
		}
	}
	return keys
}

// name gives the page's keys their labels, and makes global ids of theirs. What
// the actor cannot see has none.
func (q *reportQuery) name(ctx context.Context, pg pgx.Tx, r *proofback.Report) error {
	for at, d := range q.in.GroupBy {
		kind := d.IDKind()
		if kind == "" {
			continue
		}
		wanted := map[string]string{}
		for _, row := range r.Rows {
			wanted[row.Keys[at].Value] = ""
		}
		ids := make([]string, 0, len(wanted))
		for id := range wanted {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		rows, err := pg.Query(ctx, labelQueries[kind], ids)
		if err != nil {
			return err
		}
		var id, label string
		_, err = pgx.ForEachRow(rows, []any{&id, &label}, func() error {
			wanted[id] = label
			return nil
		})
		if err != nil {
			return err
		}
		for _, row := range r.Rows {
			k := &row.Keys[at]
			k.Label = wanted[k.Value]
			key, err := uuid.Parse(k.Value)
			if err != nil {
				return err
			}
			if k.Value = ""; key != uuid.Nil {
				k.Value = proofback.GlobalID(kind, key)
			}
		}
	}
	return nil
}

// labelQueries give the names that go with ids.
var labelQueries = map[proofback.Kind]string{
	proofback.KindOffer:      `SELECT id::text, name FROM offers WHERE id = ANY ($1::uuid[])`,
	proofback.KindAffiliate:  `SELECT id::text, name FROM affiliates WHERE id = ANY ($1::uuid[])`,
	proofback.KindAdvertiser: `SELECT id::text, name FROM advertisers WHERE id = ANY ($1::uuid[])`,
	proofback.KindGoal:       `SELECT id::text, event_type FROM goals WHERE id = ANY ($1::uuid[])`,
}

// reportPlace is what a cursor holds: the row's place in the order.
type reportPlace struct {
	Sort string   `json:"s"`
	Span int      `json:"t"`
	Keys []string `json:"k"`
}

func (q *reportQuery) cursor(sort string, span int, keys []string) string {
	b, err := json.Marshal(reportPlace{sort, span, keys})
	if err != nil {
		panic("db: strings do not encode: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (q *reportQuery) readCursor() error {
	if q.in.After == "" {
		return nil
	}
	var p reportPlace
	b, err := base64.RawURLEncoding.DecodeString(q.in.After)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	_, isNumber := proofback.ParseDecimal(p.Sort)
	ok := err == nil && isNumber && len(p.Keys) == len(q.columns) && p.Span >= 0 && p.Span < len(q.spans.Starts)
	for i := range p.Keys {
		if ok && q.columns[i].kind == "uuid" {
			_, err := uuid.Parse(p.Keys[i])
			ok = err == nil
		}
		ok = ok && storable(p.Keys[i])
	}
	if !ok {
		return proofback.Invalid([]string{"after"}, "after is not a cursor of this report")
	}
	q.after = &p
	return nil
}
