package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// RollUp brings the counts that reports read up to date: what clicks came late
// for, what is over since, and days before the first that was counted. Each step
// is a transaction over a day at most; when ctx ends the next call goes on. It
// gives how many steps there were. Only for Proofback itself.
//
// Reports do not rely on it: in every snapshot, the counts are those of the clicks
// of that snapshot, or their quarter hour is named as late.
func (s *Store) RollUp(ctx context.Context, actor proofback.Actor) (steps int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	for {
		r := &roller{now: s.clock()}
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
	did  bool
}

func (r *roller) step(ctx context.Context) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	if done, err := r.mend(ctx); done || err != nil {
		return err
	}
	if done, err := r.forward(ctx); done || err != nil {
		return err
	}
	return r.back(ctx)
}

// hold makes this the only process that rolls up, and reads how far it has come.
func (r *roller) hold(ctx context.Context) error {
	midnight := r.now.Add(-rollAfter).Truncate(oneDay)
	_, err := r.tx.Exec(ctx, `
		INSERT INTO rollup_state (rolled_from, rolled_to)
		VALUES ($1, $1)
		ON CONFLICT DO NOTHING`, midnight)
	if err != nil {
		return err
	}
	err = r.tx.QueryRow(ctx, `SELECT rolled_from, rolled_to FROM rollup_state FOR UPDATE NOWAIT`).Scan(&r.have.From, &r.have.To)
	r.have.From, r.have.To = r.have.From.UTC(), r.have.To.UTC()
	return err
}

// mend counts a day's quarter hours anew that clicks came late for. The
// counts of a day whose clicks have been dropped are kept as they are.
func (r *roller) mend(ctx context.Context) (done bool, err error) {
	var first, last *time.Time
	err = r.tx.QueryRow(ctx, `
		WITH late AS (
			SELECT starts
			FROM late_clicks
			WHERE starts >= $1 AND starts < $2
		)
		SELECT min(starts), max(starts)
		FROM late
		WHERE starts < (SELECT date_trunc('day', min(starts)) + interval '1 day' FROM late)`, r.have.From, r.have.To).Scan(&first, &last)
	if err != nil || first == nil {
		return false, err
	}
	slice := proofback.TimeRange{From: first.UTC(), To: last.UTC().Add(quarterHour)}
	whole, err := dayIsWhole(ctx, r.tx, slice.From.Truncate(oneDay))
	if err != nil {
		return false, err
	}
	if whole {
		if err := r.count(ctx, slice, r.have.To); err != nil {
			return false, err
		}
	}
	r.did = true
	return true, r.forget(ctx, slice)
}

// dayIsWhole reports whether the clicks of a day are still there: it has its
// partition or, where none was ever made, clicks for all that was counted.
func dayIsWhole(ctx context.Context, tx pgx.Tx, day time.Time) (whole bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT to_regclass($5) IS NOT NULL
		OR (SELECT coalesce(sum(clicks + bots), 0) FROM rollup_quarters WHERE starts >= $1 AND starts < $2)
			<= (SELECT count(*) FROM clicks AS c WHERE id >= $3 AND id < $4 AND `+countedClicks+`)`,
		day, day.Add(oneDay), proofback.UUIDFloor(day), proofback.UUIDFloor(day.Add(oneDay)), "clicks_"+day.Format("20060102")).Scan(&whole)
	return whole, err
}

// forward counts what is over since, up to a day's end.
func (r *roller) forward(ctx context.Context) (done bool, err error) {
	to := r.now.Add(-rollAfter).Truncate(quarterHour)
	if end := r.have.To.Truncate(oneDay).Add(oneDay); end.Before(to) {
		to = end
	}
	if !r.have.To.Before(to) {
		return false, nil
	}
	// A transaction that has been writing for so long may hold clicks of this time.
	var waits bool
	err = r.tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_stat_activity
			WHERE datname = current_database()
			AND backend_xid IS NOT NULL
			AND pid <> pg_backend_pid()
			AND xact_start < clock_timestamp() - $1::text::interval
		)`, minutes(rollAfter/2)).Scan(&waits)
	if err != nil || waits {
		return false, err
	}
	return true, r.extend(ctx, proofback.TimeRange{From: r.have.To, To: to}, proofback.TimeRange{From: r.have.From, To: to})
}

// back counts the day before the first that is counted, where there are clicks.
func (r *roller) back(ctx context.Context) error {
	var earlier bool
	err := r.tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM clicks WHERE id < $1)`, proofback.UUIDFloor(r.have.From)).Scan(&earlier)
	if err != nil || !earlier {
		return err
	}
	day := proofback.TimeRange{From: r.have.From.Add(-oneDay), To: r.have.From}
	return r.extend(ctx, day, proofback.TimeRange{From: day.From, To: r.have.To})
}

// extend counts a slice, after which have is what there is.
func (r *roller) extend(ctx context.Context, slice, have proofback.TimeRange) error {
	r.did = true
	if err := r.count(ctx, slice, have.To); err != nil {
		return err
	}
	_, err := r.tx.Exec(ctx, `
		UPDATE rollup_state
		SET rolled_from = $1, rolled_to = $2`, have.From, have.To)
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

// count counts a slice anew in every level: the units that it touches and that are
// over by the moment up to which there are counts.
func (r *roller) count(ctx context.Context, slice proofback.TimeRange, upTo time.Time) error {
	var q pgx.Batch
	for _, l := range inOrder() {
		from := slice.From.Truncate(l.Unit)
		to := slice.To.Add(l.Unit - 1).Truncate(l.Unit)
		if end := upTo.Truncate(l.Unit); end.Before(to) {
			to = end
		}
		if !from.Before(to) {
			continue
		}
		q.Queue(`DELETE FROM `+l.table+` WHERE starts >= $1 AND starts < $2`, from, to)
		q.Queue(`INSERT INTO `+l.table+` (`+l.key()+`, clicks, bots) `+l.recount(l.source), from, to, proofback.UUIDFloor(from), proofback.UUIDFloor(to))
	}
	return r.tx.SendBatch(ctx, &q).Close()
}

// readRolledUp tells what of a range is rolled up in the snapshot of tx.
func readRolledUp(ctx context.Context, tx pgx.Tx, r proofback.TimeRange) (proofback.RolledUp, error) {
	var there proofback.RolledUp
	err := tx.QueryRow(ctx, `SELECT rolled_from, rolled_to FROM rollup_state`).Scan(&there.From, &there.To)
	if errors.Is(err, pgx.ErrNoRows) {
		return there, nil
	}
	if err != nil {
		return there, err
	}
	rows, err := tx.Query(ctx, `
		SELECT DISTINCT starts
		FROM late_clicks
		WHERE starts >= $1::timestamptz - interval '1 day'
		AND starts < $2::timestamptz + interval '1 day'
		ORDER BY starts`, r.From, r.To)
	if err != nil {
		return there, err
	}
	there.Late, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
	return there, err
}
