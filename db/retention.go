package db

import (
	"context"
	"fmt"
	"strings"
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
// retention, and gives their names. Readers wait for half a second at most: when
// a long query is in the way it gives up, UNAVAILABLE, and is to be tried again.
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
		names, err := s.partitionsBefore(ctx, kept.table, s.clock().Add(-kept.age))
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
		day, err := time.Parse("20060102", strings.TrimPrefix(name, table+"_"))
		if err == nil && !day.AddDate(0, 0, 1).After(before) { // the default partition has no day
			old = append(old, name)
		}
	}
	return old, err
}

func (s *Store) dropPartition(ctx context.Context, table, name string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '500ms'`); err != nil {
			return err
		}
		partition := pgx.Identifier{name}.Sanitize()
		_, err := tx.Exec(ctx, fmt.Sprintf(`ALTER TABLE %s DETACH PARTITION %s`, pgx.Identifier{table}.Sanitize(), partition))
		if err == nil {
			_, err = tx.Exec(ctx, `DROP TABLE `+partition)
		}
		return err
	})
}
