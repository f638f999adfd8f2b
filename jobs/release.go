package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// What is parked is released in portions, so that a destination that comes back
// after days is not met by all of them, and keeps their order.
const (
	releaseMost  = 200
	releaseEvery = 100 * time.Millisecond
)

// releaseArgs name a destination to which what is parked may be sent.
type releaseArgs struct {
	Destination uuid.UUID `json:"destination"`
}

func (releaseArgs) Kind() string { return "release" }

func (releaseArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueFanOut} }

// releaseWorker has what is parked for a destination attempted.
type releaseWorker struct {
	river.WorkerDefaults[releaseArgs]
	store *db.Store
	lanes *lanes
}

func (w *releaseWorker) Work(ctx context.Context, job *river.Job[releaseArgs]) error {
	if behind := w.lanes.behind(job.Args.Destination); behind > releaseEvery {
		return river.JobSnooze(behind)
	}
	released, err := w.store.ReleaseParked(ctx, proofback.System(), job.Args.Destination, releaseMost)
	if err != nil || released < releaseMost {
		return err
	}
	return river.JobSnooze(releaseEvery)
}

// releaseStrandedArgs asks for the release of what somebody died over.
type releaseStrandedArgs struct{}

func (releaseStrandedArgs) Kind() string { return "release_stranded" }

// strandedEvery is how long something may be parked that nobody releases.
const strandedEvery = 30 * time.Second

func releaseStranded(ctx context.Context, store *db.Store) error {
	stranded, err := store.StrandedDestinations(ctx, proofback.System())
	if err != nil || len(stranded) == 0 {
		return err
	}
	params := make([]river.InsertManyParams, len(stranded))
	for i, id := range stranded {
		params[i].Args = releaseArgs{id}
	}
	if _, err := river.ClientFromContext[pgx.Tx](ctx).InsertManyFast(ctx, params); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}
