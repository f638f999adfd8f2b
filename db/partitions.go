package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// partitionDaysAhead is how many days of partitions a migration makes beside
// yesterday's and today's: enough for a week in which nobody looks at an alarm.
const partitionDaysAhead = 7

// MakePartitions makes the partitions of clicks and postbacks for the UTC days
// from that of from to that of to, both included, and returns how many were
// missing. What the default partition caught of those days moves where it
// belongs. Clicks go on being stored meanwhile; it gives up after a few seconds,
// UNAVAILABLE, when a long query is in its way.
func (s *Store) MakePartitions(ctx context.Context, from, to time.Time) (int, error) {
	made, err := makePartitions(ctx, s.pool, from, to)
	return made, domainError(err)
}

func makePartitions(ctx context.Context, pool *pgxpool.Pool, from, to time.Time) (int, error) {
	var made int
	err := pool.QueryRow(ctx, `SELECT make_partitions($1::date, $2::date)`, day(from), day(to)).Scan(&made)
	if err != nil {
		return 0, fmt.Errorf("make partitions: %w", err)
	}
	return made, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
