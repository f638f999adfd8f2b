package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// RollupDifference is a row of counts that is not what the clicks or conversions
// say.
type RollupDifference struct {
	Level    string
	Key      string // the values of its columns
	RolledUp string // "" where there is no such row
	Counted  string // "" where there should be none
}

func (d RollupDifference) String() string {
	return fmt.Sprintf("%s (%s): %s rolled up, %s there", d.Level, d.Key, cmp.Or(d.RolledUp, "nothing is"), cmp.Or(d.Counted, "nothing is"))
}

// VerifyRollups counts all that is rolled up again from the clicks and conversions,
// a day at a time from the newest on, and gives each difference to found. Days with
// different clicks are named as late, so that reports leave them out; the next
// RollUp mends those and the conversions. It returns how many days it looked at:
// those whose clicks have been dropped are left out, and when ctx ends it stops
// without an error. Staff.
func (s *Store) VerifyRollups(ctx context.Context, actor proofback.Actor, found func(RollupDifference) error) (days int, err error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, err
	}
	digits, _ := proofback.CurrencyDigits(s.currency)
	for day := s.clock().Truncate(oneDay); ; day = day.Add(-oneDay) {
		v := &verifier{day: day, found: found, digits: digits}
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			v.tx = tx
			if _, err := tx.Exec(ctx, `SET LOCAL work_mem = '64MB'; SET LOCAL jit = off`); err != nil {
				return err
			}
			return v.run(ctx)
		})
		switch {
		case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return days, nil
		case err != nil:
			return days, domainError(err)
		case v.over:
			return days, nil
		case v.looked:
			days++
		}
	}
}

// verifier looks at one day.
type verifier struct {
	tx     pgx.Tx
	day    time.Time
	found  func(RollupDifference) error
	over   bool // nothing is rolled up before
	looked bool
	digits int // of the network's currency
}

func (v *verifier) run(ctx context.Context) error {
	day := proofback.TimeRange{From: v.day, To: v.day.Add(oneDay)}
	there, err := readRolledUp(ctx, v.tx, day)
	if err != nil {
		return err
	}
	if there.IsZero() || !day.From.After(there.From.Add(-oneDay)) {
		v.over = true
		return nil
	}
	for i := range conversionLevels {
		if err := v.compareConversions(ctx, &conversionLevels[i]); err != nil {
			return err
		}
	}
	if v.looked, err = dayIsWhole(ctx, v.tx, v.day); err != nil || !v.looked {
		return err
	}
	if there.To.Before(day.To) {
		day.To = there.To
	}
	levels := allLevels()
	if day.To.Sub(day.From) < oneDay {
		levels = fineLevels()
	}
	if slices.ContainsFunc(there.Late, func(at time.Time) bool { return !at.Before(day.From) && at.Before(day.To) }) {
		return nil // it is to be counted anew
	}
	// Those that are counted as far are counted in one pass, as they were.
	behind := slices.DeleteFunc(slices.Clone(levels), func(i int) bool { return !rollupLevels[i].Behind })
	if len(behind) > 0 && there.BehindTo.Before(day.To) {
		levels = slices.DeleteFunc(levels, func(i int) bool { return rollupLevels[i].Behind })
		if err := v.compareClicks(ctx, behind, proofback.TimeRange{From: day.From, To: there.BehindTo}); err != nil {
			return err
		}
	}
	return v.compareClicks(ctx, levels, day)
}

