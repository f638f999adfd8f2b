package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// ledger has the ledger verified.
func (v *verifying) ledger(ctx context.Context) (int64, error) {
	counts, err := v.VerifyLedger(ctx, proofback.System(), v.LedgerKeys, v.LedgerSeen, func(d LedgerDifference) error {
		found := proofback.Discrepancy{Key: "the ledger", What: d.What}
		if d.Seq >= 0 {
			found.Key = fmt.Sprint("entry ", d.Seq)
		}
		return v.differs(ctx, found)
	})
	return counts.Entries + counts.Unsealed, err
}

// rollups have the counts of reports verified.
func (v *verifying) rollups(ctx context.Context) (int64, error) {
	days, err := v.VerifyRollups(ctx, proofback.System(), func(d RollupDifference) error {
		return v.differs(ctx, proofback.Discrepancy{Key: d.Level + " " + d.Key, What: d.String()})
	})
	return int64(days), err
}

// reportYears is what one report tells of at most.
const reportYears = 4

// reports hold what reports come to, over all time, against the sums of the ledger.
func (v *verifying) reports(ctx context.Context) (entries int64, err error) {
	err = v.snapshot(ctx, func(tx pgx.Tx) error {
		told, err := v.reported(ctx, tx)
		if err != nil {
			return err
		}
		var sums [6]proofback.Decimal
		into := []any{&entries}
		for i := range sums {
			into = append(into, &sums[i])
		}
		digits, _ := proofback.CurrencyDigits(v.currency)
		if err := tx.QueryRow(ctx, ledgerSums, v.currency, digits, maxRateDays).Scan(into...); err != nil {
			return err
		}
		for i, name := range [...]string{
			"pending conversions", "approved conversions", "rejected conversions",
			"payout in " + v.currency, "pending payout in " + v.currency, "revenue in " + v.currency,
		} {
			if told[i].Cmp(sums[i]) == 0 {
				continue
			}
			d := proofback.Discrepancy{Key: name, What: fmt.Sprintf("reports come to %s, the ledger to %s", told[i].Canonical(), sums[i].Canonical())}
			if err := v.differs(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	return entries, err
}

// reported adds up reports over all time, in the order of ledgerSums.
func (v *verifying) reported(ctx context.Context, tx pgx.Tx) (sums [6]proofback.Decimal, err error) {
	for i := range sums {
		sums[i] = "0"
	}
	var first, last *time.Time
	err = tx.QueryRow(ctx, `
		SELECT least((SELECT min(event_at) FROM conversions), (SELECT min(booked_at) FROM adjustments)),
			greatest((SELECT max(event_at) FROM conversions), (SELECT max(booked_at) FROM adjustments))`).Scan(&first, &last)
	if err != nil || first == nil {
		return sums, err
	}
	for from := first.UTC().Truncate(oneDay); !from.After(*last); from = from.AddDate(reportYears, 0, 0) {
		q, err := v.newReport(proofback.System(), proofback.ReportInput{
			Range: proofback.TimeRange{From: from, To: from.AddDate(reportYears, 0, 0)}, Zone: time.UTC, Limit: 1,
		})
		if err != nil {
			return sums, err
		}
		q.limit = 1
		if err := q.choose(ctx, tx); err != nil {
			return sums, err
		}
		r := &proofback.Report{Currency: v.currency}
		if err := q.take(ctx, tx, r, q.text(), q.args...); err != nil {
			return sums, err
		}
		m := &r.Totals
		for i, part := range [...]proofback.Decimal{
			proofback.Count(m.Pending), proofback.Count(m.Approved), proofback.Count(m.Rejected),
			m.Payout.Amount, m.PendingPayout.Amount, m.Revenue.Amount,
		} {
			if part != "" {
				sums[i] = sums[i].Add(part)
			}
		}
	}
	return sums, nil
}

func toldIn(side string) string {
	return `coalesce(own_` + side + `, sign(` + side + `) * convert_amount(abs(` + side + `), ` + rateOn("l."+side+"_currency", "l.day", "$3::integer") + `, ` + rateOn("$1::text", "l.day", "$3::integer") + `, $2::integer))`
}

// ledgerSums adds up the ledger in the network's currency ($1) with its minor units
// ($2): each entry of a move takes its conversion out of one status and puts it into
// another, as that of a conversion does which has its first move in it, each entry of a
// correction adds to where its conversion stands. The amounts are those of the rows,
// which the ledger's commitments are held against elsewhere.
var ledgerSums = `
	WITH moved AS (
		SELECT (m.entry ->> 'conversion_id')::uuid AS id, s.status, sum(s.sign) AS n
		FROM (
			SELECT convert_from(canonical, 'UTF8')::jsonb AS entry
			FROM ledger
			WHERE kind IN ('conversion', 'transition')
			OFFSET 0 -- each is read once, and not for each of its values
		) AS m
		CROSS JOIN LATERAL (VALUES (upper(m.entry ->> 'to'), 1), (upper(m.entry ->> 'from'), -1)) AS s (status, sign)
		WHERE s.status IS NOT NULL
		GROUP BY 1, 2
		HAVING sum(s.sign) <> 0
	),
	lines AS (
		SELECT m.status, m.n, m.n AS times, (v.event_at AT TIME ZONE 'UTC')::date AS day,
			v.payout, v.payout_currency, v.revenue, v.revenue_currency,
			CASE WHEN v.rate_date IS NOT NULL THEN coalesce(v.normal_payout, 0) WHEN v.payout IS NULL THEN 0 WHEN v.payout_currency = $1 THEN v.payout END AS own_payout,
			CASE WHEN v.rate_date IS NOT NULL THEN coalesce(v.normal_revenue, 0) WHEN v.revenue IS NULL THEN 0 WHEN v.revenue_currency = $1 THEN v.revenue END AS own_revenue
		FROM moved AS m
		JOIN conversions AS v ON v.id = m.id
		UNION ALL
		SELECT v.status, 0, 1, ` + correctionDay("$1::text", "$2::integer", "$3::integer") + `, a.payout, a.payout_currency, a.revenue, a.revenue_currency,
			CASE WHEN a.payout IS NULL THEN 0 WHEN a.payout_currency = $1 THEN a.payout END,
			CASE WHEN a.revenue IS NULL THEN 0 WHEN a.revenue_currency = $1 THEN a.revenue END
		FROM ledger AS e
		JOIN adjustments AS a ON a.id = e.id
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id
		WHERE e.kind = 'adjustment'
		AND a.kind = 'AMOUNT'
	),
	told AS (
		SELECT status, n, times, ` + toldIn("payout") + ` AS payout, ` + toldIn("revenue") + ` AS revenue
		FROM lines AS l
	)
	SELECT
		(SELECT count(*) FROM ledger WHERE kind IN ('conversion', 'transition', 'adjustment')),
		coalesce(sum(n) FILTER (WHERE status = 'PENDING'), 0)::text,
		coalesce(sum(n) FILTER (WHERE status = 'APPROVED'), 0)::text,
		coalesce(sum(n) FILTER (WHERE status = 'REJECTED'), 0)::text,
		coalesce(sum(times * payout) FILTER (WHERE status = 'APPROVED' AND revenue IS NOT NULL), 0)::text,
		coalesce(sum(times * payout) FILTER (WHERE status = 'PENDING' AND revenue IS NOT NULL), 0)::text,
		coalesce(sum(times * revenue) FILTER (WHERE status = 'APPROVED' AND payout IS NOT NULL), 0)::text
	FROM told`
