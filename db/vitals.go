package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// Vitals are what tells from outside of the processes whether the network is well:
// what waits, for how long, and how far what is derived lies behind.
type Vitals struct {
	At         time.Time
	Partitions []Partitions
	// Jobs are those that are not done, by kind and state.
	Jobs []JobBacklog
	// Destinations is how many there are, by their health's state.
	Destinations map[proofback.HealthState]int
	// OpenBreakers is how many destinations nothing is sent to right now.
	OpenBreakers int
	// Parked is how many deliveries wait for their destination to get well.
	Parked int
	// Deferred is how many postbacks wait for something before they are decided.
	Deferred int
	// AwaitingRate is how many conversions wait for a reference rate.
	AwaitingRate int
	// RolledUp is until when clicks are counted for reports; zero: not at all.
	RolledUp time.Time
	// Discrepancies is how many differences are open, by the check that found them.
	Discrepancies map[proofback.SelfCheck]int
	// VerifiedAt is when all checks were last made and through; where they never were,
	// when the database was made.
	VerifiedAt time.Time
	// RatesDay is the newest day that has reference rates; zero: none has.
	RatesDay time.Time
}

// JobBacklog is how many jobs of a kind are in a state of River's.
type JobBacklog struct {
	Kind, State string
	Count       int       // up to maxCounted in all
	Oldest      time.Time // when the first of them was due
}

// maxCounted bounds what is counted one by one, so that a great backlog does not
// make looking at it dear.
const maxCounted = 100_000

// counts gives the number of rows of a table, or of those that a condition
// holds for, up to maxCounted.
func counts(from string) string {
	return `SELECT count(*) FROM (SELECT FROM ` + from + ` LIMIT $1) AS counted`
}

// Vitals looks, in one round trip, at what should be watched. Only for Proofback
// itself.
func (s *Store) Vitals(ctx context.Context, actor proofback.Actor) (*Vitals, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	v := &Vitals{At: s.clock(), Destinations: map[proofback.HealthState]int{}, Discrepancies: map[proofback.SelfCheck]int{}, Partitions: make([]Partitions, len(partitioned))}
	var q pgx.Batch
	for i, table := range partitioned {
		queuePartitions(&q, table, v.At, &v.Partitions[i])
	}
	q.Queue(`
		SELECT kind, state::text, count(*), min(scheduled_at)
		FROM (
			SELECT kind, state, scheduled_at
			FROM river_job
			WHERE state IN ('available', 'running', 'retryable', 'scheduled', 'pending')
			LIMIT $1
		) AS unfinished
		GROUP BY kind, state`, maxCounted).Query(func(rows pgx.Rows) (err error) {
		v.Jobs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[JobBacklog])
		return err
	})
	q.Queue(`
		SELECT health_state, count(*), count(*) FILTER (WHERE open_until > $1)
		FROM destinations
		GROUP BY health_state`, v.At).Query(func(rows pgx.Rows) error {
		var state proofback.HealthState
		var n, open int
		_, err := pgx.ForEachRow(rows, []any{&state, &n, &open}, func() error {
			v.Destinations[state] = n
			v.OpenBreakers += open
			return nil
		})
		return err
	})
	q.Queue(`
		SELECT check_name, count(*)
		FROM discrepancies
		WHERE resolved_at IS NULL
		GROUP BY check_name`).Query(func(rows pgx.Rows) error {
		var check proofback.SelfCheck
		var n int
		_, err := pgx.ForEachRow(rows, []any{&check, &n}, func() error {
			v.Discrepancies[check] = n
			return nil
		})
		return err
	})
	for from, into := range map[string]*int{
		`parked`:                              &v.Parked,
		`deferred`:                            &v.Deferred,
		`conversions WHERE rate_date IS NULL`: &v.AwaitingRate,
	} {
		q.Queue(counts(from), maxCounted).QueryRow(func(row pgx.Row) error { return row.Scan(into) })
	}
	for query, into := range map[string]*time.Time{
		`SELECT max(rolled_to) FROM rollup_state`:                  &v.RolledUp,
		`SELECT max(day)::timestamp AT TIME ZONE 'UTC' FROM rates`: &v.RatesDay,
		lastVerified: &v.VerifiedAt,
	} {
		q.Queue(query).QueryRow(func(row pgx.Row) error {
			var at *time.Time
			err := row.Scan(&at)
			if at != nil {
				*into = at.UTC()
			}
			return err
		})
	}
	return v, domainError(s.pool.SendBatch(ctx, &q).Close())
}

// lastVerified is when all checks were last made; some of them alone do not count.
var lastVerified = fmt.Sprintf(`
		SELECT coalesce(
			(SELECT max(finished_at) FROM verifications WHERE jsonb_array_length(checks) = %d),
			(SELECT min(migrated_at) FROM bun_migrations))`, len(proofback.SelfChecks()))

// PoolStats are the connection pools of a Store, by what they are for.
func (s *Store) PoolStats() map[string]*pgxpool.Stat {
	return map[string]*pgxpool.Stat{"main": s.pool.Stat(), "postbacks": s.hot.Stat(), "jobs": s.jobs.Stat()}
}
