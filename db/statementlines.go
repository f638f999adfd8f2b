package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// gather writes the lines of the statements into a table of the transaction's own,
// each told in the statement's currency: as a report in that currency tells it.
func (m *statementMaker) gather(ctx context.Context) error {
	if _, err := m.tx.Exec(ctx, `CREATE TEMPORARY TABLE stated (LIKE statement_lines, untold text) ON COMMIT DROP`); err != nil {
		return err
	}
	// The lines are told before they are known to be.
	if _, err := m.tx.Exec(ctx, `ALTER TABLE stated ALTER amount DROP NOT NULL, ALTER statement_id DROP NOT NULL`); err != nil {
		return err
	}
	digits := make([]int, len(m.made))
	for i, st := range m.made {
		digits[i], _ = proofback.CurrencyDigits(st.Currency) // affiliates have no other
	}
	from := timeOrNull(m.period.From)
	if m.period.First {
		from = nil // and all that was before it
	}
	_, err := m.tx.Exec(ctx, statementLines,
		column(m.made, func(st *proofback.Statement) uuid.UUID { return st.AffiliateID }),
		column(m.made, func(st *proofback.Statement) string { return st.Currency }),
		digits, from, m.period.To, m.store.currency, maxRateDays)
	return err
}

// statementLines gathers, for affiliates ($1) in currencies ($2) with minor units
// ($3), what was booked from ($4) to ($5): the approved conversions of the month with
// the corrections that go with them, and what was booked in it about earlier months.
var statementLines = `
	WITH whose AS (
		SELECT *
		FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS w (affiliate_id, own, digits)
	),
	raw AS (
		SELECT w.*, 'CONVERSION' AS kind, v.id AS conversion_id, NULL::uuid AS adjustment_id, v.event_at AS at, v.event_at,
			v.payout AS sent, v.payout_currency AS sent_currency,
			CASE WHEN w.own = $6 AND v.rate_date IS NOT NULL THEN v.normal_payout END AS known,
			` + lineDay + ` AS day
		FROM whose AS w
		JOIN conversions AS v ON v.affiliate_id = w.affiliate_id
		WHERE ($4::timestamptz IS NULL OR v.event_at >= $4)
		AND v.event_at < $5
		AND NOT v.test
		AND v.payout IS NOT NULL
		AND coalesce(v.settled_status, v.status) = 'APPROVED'
		UNION ALL
		SELECT w.*, 'CORRECTION', v.id, a.id, a.booked_at, v.event_at, a.payout, a.payout_currency, NULL, ` + statedCorrectionDay + `
		FROM whose AS w
		JOIN adjustments AS a ON a.affiliate_id = w.affiliate_id
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id
		WHERE NOT a.settled
		AND ($4::timestamptz IS NULL OR a.booked_at >= $4)
		AND a.booked_at < $5
		AND a.payout IS NOT NULL
		AND coalesce(v.settled_status, v.status) = 'APPROVED'
		UNION ALL
		SELECT w.*,
			CASE
				WHEN a.kind = 'AMOUNT' THEN 'CORRECTION'
				WHEN side.sign < 0 THEN 'REVERSAL'
				WHEN a.from_status IS NULL THEN 'LATE'
				ELSE 'APPROVAL'
			END,
			v.id, a.id, a.booked_at, v.event_at, side.sign * a.payout, a.payout_currency,
			CASE WHEN a.kind = 'STATUS' AND a.of_id IS NULL AND w.own = $6 AND v.rate_date IS NOT NULL THEN side.sign * v.normal_payout END,
			` + statedCorrectionDay + `
		FROM whose AS w
		JOIN adjustments AS a ON a.affiliate_id = w.affiliate_id
		JOIN conversions AS v ON v.id = a.conversion_id AND v.advertiser_id = a.advertiser_id
		CROSS JOIN LATERAL (VALUES (a.to_status, 1), (a.from_status, -1)) AS side (status, sign)
		WHERE a.settled
		AND ($4::timestamptz IS NULL OR a.booked_at >= $4)
		AND a.booked_at < $5
		AND a.payout IS NOT NULL
		AND side.status = 'APPROVED'
	),
	told AS (
		SELECT raw.*, coalesce(known, CASE WHEN sent_currency = own THEN sent END) AS amount
		FROM raw
	),
	wanted AS (
		SELECT sent_currency AS currency, day FROM told WHERE amount IS NULL
		UNION
		SELECT own, day FROM told WHERE amount IS NULL
	),
	rate AS (
		SELECT wanted.currency, wanted.day, CASE WHEN wanted.currency = 'EUR' THEN 1 ELSE r.per_euro END AS per_euro
		FROM wanted
		LEFT JOIN LATERAL (
			SELECT per_euro
			FROM rates
			WHERE currency = wanted.currency
			AND day BETWEEN wanted.day - $7::integer AND wanted.day
			ORDER BY day DESC
			LIMIT 1
		) AS r ON true
	)
	INSERT INTO stated (affiliate_id, number, kind, conversion_id, adjustment_id, at, sent, sent_currency, amount, untold)
	SELECT affiliate_id,
		row_number() OVER (
			PARTITION BY affiliate_id
			ORDER BY array_position('{CONVERSION,LATE,APPROVAL,REVERSAL,CORRECTION}'::text[], kind), at, conversion_id, adjustment_id),
		kind, conversion_id, adjustment_id, at, sent, sent_currency, amount,
		CASE WHEN amount IS NULL THEN sent_currency || ' in ' || own || ' of ' || day END
	FROM (
		SELECT t.affiliate_id, t.kind, t.conversion_id, t.adjustment_id, t.at, t.sent, t.sent_currency, t.own, t.day,
			coalesce(t.amount, sign(t.sent) * convert_amount(abs(t.sent), s.per_euro, o.per_euro, t.digits)) AS amount
		FROM told AS t
		LEFT JOIN rate AS s ON s.currency = t.sent_currency AND s.day = t.day
		LEFT JOIN rate AS o ON o.currency = t.own AND o.day = t.day
	) AS lines`