// compareClicks compares the day of levels, as far as they are counted.
func (v *verifier) compareClicks(ctx context.Context, levels []int, day proofback.TimeRange) error {
	if len(levels) == 0 {
		return nil
	}
	parts := make([]string, len(levels))
	for n, i := range levels {
		l := &rollupLevels[i]
		key, values := l.key(), l.values()
		parts[n] = `(
		SELECT '` + l.name() + `', concat_ws(', ', $3::date, ` + key + `),
			coalesce(r.clicks || ' clicks and ' || r.bots || ' bots are', ''),
			coalesce(c.clicks || ' and ' || c.bots || ' are', '')
		FROM (` + l.stored() + `) AS r
		FULL JOIN (` + l.rows(i, countedFrom(levels, i), false) + `) AS c USING (` + key + `)
		WHERE (r.` + strings.ReplaceAll(values, ", ", ", r.") + `) IS DISTINCT FROM (c.` + strings.ReplaceAll(values, ", ", ", c.") + `)
		LIMIT 1000)`
	}
	found, err := v.compare(ctx, `
		WITH counted AS MATERIALIZED (`+counted(levels)+`)
		`+strings.Join(parts, "\n\t\tUNION ALL\n\t\t"), proofback.UUIDFloor(day.From), proofback.UUIDFloor(day.To), day.From.Format(time.DateOnly))
	if err != nil || !found {
		return err
	}
	var q pgx.Batch
	var marks []time.Time
	for at := day.From; at.Before(day.To); at = at.Add(quarterHour) {
		marks = append(marks, at)
	}
	queueLate(&q, marks)
	return v.tx.SendBatch(ctx, &q).Close()
}

// compareConversions compares a level's day but for what is to be counted anew.
func (v *verifier) compareConversions(ctx context.Context, l *conversionLevel) error {
	key, values := strings.Join(l.columns, ", "), l.values()
	mend := make([]string, len(changeKeys))
	for i, k := range changeKeys {
		if mend[i] = k.none; slices.Contains(l.columns, k.column) {
			mend[i] = k.column
		}
	}
	_, err := v.compare(ctx, `
		WITH different AS (
			SELECT `+key+`, r.at AS rolled_up, c.at AS counted
			FROM (SELECT `+key+`, `+values+` FROM `+l.table+` WHERE day = $1::timestamptz::date) AS r
			FULL JOIN (`+l.recount(`
				FROM (SELECT $1::timestamptz::date AS day) AS t
				JOIN conversions AS v ON v.event_at >= $1
				AND v.event_at < $2`)+`) AS c USING (`+key+`)
			WHERE (r.`+strings.ReplaceAll(values, ", ", ", r.")+`) IS DISTINCT FROM (c.`+strings.ReplaceAll(values, ", ", ", c.")+`)
			AND `+l.columns[0]+` NOT IN (
				SELECT `+l.columns[0]+`
				FROM conversion_changes
				WHERE event_at >= $1
				AND event_at < $2)
			LIMIT 1000
		), mended AS (
			INSERT INTO conversion_changes
			SELECT $1, `+strings.Join(mend, ", ")+`, 0, 0, 0, 0, 0, 0
			FROM different
		)
		SELECT '`+l.table+`', concat_ws(', ', $1::timestamptz::date, `+key+`),
			coalesce('conversions in ' || cardinality(rolled_up) || ' quarter hours are', ''),
			coalesce('others in ' || cardinality(counted) || ' are', '')
		FROM different`, v.day, v.day.Add(oneDay), v.digits)
	return err
}

// changeKeys are the first columns of conversion_changes behind the time, and what
// stands for none in them.
var changeKeys = []struct{ column, none string }{
	{"advertiser_id", "'" + uuid.Nil.String() + "'"},
	{"offer_id", "'" + uuid.Nil.String() + "'"},
	{"goal_id", "'" + uuid.Nil.String() + "'"},
	{"affiliate_id", "'" + uuid.Nil.String() + "'"},
	{"event_type", "''"},
}

// compare gives the differences that a query finds.
func (v *verifier) compare(ctx context.Context, query string, args ...any) (found bool, err error) {
	rows, err := v.tx.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	differences, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RollupDifference])
	if err != nil {
		return false, err
	}
	for _, d := range differences {
		if err := v.found(d); err != nil {
			return false, err
		}
	}
	return len(differences) > 0, nil
}
