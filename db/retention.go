package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Retention is how long clicks and the postback log are kept; zero is for ever.
// What is dropped is gone: a click cannot convert any more, a request cannot be
// looked up. Conversions, their transitions and the ledger are never dropped.
type Retention struct {
	Clicks    time.Duration
	Postbacks time.Duration
}

// DropPartitions drops the partitions of whole UTC days that are past their
// retention, and what came for such days later, and gives their names. Nobody waits for it: while a transaction that
// has been running for long reads a table it asks for nothing, UNAVAILABLE, and is
// to be tried again; so that transaction sees what it saw.
func (s *Store) DropPartitions(ctx context.Context, actor proofback.Actor, r Retention) ([]string, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	var dropped []string
	for _, kept := range []struct {
		table string
		age   time.Duration
	}{{"clicks", r.Clicks}, {"postbacks", r.Postbacks}} {
		if kept.age <= 0 {
			continue
		}
		before := s.clock().Add(-kept.age)
		if err := s.dropStrays(ctx, kept.table, before); err != nil {
			return dropped, domainError(err)
		}
		names, err := s.partitionsBefore(ctx, kept.table, before)
		if err != nil {
			return dropped, domainError(err)
		}
		for _, name := range names {
			if err := s.dropPartition(ctx, kept.table, name); err != nil {
				return dropped, domainError(err)
			}
			dropped = append(dropped, name)
		}
	}
	return dropped, nil
}

// dropStrays drops what a default partition holds of days that were over at a moment:
// clicks that came for a day after it was dropped get no partition of it again.
func (s *Store) dropStrays(ctx context.Context, table string, before time.Time) error {
	_, err := s.pool.Exec(ctx, `
		DELETE FROM `+table+`_default
		WHERE id < $1`, proofback.UUIDFloor(before.Truncate(oneDay)))
	return err
}

// DropPixelSignals drops what the pixel told of clicks that are past their
// retention.
func (s *Store) DropPixelSignals(ctx context.Context, actor proofback.Actor, r Retention) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if r.Clicks <= 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, `
		DELETE FROM pixel_signals
		WHERE id < $1`, proofback.UUIDFloor(s.clock().Add(-r.Clicks)))
	return domainError(err)
}

// partitionsBefore names the partitions of a table whose day was over at a
// moment, oldest first.
func (s *Store) partitionsBefore(ctx context.Context, table string, before time.Time) ([]string, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT c.relname
		FROM pg_inherits AS i
		JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = $1::regclass
		ORDER BY c.relname`, table)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	var old []string
	for _, name := range all {
		if day, ok := dayOfPartition(table, name); ok && !day.AddDate(0, 0, 1).After(before) {
			old = append(old, name)
		}
	}
	return old, err
}

const (
	// longTransaction is how long one may have been running that is waited for.
	longTransaction = "1 second"
	// dropTries is how often a lock is asked for that short transactions keep
	// taking, with a pause in between.
	dropTries = 10
	dropPause = 100 * time.Millisecond
)

// errLongReader is what keeps partitions from being dropped.
var errLongReader = &proofback.Error{Code: proofback.CodeUnavailable, Message: "a transaction that has been running for over a second reads the table: its old partitions are dropped when it has ended"}

// dropPartition takes a partition out of its table and drops it.
//
// DETACH … CONCURRENTLY would wait for no lock, but is not to be had of a table
// with a default partition, which no click may be lost for want of. So the table is
// locked, for the milliseconds that this takes. Whoever comes while that lock is
// waited for waits behind it: it is only asked for when those who read or write the
// table will have ended in a moment, and for a fifth of a second at most.
func (s *Store) dropPartition(ctx context.Context, table, name string) error {
	for try := 1; ; try++ {
		long, err := s.hasLongUser(ctx, table, name)
		if err != nil {
			return err
		}
		if long {
			return errLongReader
		}
		err = s.detachAndDrop(ctx, table, name)
		if !lockNotAvailable(err) || try == dropTries || !wait(ctx, dropPause) {
			return err
		}
	}
}

// hasLongUser reports whether a transaction that has been running for long uses
// a partition, its table, or the default partition. One of another user, whose
// state and begin are hidden from us, counts as long.
func (s *Store) hasLongUser(ctx context.Context, table, name string) (long bool, err error) {
	err = s.pool.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_locks AS l
			JOIN pg_stat_activity AS a USING (pid)
			WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.relation = ANY ($1::regclass[]::oid[])
			AND l.pid <> pg_backend_pid()
			AND a.backend_type IS DISTINCT FROM 'autovacuum worker' -- gives way by itself
			AND (a.xact_start < clock_timestamp() - interval '`+longTransaction+`' OR a.state IS NULL))`,
		[]string{table, name, table + "_default"}).Scan(&long)
	return long, err
}

func (s *Store) detachAndDrop(ctx context.Context, table, name string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		partition := pgx.Identifier{name}.Sanitize()
		var q pgx.Batch
		q.Queue(`SET LOCAL lock_timeout = '200ms'`)
		q.Queue(fmt.Sprintf(`ALTER TABLE %s DETACH PARTITION %s`, pgx.Identifier{table}.Sanitize(), partition))
		q.Queue(`DROP TABLE ` + partition)
		return tx.SendBatch(ctx, &q).Close()
	})
}
