package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// comparison is a check that one statement makes.
type comparison struct {
	// counted is what is looked at, behind a FROM.
	counted string
	// differences gives for each what kind of thing it is about, its id or NULL, its
	// name or "", and what is different.
	differences string
}

// comparing makes a check of comparisons, all of one snapshot.
func comparing(list ...comparison) func(*verifying, context.Context) (int64, error) {
	return func(v *verifying, ctx context.Context) (compared int64, err error) {
		err = v.snapshot(ctx, func(tx pgx.Tx) error {
			compared, err = v.compare(ctx, tx, list)
			return err
		})
		return compared, err
	}
}

func (v *verifying) compare(ctx context.Context, tx pgx.Tx, list []comparison) (compared int64, err error) {
	for _, c := range list {
		var n int64
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+c.counted).Scan(&n); err != nil {
			return compared, err
		}
		compared += n
		rows, err := tx.Query(ctx, c.differences)
		if err != nil {
			return compared, err
		}
		var d proofback.Discrepancy
		var subject *uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&d.Kind, &subject, &d.Key, &d.What}, func() error {
			if d.Subject = uuid.Nil; subject != nil {
				d.Subject = *subject
			}
			return v.differs(ctx, d)
		})
		if err != nil {
			return compared, err
		}
	}
	return compared, nil
}

// conversionComparisons hold conversions against their moves. A conversion's moves are
// a way from nowhere to where it stands: each status is come to as often as it is left,
// but for the last, which is come to once more. That holds in whatever order the moves
// are read.
var conversionComparisons = []comparison{{
	counted: `conversions`,
	differences: `
		SELECT 'Conversion', id, '', CASE
			WHEN moves = 0 THEN format('it is %s, and there is no move that says so', lower(status))
			WHEN begins <> 1 THEN format('it began %s times', begins)
			WHEN first <> began THEN format('it began as %s, its first move says %s', lower(began), lower(first))
			ELSE format('it is %s; its %s moves come to pending %s, approved %s, rejected %s times more than they leave it',
				lower(status), moves, pending, approved, rejected)
		END
		FROM (
			SELECT c.id, c.status, c.began, count(t.id) AS moves,
				count(*) FILTER (WHERE t.id IS NOT NULL AND t.from_status IS NULL) AS begins,
				min(t.to_status) FILTER (WHERE t.from_status IS NULL) AS first,
				count(*) FILTER (WHERE t.to_status = 'PENDING') - count(*) FILTER (WHERE t.from_status = 'PENDING') AS pending,
				count(*) FILTER (WHERE t.to_status = 'APPROVED') - count(*) FILTER (WHERE t.from_status = 'APPROVED') AS approved,
				count(*) FILTER (WHERE t.to_status = 'REJECTED') - count(*) FILTER (WHERE t.from_status = 'REJECTED') AS rejected
			FROM conversions AS c
			LEFT JOIN transitions AS t ON t.conversion_id = c.id AND t.advertiser_id = c.advertiser_id
			GROUP BY c.id, c.advertiser_id
		) AS told
		WHERE begins <> 1
		   OR first IS DISTINCT FROM began
		   OR (pending, approved, rejected) <> ((status = 'PENDING')::integer, (status = 'APPROVED')::integer, (status = 'REJECTED')::integer)`,
}}