// statementSums are what the lines come to.
const statementSums = `
	SELECT affiliate_id, count(*),
		coalesce(sum(amount) FILTER (WHERE kind = 'CONVERSION'), 0)::text,
		coalesce(sum(amount) FILTER (WHERE kind <> 'CONVERSION'), 0)::text,
		` + linesDigest + `,
		min(untold)
	FROM stated
	GROUP BY affiliate_id`

// statedCorrectionDay is the day whose rates a line of an adjustment is told at, as reports
// have it.
var statedCorrectionDay = `CASE WHEN w.own = $6 THEN ` + correctionDay("$6::text", "w.digits", "$7::integer") + ` ELSE ` + lineDay + ` END`

// linesDigest is Statement.Digest of lines.
const linesDigest = `encode(sha256(convert_to(coalesce(string_agg(
			number || ' ' || kind || ' ' || conversion_id || ' ' || coalesce(adjustment_id::text, '') || ' ' || trim_scale(amount),
			E'\n' ORDER BY number), ''), 'UTF8')), 'hex')`

// write stores the statements with their lines, and enters them into the ledger.
func (m *statementMaker) write(ctx context.Context) error {
	if len(m.made) == 0 {
		return nil
	}
	type st = *proofback.Statement
	amounts := func(of func(st) proofback.Decimal) []string {
		return column(m.made, func(s st) string { return string(of(s)) })
	}
	ids := column(m.made, func(s st) uuid.UUID { return s.ID })
	affiliates := column(m.made, func(s st) uuid.UUID { return s.AffiliateID })
	entries := make([]proofback.Entry, len(m.made))
	for i, s := range m.made {
		entries[i] = s.Entry(newSalt())
	}
	var q pgx.Batch
	q.Queue(`
		INSERT INTO statements (id, period_id, affiliate_id, currency, opening, earned, adjusted, payable, carried, minimum, lines, digest, made_at)
		SELECT id, $1, affiliate_id, currency, opening::numeric, earned::numeric, adjusted::numeric, payable::numeric, carried::numeric, minimum::numeric, lines, digest, $2
		FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::text[])
			AS s (id, affiliate_id, currency, opening, earned, adjusted, payable, carried, minimum, lines, digest)`,
		m.period.ID, m.made[0].MadeAt, ids, affiliates,
		column(m.made, func(s st) string { return s.Currency }),
		amounts(func(s st) proofback.Decimal { return s.Opening }),
		amounts(func(s st) proofback.Decimal { return s.Earned }),
		amounts(func(s st) proofback.Decimal { return s.Adjusted }),
		amounts(func(s st) proofback.Decimal { return s.Payable }),
		amounts(func(s st) proofback.Decimal { return s.Carried }),
		amounts(func(s st) proofback.Decimal { return s.Minimum }),
		column(m.made, func(s st) int { return s.Lines }),
		column(m.made, func(s st) string { return s.Digest }))
	q.Queue(`
		INSERT INTO statement_lines (statement_id, number, affiliate_id, kind, conversion_id, adjustment_id, at, sent, sent_currency, amount)
		SELECT s.id, l.number, l.affiliate_id, l.kind, l.conversion_id, l.adjustment_id, l.at, l.sent, l.sent_currency, l.amount
		FROM unnest($1::uuid[], $2::uuid[]) AS s (id, affiliate_id)
		JOIN stated AS l ON l.affiliate_id = s.affiliate_id`, ids, affiliates)
	q.Queue(`
		INSERT INTO ledger (id, kind, at, canonical, salt)
		SELECT *
		FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[], $5::bytea[])`,
		ids,
		column(entries, func(e proofback.Entry) string { return string(e.Kind) }),
		column(m.made, func(s st) time.Time { return s.MadeAt }),
		column(entries, func(e proofback.Entry) []byte { return e.Canonical }),
		column(entries, func(e proofback.Entry) []byte { return saltColumn(e.Salt) }))
	return m.tx.SendBatch(ctx, &q).Close()
}
