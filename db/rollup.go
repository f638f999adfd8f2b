package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// RollUp brings the counts that reports read up to date: conversions that changed,
// what clicks came late for, what is over since, and days before the first that
// was counted. Each step is a transaction over a day or so; when ctx ends the next
// call goes on. It gives how many steps there were. Only for Proofback itself.
//
// Reports do not rely on it: in every snapshot, the counts are those of the clicks
// of that snapshot, or their quarter hour is named as late.
func (s *Store) RollUp(ctx context.Context, actor proofback.Actor) (steps int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	digits, _ := proofback.CurrencyDigits(s.currency) // it was checked when the network began
	for {
		r := &roller{now: s.clock(), digits: digits, rollClicks: s.rollClicks, valueClicks: s.valueClicks}
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			r.tx = tx
			return r.step(ctx)
		})
		switch {
		case doneByAnother(err):
			return steps, nil
		case err != nil:
			return steps, domainError(fmt.Errorf("roll up: %w", err))
		case !r.did:
			return steps, nil
		}
		steps++
	}
}

// doneByAnother reports whether another process is rolling up or just has.
func doneByAnother(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "55P03") // serialization_failure, lock_not_available
}

// roller is one step.
type roller struct {
	tx   pgx.Tx
	now  time.Time
	have proofback.TimeRange
	pair time.Time // up to where the level by affiliate and offer is counted, in the day of have.To
	look time.Time // up to where it was seen how many clicks wait
	wait int       // so many do, from have.To to look
	late int       // and so many in all, from pair to have.To
	did  bool

	changed bool // conversions did since they were counted
	marked  bool // clicks came late
	earlier bool // there are clicks of before have.From

	digits      int // of the network's currency
	rollClicks  int
	valueClicks int
}

func (r *roller) step(ctx context.Context) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	for _, do := range []func(context.Context) error{r.convert, r.mend, r.lookAt, r.forward, r.back} {
		if err := do(ctx); err != nil || r.did {
			return err
		}
	}
	return nil
}

// hold makes this the only process that rolls up, and reads how far it has come.
func (r *roller) hold(ctx context.Context) error {
	midnight := r.now.Add(-rollAfter).Truncate(oneDay)
	var q pgx.Batch
	q.Queue(`
		INSERT INTO rollup_state (rolled_from, rolled_to, looked_to)
		VALUES ($1, $1, $1)
		ON CONFLICT DO NOTHING`, midnight)
	q.Queue(`
		SELECT rolled_from, rolled_to, least(pairs_to, rolled_to), looked_to, waiting, pairs_waiting
		FROM rollup_state
		FOR UPDATE NOWAIT`).QueryRow(func(row pgx.Row) error {
		return row.Scan(&r.have.From, &r.have.To, &r.pair, &r.look, &r.wait, &r.late)
	})
	q.Queue(`SELECT EXISTS (SELECT FROM conversion_changes), EXISTS (SELECT FROM late_clicks)`).QueryRow(func(row pgx.Row) error {
		return row.Scan(&r.changed, &r.marked)
	})
	// Room for a day's groups; most steps need little of it. What a crash takes back of a step
	// is done again, so nobody waits for the disk.
	q.Queue(`SELECT set_config('work_mem', '64MB', true), set_config('synchronous_commit', 'off', true)`)
	err := r.tx.SendBatch(ctx, &q).Close()
	r.have.From, r.have.To, r.pair = r.have.From.UTC(), r.have.To.UTC(), r.pair.UTC()
	return err
}

// mend counts a day anew that clicks came late for, as far as it was counted. The
// counts of a day whose clicks have been dropped are kept as they are.
func (r *roller) mend(ctx context.Context) error {
	if !r.marked {
		return nil
	}
	var first *time.Time
	err := r.tx.QueryRow(ctx, `SELECT min(starts) FROM late_clicks WHERE starts >= $1 AND starts < $2`, r.have.From, r.have.To).Scan(&first)
	if err != nil || first == nil {
		return err
	}
	r.did = true
	day := proofback.TimeRange{From: first.UTC().Truncate(oneDay)}
	day.To = day.From.Add(oneDay)
	if r.have.To.Before(day.To) {
		day.To = r.have.To
	}
	whole, err := dayIsWhole(ctx, r.tx, day.From)
	if err != nil {
		return err
	}
	if whole {
		if err := r.recount(ctx, day); err != nil {
			return err
		}
	}
	return r.forget(ctx, day)
}

