package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// RollupDifference is a count that is not what the clicks say.
type RollupDifference struct {
	Level        string
	Key          string // the values of its columns
	Clicks, Bots int64  // as they are rolled up
	Counted      int64  // clicks that there are
	CountedBots  int64
	starts       time.Time
}

func (d RollupDifference) String() string {
	return fmt.Sprintf("%s (%s): %d clicks and %d bots are rolled up, %d and %d are there", d.Level, d.Key, d.Clicks, d.Bots, d.Counted, d.CountedBots)
}

// VerifyRollups counts all that is rolled up again from the clicks, a day at a
// time from the newest on, and gives each difference to found. What is different
// is named as late, so that reports leave it out and the next RollUp mends it. It
// returns how many days it looked at: those whose clicks have been dropped are
// left out, and when ctx ends it stops without an error. Staff.
func (s *Store) VerifyRollups(ctx context.Context, actor proofback.Actor, found func(RollupDifference) error) (days int, err error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, err
	}
	for day := s.clock().Truncate(oneDay); ; day = day.Add(-oneDay) {
		v := &verifier{day: day, found: found}
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			v.tx = tx
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
	if v.looked, err = dayIsWhole(ctx, v.tx, v.day); err != nil || !v.looked {
		return err
	}
	for _, l := range rollupLevels {
		to := day.To
		if end := there.To.Truncate(l.Unit); end.Before(to) {
			to = end
		}
		if !day.From.Before(to) {
			continue
		}
		if err := v.compare(ctx, &l, proofback.TimeRange{From: day.From, To: to}, there.Late); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compare(ctx context.Context, l *rollupLevel, r proofback.TimeRange, late []time.Time) error {
	units := make([]time.Time, len(late))
	for i, at := range late {
		units[i] = at.Truncate(l.Unit)
	}
	rows, err := v.tx.Query(ctx, `
		SELECT starts, concat_ws(', ', `+l.key()+`),
			coalesce(r.clicks, 0), coalesce(r.bots, 0), coalesce(c.clicks, 0), coalesce(c.bots, 0)
		FROM (SELECT * FROM `+l.table+` WHERE starts >= $1 AND starts < $2) AS r
		FULL JOIN (`+l.recount("clicks")+`) AS c USING (`+l.key()+`)
		WHERE (r.clicks, r.bots) IS DISTINCT FROM (c.clicks, c.bots)
		AND starts <> ALL ($5::timestamptz[])
		ORDER BY starts
		LIMIT 1000`, r.From, r.To, proofback.UUIDFloor(r.From), proofback.UUIDFloor(r.To), units)
	if err != nil {
		return err
	}
	differences, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RollupDifference, error) {
		d := RollupDifference{Level: l.table}
		err := row.Scan(&d.starts, &d.Key, &d.Clicks, &d.Bots, &d.Counted, &d.CountedBots)
		return d, err
	})
	if err != nil {
		return err
	}
	var q pgx.Batch
	var marks quarterHours
	for _, d := range differences {
		marks.add(d.starts)
		if err := v.found(d); err != nil {
			return err
		}
	}
	queueLate(&q, marks.all())
	return v.tx.SendBatch(ctx, &q).Close()
}
