package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// partitionDaysAhead is for how many days partitions are there in advance: a
// week in which nobody looks at an alarm.
const partitionDaysAhead = 7

// makePartitionsArgs asks for the partitions of the days around now.
type makePartitionsArgs struct{}

func (makePartitionsArgs) Kind() string { return "make_partitions" }

// dropSessionsArgs asks for the sessions that are over to be dropped.
type dropSessionsArgs struct{}

func (dropSessionsArgs) Kind() string { return "drop_sessions" }

// storeWorker calls one Store method.
type storeWorker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	do func(context.Context) error
}

func (w *storeWorker[T]) Work(ctx context.Context, _ *river.Job[T]) error { return w.do(ctx) }

func addUpkeep(workers *river.Workers, store *db.Store, c Config) {
	river.AddWorker(workers, &storeWorker[makePartitionsArgs]{do: func(ctx context.Context) error {
		now := c.Now()
		// A click that was spooled yesterday may be stored today.
		_, err := store.MakePartitions(ctx, now.AddDate(0, 0, -1), now.AddDate(0, 0, partitionDaysAhead))
		return err
	}})
	river.AddWorker(workers, &storeWorker[dropSessionsArgs]{do: func(ctx context.Context) error {
		return store.DropSessions(ctx, proofback.System())
	}})
}

// periodicJobs run when a process becomes the one that leads, and hourly; they
// are unique in their hour, since leaders change.
func periodicJobs() []*river.PeriodicJob {
	hourly := func(args river.JobArgs) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: queueUpkeep, UniqueOpts: river.UniqueOpts{ByPeriod: time.Hour}}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{hourly(makePartitionsArgs{}), hourly(dropSessionsArgs{})}
}