// dayIsWhole reports whether the clicks of a day are still there: it has its
// partition or, where none was ever made, clicks for all that was counted.
func dayIsWhole(ctx context.Context, tx pgx.Tx, day time.Time) (whole bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT to_regclass($4) IS NOT NULL
		OR (SELECT coalesce(sum(clicks + bots), 0) FROM rollup_offers WHERE day = $1::timestamptz::date)
			<= (SELECT count(*) FROM clicks AS c WHERE id >= $2 AND id < $3 AND `+countedClicks+`)`,
		day, proofback.UUIDFloor(day), proofback.UUIDFloor(day.Add(oneDay)), "clicks_"+day.Format("20060102")).Scan(&whole)
	return whole, err
}

// until is up to where what is over can be counted, within the day that is counted next, and
// when that day ends.
func (r *roller) until() (to, midnight time.Time) {
	to, midnight = r.now.Add(-rollAfter).Truncate(quarterHour), r.have.To.Truncate(oneDay).Add(oneDay)
	if midnight.Before(to) {
		to = midnight
	}
	return to, midnight
}

// lookAt sees what there is to count: how many clicks wait, and whether there are earlier
// ones. Each click that waits is looked at once; how many have come since that was done
// makes no difference here.
func (r *roller) lookAt(ctx context.Context) error {
	var q pgx.Batch
	if to, midnight := r.until(); r.look.Before(to) && to.Before(midnight) {
		q.Queue(`SELECT count(*) FROM clicks WHERE id >= $1 AND id < $2`, proofback.UUIDFloor(r.look), proofback.UUIDFloor(to)).QueryRow(func(row pgx.Row) error {
			var more int
			err := row.Scan(&more)
			r.wait += more
			return err
		})
	}
	q.Queue(`SELECT EXISTS (SELECT FROM clicks WHERE id < $1)`, proofback.UUIDFloor(r.have.From)).QueryRow(func(row pgx.Row) error {
		return row.Scan(&r.earlier)
	})
	return r.tx.SendBatch(ctx, &q).Close()
}

// forward counts what is over since: at a day's end, and before it as soon as so
// many clicks wait that it is worth it.
func (r *roller) forward(ctx context.Context) error {
	to, midnight := r.until()
	if !r.look.Before(to) {
		return nil
	}
	if r.wait < r.rollClicks && to.Before(midnight) {
		_, err := r.tx.Exec(ctx, `UPDATE rollup_state SET looked_to = $1, waiting = $2`, to, r.wait)
		return err
	}
	// A transaction that has been writing for so long may hold clicks of this time.
	var held bool
	err := r.tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_stat_activity
			WHERE datname = current_database()
			AND backend_xid IS NOT NULL
			AND pid <> pg_backend_pid()
			AND xact_start < clock_timestamp() - $1::text::interval
		)`, minutes(rollAfter/2)).Scan(&held)
	if err != nil || held {
		return err
	}
	slice := proofback.TimeRange{From: r.have.To, To: to}
	if err := r.grow(ctx, slice, withoutPairs()); err != nil {
		return err
	}
	if r.late += r.wait; r.late >= pairsAtATime*r.rollClicks || to.Equal(midnight) {
		if err := r.grow(ctx, proofback.TimeRange{From: r.pair, To: to}, []int{pairsLevel}); err != nil {
			return err
		}
		r.pair, r.late = to, 0
	}
	if to.Equal(midnight) {
		if err := r.countValues(ctx, proofback.TimeRange{From: midnight.Add(-oneDay), To: midnight}); err != nil {
			return err
		}
	}
	return r.extend(ctx, slice, proofback.TimeRange{From: r.have.From, To: to})
}

// pairsAtATime is how many times as many clicks wait for the level by affiliate and
// offer as for that by offer.
const pairsAtATime = 3

// back counts the day before the first that is counted, where there are clicks.
func (r *roller) back(ctx context.Context) error {
	if !r.earlier {
		return nil
	}
	day := proofback.TimeRange{From: r.have.From.Add(-oneDay), To: r.have.From}
	if err := r.countDay(ctx, day); err != nil {
		return err
	}
	return r.extend(ctx, day, proofback.TimeRange{From: day.From, To: r.have.To})
}

// extend says that a slice is counted, after which have is what there is.
func (r *roller) extend(ctx context.Context, slice, have proofback.TimeRange) error {
	r.did = true
	_, err := r.tx.Exec(ctx, `
		UPDATE rollup_state
		SET rolled_from = $1, rolled_to = $2, looked_to = $2, waiting = 0, pairs_to = $3, pairs_waiting = $4`, have.From, have.To, r.pair, r.late)
	if err != nil {
		return err
	}
	return r.forget(ctx, slice)
}

