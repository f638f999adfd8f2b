package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// ReportChanges tells what made a report, by the time of events, differ between two
// moments: line by line, with its reason, to everybody what concerns them.
func (s *Store) ReportChanges(ctx context.Context, actor proofback.Actor, in proofback.ReportChangesInput) (*proofback.ReportChanges, error) {
	in.Report.Zone, in.Report.GroupBy, in.Report.Basis, in.Report.After = time.UTC, nil, proofback.BasisEvent, ""
	in.Report.OrderBy, in.Report.Descending = "", false
	if in.Report.AsOf.IsZero() {
		in.Report.AsOf = s.clock()
	}
	q, err := s.newReport(actor, in.Report)
	if err != nil {
		return nil, err
	}
	if in.Since = in.Since.UTC().Truncate(time.Microsecond); in.Since.After(q.in.AsOf) {
		return nil, proofback.Invalid([]string{"since"}, "since must be before until")
	}
	q.since, q.limit = &in.Since, in.Report.Limit+1
	q.columns = changeColumns
	out := &proofback.ReportChanges{Currency: q.in.Currency, Since: in.Since, Until: q.in.AsOf}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := tx.asPgx(func(pg pgx.Tx) error { return q.takeChanges(ctx, pg, in.After, out) })
		if err != nil {
			return fmt.Errorf("report changes: %w", err)
		}
		if out.HasMore = len(out.Changes) > in.Report.Limit; out.HasMore {
			out.Changes = out.Changes[:in.Report.Limit]
		}
		return explainChanges(ctx, tx, out.Changes)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeColumns tell changes apart.
var changeColumns = []reportColumn{{name: "d1", kind: "uuid"}, {name: "d2", kind: "timestamptz"}, {name: "d3", kind: "text"}, {name: "d4", kind: "uuid"}}

// takeChanges reads the totals, and a page of changes.
func (q *reportQuery) takeChanges(ctx context.Context, pg pgx.Tx, after *proofback.Cursor, out *proofback.ReportChanges) error {
	converted := q.told() + `,
	converted AS (
		SELECT ` + q.names("") + `,
			coalesce(sum(n) FILTER (WHERE status = 'PENDING'), 0)::bigint AS pending,
			coalesce(sum(n) FILTER (WHERE status = 'APPROVED'), 0)::bigint AS approved,
			coalesce(sum(n) FILTER (WHERE status = 'REJECTED'), 0)::bigint AS rejected,
			coalesce(sum(own_payout) FILTER (WHERE status = 'APPROVED' AND NOT waits), 0) AS payout,
			coalesce(sum(own_payout) FILTER (WHERE status = 'PENDING' AND NOT waits), 0) AS pending_payout,
			coalesce(sum(own_revenue) FILTER (WHERE status = 'APPROVED' AND NOT waits), 0) AS revenue,
			coalesce(sum(n) FILTER (WHERE waits), 0)::bigint AS awaiting
		FROM judged
		GROUP BY ` + q.names("") + `
	)`
	behind := ""
	if after != nil {
		behind = "\n\t\tWHERE (d2, d1) > (" + q.arg(after.At, "timestamptz") + ", " + q.arg(after.ID, "uuid") + ")"
	}
	const numbers = `pending, approved, rejected, payout::text, pending_payout::text, revenue::text, awaiting`
	rows, err := pg.Query(ctx, `WITH `+converted+`
		SELECT true, '`+uuid.Nil.String()+`'::uuid, 'epoch'::timestamptz, '', '`+uuid.Nil.String()+`'::uuid, `+numbers+`
		FROM (
			SELECT coalesce(sum(pending), 0)::bigint AS pending, coalesce(sum(approved), 0)::bigint AS approved,
				coalesce(sum(rejected), 0)::bigint AS rejected, coalesce(sum(payout), 0) AS payout,
				coalesce(sum(pending_payout), 0) AS pending_payout, coalesce(sum(revenue), 0) AS revenue, coalesce(sum(awaiting), 0)::bigint AS awaiting
			FROM converted
		) AS totals
		UNION ALL
		(SELECT false, d1, d2, d3, d4, `+numbers+`
		FROM converted`+behind+`
		ORDER BY d2, d1
		LIMIT `+q.arg(q.limit, "bigint")+`)`, q.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var isTotal bool
		var c proofback.ReportChange
		var payout, pending, revenue string
		m := &c.Metrics
		if err := rows.Scan(&isTotal, &c.ID, &c.At, &c.Kind, &c.ConversionID,
			&m.Pending, &m.Approved, &m.Rejected, &payout, &pending, &revenue, &m.Awaiting); err != nil {
			return err
		}
		q.money(m, payout, pending, revenue)
		if isTotal {
			out.Totals = *m
			continue
		}
		c.At = c.At.UTC()
		out.Changes = append(out.Changes, c)
	}
	return rows.Err()
}

// money fills in the amounts that the actor may see, to the currency's minor
// units.
func (q *reportQuery) money(m *proofback.Metrics, payout, pending, revenue string) {
	in := func(d proofback.Decimal) proofback.Money {
		return proofback.Money{Amount: d, Currency: q.in.Currency}.Round()
	}
	p, r := proofback.Decimal(payout), proofback.Decimal(revenue)
	m.Payout, m.PendingPayout, m.Revenue = in(p), in(proofback.Decimal(pending)), in(r)
	m.Margin = in(r.Sub(p))
	m.MaskFor(q.actor)
}

// explainChanges says why each change was made, and by whom.
func explainChanges(ctx context.Context, tx *tx, changes []proofback.ReportChange) error {
	if len(changes) == 0 {
		return nil
	}
	ids := distinct(column(changes, func(c proofback.ReportChange) uuid.UUID { return c.ConversionID }))
	var rows []conversionRow
	if err := selectConversions(tx, &rows).Where("conversion.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	events := map[uuid.UUID]time.Time{}
	for i := range rows {
		events[rows[i].ID] = rows[i].EventAt.UTC()
	}
	transitions, err := transitionsOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	moves := map[uuid.UUID]*proofback.Transition{}
	for _, t := range transitions {
		if moves[t.ID] = t; t.From == "" {
			moves[t.ConversionID] = t // the one that it was received with
		}
	}
	list, err := adjustmentsOf(ctx, tx, where("adjustment.conversion_id IN (?)", bun.List(ids)))
	if err != nil {
		return err
	}
	adjustments := map[uuid.UUID]*proofback.Adjustment{}
	for _, a := range list {
		if adjustments[a.ID] = a; a.Counts() {
			adjustments[a.TransitionID] = a
		}
	}
	for i := range changes {
		c := &changes[i]
		c.BookedAt = events[c.ConversionID]
		booked := adjustments[c.ID]
		if t := moves[c.ID]; t != nil {
			c.From, c.To, c.Reason, c.ByKind, c.ByEmail = t.From, t.To, t.Reason, t.ByKind, t.ByEmail
			booked = adjustments[t.ID]
		} else if booked != nil {
			c.To, c.Reason, c.ByKind, c.ByEmail = booked.To, booked.Reason, booked.ByKind, booked.ByEmail
		}
		if booked != nil {
			c.BookedAt = booked.BookedAt
		}
	}
	return nil
}