// bookComparisons hold what months were closed with and what was booked since against
// where conversions stand, as balance_books does for one.
var bookComparisons = []comparison{{
	counted: `conversions AS c WHERE settled_status IS NOT NULL OR EXISTS (SELECT FROM adjustments AS a WHERE a.conversion_id = c.id)`,
	differences: `
		SELECT 'Conversion', c.id, '', format('its month was closed with it as %s, it is %s, and what was booked since does not lead there',
			lower(coalesce(nullif(c.settled_status, 'NONE'), 'not there yet')), lower(c.status))
		FROM conversions AS c
		LEFT JOIN (
			SELECT conversion_id,
				count(*) FILTER (WHERE to_status = 'PENDING') - count(*) FILTER (WHERE from_status = 'PENDING') AS pending,
				count(*) FILTER (WHERE to_status = 'APPROVED') - count(*) FILTER (WHERE from_status = 'APPROVED') AS approved,
				count(*) FILTER (WHERE to_status = 'REJECTED') - count(*) FILTER (WHERE from_status = 'REJECTED') AS rejected
			FROM adjustments
			WHERE kind = 'STATUS'
			  AND of_id IS NULL
			GROUP BY conversion_id
		) AS a ON a.conversion_id = c.id
		WHERE (c.settled_status IS NOT NULL OR a.conversion_id IS NOT NULL)
		  AND (
			(coalesce(c.settled_status, c.status) = 'PENDING')::integer + coalesce(a.pending, 0) <> (c.status = 'PENDING')::integer
			OR (coalesce(c.settled_status, c.status) = 'APPROVED')::integer + coalesce(a.approved, 0) <> (c.status = 'APPROVED')::integer
			OR (coalesce(c.settled_status, c.status) = 'REJECTED')::integer + coalesce(a.rejected, 0) <> (c.status = 'REJECTED')::integer)`,
}}

// statementComparisons hold statements against their lines, and against what the one
// before carried.
var statementComparisons = []comparison{{
	counted: `statements`,
	differences: `
		SELECT 'Statement', s.id, '', CASE
			WHEN s.lines <> l.n THEN format('it says %s lines, %s are there', s.lines, l.n)
			WHEN (s.earned, s.adjusted) <> (l.earned, l.adjusted) THEN format('it says %s earned and %s adjusted, its lines come to %s and %s', s.earned, s.adjusted, l.earned, l.adjusted)
			ELSE 'its lines are not those that its digest was made of'
		END
		FROM statements AS s
		CROSS JOIN LATERAL (
			SELECT count(*) AS n,
				coalesce(sum(amount) FILTER (WHERE kind = 'CONVERSION'), 0) AS earned,
				coalesce(sum(amount) FILTER (WHERE kind <> 'CONVERSION'), 0) AS adjusted,
				` + linesDigest + ` AS digest
			FROM statement_lines
			WHERE statement_id = s.id
		) AS l
		WHERE (s.lines, s.earned, s.adjusted, s.digest) <> (l.n, l.earned, l.adjusted, l.digest)
		UNION ALL
		SELECT 'Statement', id, '', format('it opens with %s %s, the one before carried %s %s', opening, currency, carried, coalesce(before_currency, currency))
		FROM (
			SELECT s.id, s.opening, s.currency,
				coalesce(lag(s.carried) OVER earlier, 0) AS carried,
				lag(s.currency) OVER earlier AS before_currency
			FROM statements AS s
			JOIN periods AS p ON p.id = s.period_id
			WINDOW earlier AS (PARTITION BY s.affiliate_id ORDER BY p.starts)
		) AS s
		WHERE opening <> carried
		   OR carried <> 0 AND before_currency <> currency`,
}}

// deliveryComparisons hold moves against what endpoints were to be told, as
// RecordDeliveries has it: an endpoint that has wanted to hear of a move since before it
// came has a delivery of it. A minute is more than the clocks of two machines are apart.
var deliveryComparisons = []comparison{{
	counted: `transitions`,
	differences: `
		SELECT 'Conversion', t.conversion_id, format('transition %s to endpoint %s', t.id, d.id),
			format('it became %s at %s, and there is no delivery that tells the endpoint', lower(t.to_status), to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
		FROM destinations AS d
		JOIN transitions AS t ON t.affiliate_id = d.affiliate_id
		JOIN conversions AS c ON c.id = t.conversion_id AND c.advertiser_id = t.advertiser_id
		WHERE (d.enabled OR d.health_state = 'PAUSED')
		  AND t.at > d.wants_since + interval '1 minute'
		  AND t.to_status = ANY (d.statuses)
		  AND (d.offer_id IS NULL OR d.offer_id = c.offer_id)
		  AND (d.event_type IS NULL OR d.event_type = c.event_type)
		  AND NOT c.test
		  AND NOT EXISTS (SELECT FROM deliveries AS v WHERE v.conversion_id = t.conversion_id AND v.transition_id = t.id AND v.destination_id = d.id)`,
}}
