package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxJobConns bounds River's connections: it fetches for a few queues, completes
// in batches and listens on one.
const maxJobConns = 10

// jobPlans has every statement of River's use an index, in the index's order. The
// planner's own choice depends on statistics, and those of a queue are wrong when
// it matters: they were taken when it was empty. Then each fetch reads and sorts
// the whole backlog, and each completion reads the whole table, which took 20 ms
// and 500 ms at 30,000 jobs rather than 2 ms and 5 ms.
const jobPlans = `SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan`

// jobCommits lets River not wait for the disk when it fetches and completes. What
// a crash of Postgres takes back of that, a fraction of a second, is jobs that are
// done once more, and those find that there is nothing left to do: what they did
// is in transactions of ours, which do wait.
const jobCommits = `SET synchronous_commit = off`

// newJobPool makes the pool for River's own statements.
func newJobPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	config.MaxConns, config.MinConns, config.MinIdleConns = maxJobConns, 0, 0
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, jobPlans+"; "+jobCommits, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	return pgxpool.NewWithConfig(ctx, config)
}
