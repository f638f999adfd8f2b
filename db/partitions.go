package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// PartitionDaysAhead is how many days of partitions there are beside yesterday's
// and today's: enough for a week in which nobody looks at an alarm.
const PartitionDaysAhead = 7

// partitioned are the tables that have a partition for each UTC day.
var partitioned = [...]string{"clicks", "postbacks"}

// MakePartitions makes the partitions of clicks and postbacks for the UTC days
// from that of from to that of to, both included, and returns how many were
// missing. What the default partition caught of those days moves where it
// belongs. A day whose clicks were counted and dropped gets none for clicks again:
// it would look as if it had them. Clicks go on being stored meanwhile, and readers wait for half a second
// at most: it gives up, UNAVAILABLE, when a long query is in its way.
func (s *Store) MakePartitions(ctx context.Context, from, to time.Time) (int, error) {
	made, err := makePartitions(ctx, s.pool, from, to, partitioned[:])
	return made, domainError(err)
}

func makePartitions(ctx context.Context, pool *pgxpool.Pool, from, to time.Time, tables []string) (int, error) {
	var made int
	err := pool.QueryRow(ctx, `SELECT make_partitions($1::date, $2::date, $3::text[])`, day(from), day(to), tables).Scan(&made)
	if err != nil {
		return 0, fmt.Errorf("make partitions: %w", err)
	}
	return made, nil
}

// makeUsualPartitions makes those that should always be there. A click that was
// spooled yesterday may be stored today.
func makeUsualPartitions(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int, error) {
	return makePartitions(ctx, pool, now.AddDate(0, 0, -1), now.AddDate(0, 0, PartitionDaysAhead), partitioned[:])
}

// maxHoused is how many days of strays find a place in one go.
const maxHoused = 31

// KeepPartitions makes the partitions of the days around now, and those of other
// days of which something is in a default partition, so that these are empty but for
// clicks of days that were dropped. It returns how many it made.
func (s *Store) KeepPartitions(ctx context.Context, actor proofback.Actor) (made int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	if made, err = makeUsualPartitions(ctx, s.pool, s.clock()); err != nil {
		return 0, domainError(err)
	}
	for _, table := range partitioned {
		var from uuid.UUID
		for housed := 0; housed < maxHoused; {
			day, err := s.oldestStray(ctx, table, from)
			if err != nil {
				return made, domainError(err)
			}
			if day.IsZero() {
				break
			}
			n, err := makePartitions(ctx, s.pool, day, day, []string{table})
			if err != nil {
				return made, domainError(err)
			}
			made, housed = made+n, housed+n
			from = proofback.UUIDFloor(day.AddDate(0, 0, 1)) // a day that gets none is passed over
		}
	}
	return made, nil
}

// oldestStray is the day of the oldest row, from an id on, that a default partition
// holds, zero where there is none.
func (s *Store) oldestStray(ctx context.Context, table string, from uuid.UUID) (time.Time, error) {
	var id uuid.UUID
	err := s.pool.QueryRow(ctx, `
		SELECT id
		FROM `+table+`_default
		WHERE id >= $1
		ORDER BY id
		LIMIT 1`, from).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	return proofback.UUIDTime(id).Truncate(oneDay), err
}

// housedMeanwhile reports whether a default partition has refused a row because that of
// its day was made while the row was on its way. Tried again, it finds that.
func housedMeanwhile(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	const checkViolation = "23514"
	return ok && pg.Code == checkViolation && pg.ConstraintName == "" && strings.HasSuffix(pg.TableName, "_default")
}

// Partitions is how well a partitioned table is provided for.
type Partitions struct {
	Table string
	// DaysAhead is for how many UTC days after today there are partitions.
	DaysAhead int
	// Strays is how many rows are in the default partition, which should be none:
	// of a day that has no partition. Counted up to maxCounted.
	Strays int
}

// PartitionStates tells how well clicks and the postback log are provided for.
func (s *Store) PartitionStates(ctx context.Context, actor proofback.Actor) ([]Partitions, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	today := s.clock()
	states := make([]Partitions, len(partitioned))
	var q pgx.Batch
	for i, table := range partitioned {
		queuePartitions(&q, table, today, &states[i])
	}
	return states, domainError(s.pool.SendBatch(ctx, &q).Close())
}

// queuePartitions asks how well a table is provided for.
func queuePartitions(q *pgx.Batch, table string, today time.Time, into *Partitions) {
	into.Table = table
	q.Queue(`
		SELECT inhrelid::regclass::text
		FROM pg_inherits
		WHERE inhparent = $1::regclass`, table).Query(func(rows pgx.Rows) error {
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for slices.Contains(names, partitionOf(table, today.AddDate(0, 0, into.DaysAhead+1))) {
			into.DaysAhead++
		}
		return err
	})
	q.Queue(counts(table+`_default`), maxCounted).QueryRow(func(row pgx.Row) error { return row.Scan(&into.Strays) })
}

const partitionDay = "20060102"

// partitionOf is the name of a day's partition (make_partitions).
func partitionOf(table string, at time.Time) string {
	return table + "_" + at.UTC().Format(partitionDay)
}

// dayOfPartition is the day of a partition; the default one has none.
func dayOfPartition(table, name string) (time.Time, bool) {
	day, err := time.Parse(partitionDay, strings.TrimPrefix(name, table+"_"))
	return day, err == nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
