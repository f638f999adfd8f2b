package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// countedAfter is how long after its end an hour is looked at: by then what processes
// counted of it is in the ledger.
const countedAfter = silentFor + 5*time.Minute

// clicks hold the clicks of each hour against what processes answered for.
func (v *verifying) clicks(ctx context.Context) (compared int64, err error) {
	err = v.snapshot(ctx, func(tx pgx.Tx) error {
		kept, err := keptFrom(ctx, tx, "clicks")
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, clickHoursAnew, kept, v.clock().Add(-countedAfter), time.Minute)
		if err != nil {
			return err
		}
		var h proofback.ClickHour
		var counted, waiting bool
		var silent *time.Time
		into := []any{&h.Hour, &counted, &h.Accepted, &h.Stored, &h.Spooled, &h.Complete, &h.Closed, &h.There, &waiting, &silent}
		_, err = pgx.ForEachRow(rows, into, func() error {
			compared += h.There
			what := hourDiffers(&h, counted, waiting, silent)
			if what == "" {
				return nil
			}
			return v.differs(ctx, proofback.Discrepancy{Key: "clicks of the hour from " + h.Hour.UTC().Format(time.RFC3339), What: what})
		})
		return err
	})
	return compared, err
}

// hourDiffers says what is different in an hour, "" where it is as it should be or is not
// known yet. Waiting says that some of its clicks may be in the spool of a process that
// is alive; silent is when one was last seen that may have some and is not.
func hourDiffers(h *proofback.ClickHour, counted, waiting bool, silent *time.Time) string {
	answered := h.Stored + h.Spooled
	switch {
	case !counted:
		return fmt.Sprintf("%d are there, and no process counted any", h.There)
	case !h.Closed, h.Agrees(), h.There < answered && h.There >= h.Stored && waiting:
		return ""
	case h.There > h.Accepted:
		return fmt.Sprintf("%d are there, and processes accepted %d", h.There, h.Accepted)
	case h.There >= h.Stored && silent != nil:
		return fmt.Sprintf("visitors were sent on for %d, and %d are there: the rest may be in the spool of a process that was last seen at %s",
			answered, h.There, silent.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("visitors were sent on for %d, and %d are there", answered, h.There)
}

// clickHoursAnew counts the clicks of each hour in one pass, from the first hour that was
// counted and is kept ($1) to before the hour of a moment ($2), beside what was counted
// of it, and says what spools may still hold of it; a process that was not seen for $3 is
// not alive.
const clickHoursAnew = `
	WITH span AS (
		SELECT greatest(date_trunc('hour', $1::timestamptz), (SELECT min(hour) FROM click_counts)) AS starts, date_trunc('hour', $2::timestamptz) AS ends
	),
	there AS (
		SELECT date_bin('1 hour', at, '2000-01-01Z') AS hour, count(*) AS n
		FROM clicks
		WHERE id >= (SELECT uuid_floor(starts) FROM span)
		AND id < (SELECT uuid_floor(ends) FROM span)
		GROUP BY 1
	),
	counted AS (
		SELECT hour, sum(accepted)::bigint AS accepted, sum(stored)::bigint AS stored, sum(spooled)::bigint AS spooled,
			bool_and(complete) AS complete, bool_and(closed_at IS NOT NULL) AS closed
		FROM click_counts
		WHERE hour >= (SELECT starts FROM span)
		AND hour < (SELECT ends FROM span)
		GROUP BY hour
	)
	SELECT hour, c.hour IS NOT NULL, coalesce(c.accepted, 0), coalesce(c.stored, 0), coalesce(c.spooled, 0),
		coalesce(c.complete, false), coalesce(c.closed, false), coalesce(t.n, 0), s.waiting, s.silent
	FROM counted AS c
	FULL JOIN there AS t USING (hour)
	CROSS JOIN LATERAL (
		SELECT coalesce(bool_or(seen_at >= now() - $3::interval), false) AS waiting, max(seen_at) FILTER (WHERE seen_at < now() - $3::interval) AS silent
		FROM spools
		WHERE since < hour + interval '1 hour'
		AND until >= hour
	) AS s
	ORDER BY hour`
