package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/robfig/cron/v3"

	"github.com/proofback/proofback"
)

const (
	// verifyAt is when the database is held against itself: once a day, when there is
	// little to do in most networks (UTC).
	verifyAt = "30 2 * * *"
	// verifyTimeout bounds it: clicks of years are counted again.
	verifyTimeout = 6 * time.Hour
	// verifyAttempts is how often one is tried that broke off.
	verifyAttempts = 3
)

// verifyArgs asks for the database to be held against itself.
type verifyArgs struct{}

func (verifyArgs) Kind() string { return "verify" }

func (verifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueVerify, MaxAttempts: verifyAttempts, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
}

// verifyWorker has the checks made. What they find is written down by them.
type verifyWorker struct {
	river.WorkerDefaults[verifyArgs]
	verify func(context.Context) error
}

// Timeout implements river.Worker.
func (w *verifyWorker) Timeout(*river.Job[verifyArgs]) time.Duration { return verifyTimeout }

// Work implements river.Worker.
func (w *verifyWorker) Work(ctx context.Context, _ *river.Job[verifyArgs]) error {
	err := w.verify(ctx)
	if proofback.CodeOf(err) == proofback.CodeConflict {
		return nil // somebody is at it
	}
	return err
}

// nightly asks for the checks by the clock.
func nightly() *river.PeriodicJob {
	at, err := cron.ParseStandard(verifyAt)
	if err != nil {
		panic(err) // it is a constant
	}
	return river.NewPeriodicJob(at, func() (river.JobArgs, *river.InsertOpts) { return verifyArgs{}, nil }, nil)
}