// forget drops the marks of a slice that is counted: those of this snapshot, whose
// clicks are in the counts.
func (r *roller) forget(ctx context.Context, slice proofback.TimeRange) error {
	_, err := r.tx.Exec(ctx, `DELETE FROM late_clicks WHERE starts >= $1 AND starts < $2`, slice.From, slice.To)
	return err
}

// recount counts a day anew, up to the end of what is counted.
func (r *roller) recount(ctx context.Context, day proofback.TimeRange) error {
	whole := day.To.Sub(day.From) == oneDay
	levels := allLevels()
	if !whole {
		levels = fineLevels()
	}
	var tables []string
	for _, i := range levels {
		tables = append(tables, rollupLevels[i].table)
	}
	var q pgx.Batch
	for _, table := range slices.Compact(tables) { // levels of one table stand together
		q.Queue(`DELETE FROM `+table+` WHERE day = $1::timestamptz::date`, day.From)
	}
	if err := r.tx.SendBatch(ctx, &q).Close(); err != nil {
		return err
	}
	if whole {
		return r.countDay(ctx, day)
	}
	if err := r.count(ctx, day, withoutPairs()); err != nil {
		return err
	}
	return r.count(ctx, proofback.TimeRange{From: day.From, To: r.pair}, []int{pairsLevel})
}

// countDay counts a whole day of which nothing is counted.
func (r *roller) countDay(ctx context.Context, day proofback.TimeRange) error {
	if err := r.count(ctx, day, fineLevels()); err != nil {
		return err
	}
	return r.countValues(ctx, day)
}

// countValues counts a whole day for the levels whose rows are arrays, so many clicks
// at a time: what is a value of its own in each click shall fit into memory.
func (r *roller) countValues(ctx context.Context, day proofback.TimeRange) error {
	var clicks int
	err := r.tx.QueryRow(ctx, `SELECT coalesce(sum(clicks + bots), 0) FROM rollup_offers WHERE day = $1::timestamptz::date`, day.From).Scan(&clicks)
	if err != nil {
		return err
	}
	parts := clicks/r.valueClicks + 1
	for i := range parts {
		slice := day
		if slice.From = day.From.Add(oneDay / time.Duration(parts) * time.Duration(i)); i < parts-1 {
			slice.To = day.From.Add(oneDay / time.Duration(parts) * time.Duration(i+1))
		}
		if err := r.store(ctx, slice, storeValues()); err != nil {
			return err
		}
	}
	return nil
}

// count counts the clicks of a part of a day of which nothing is counted.
func (r *roller) count(ctx context.Context, slice proofback.TimeRange, levels []int) error {
	return r.store(ctx, slice, storeCounts(levels, false))
}

// grow adds the clicks of the next part of a day.
func (r *roller) grow(ctx context.Context, slice proofback.TimeRange, levels []int) error {
	return r.store(ctx, slice, storeCounts(levels, true))
}

func (r *roller) store(ctx context.Context, slice proofback.TimeRange, sql string) error {
	_, err := r.tx.Exec(ctx, sql, proofback.UUIDFloor(slice.From), proofback.UUIDFloor(slice.To), slice.From.Format(time.DateOnly))
	return err
}

// readRolledUp tells what of a range is rolled up in the snapshot of tx.
func readRolledUp(ctx context.Context, tx pgx.Tx, r proofback.TimeRange) (proofback.RolledUp, error) {
	var q pgx.Batch
	var there proofback.RolledUp
	queueRolledUp(&q, r, &there)
	return there, tx.SendBatch(ctx, &q).Close()
}

// queueRolledUp asks what of a range is rolled up.
func queueRolledUp(q *pgx.Batch, r proofback.TimeRange, there *proofback.RolledUp) {
	q.Queue(`SELECT rolled_from, rolled_to, least(pairs_to, rolled_to) FROM rollup_state`).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&there.From, &there.To, &there.BehindTo)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	q.Queue(`
		SELECT DISTINCT starts
		FROM late_clicks
		WHERE starts >= $1::timestamptz - interval '1 day'
		AND starts < $2::timestamptz + interval '1 day'
		ORDER BY starts`, r.From, r.To).Query(func(rows pgx.Rows) (err error) {
		there.Late, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
		return err
	})
}
