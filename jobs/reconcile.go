package jobs

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

const (
	// reconcileTimeout bounds the comparison of two lists: a million lines take
	// under a minute.
	reconcileTimeout = 10 * time.Minute
	// reconcileAttempts is how often one is tried that the database broke off.
	reconcileAttempts = 5
	// reconcileAgain is when a comparison is looked at that another worker is at.
	reconcileAgain = 30 * time.Second
)

// reconcileArgs ask for an advertiser's list to be compared with our conversions.
type reconcileArgs struct {
	Reconciliation uuid.UUID `json:"reconciliation"`
}

func (reconcileArgs) Kind() string { return "reconcile" }

func (reconcileArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueReconcile, MaxAttempts: reconcileAttempts}
}

// EnqueueReconciliation asks for a list to be compared once tx commits.
func (j *Jobs) EnqueueReconciliation(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := j.client.InsertTx(ctx, tx, reconcileArgs{id}, nil)
	return err
}

type reconcileWorker struct {
	river.WorkerDefaults[reconcileArgs]
	store *db.Store
}

// Timeout implements river.Worker.
func (w *reconcileWorker) Timeout(*river.Job[reconcileArgs]) time.Duration { return reconcileTimeout }

// Work implements river.Worker.
func (w *reconcileWorker) Work(ctx context.Context, job *river.Job[reconcileArgs]) error {
	err := w.store.Reconcile(ctx, proofback.System(), job.Args.Reconciliation)
	switch {
	case proofback.CodeOf(err) == proofback.CodeConflict:
		return river.JobSnooze(reconcileAgain)
	case err != nil && job.Attempt >= job.MaxAttempts:
		why := "the comparison failed: send the list again, and tell us if it fails again"
		// What ended the comparison may have been the time that it had.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTimeout)
		defer cancel()
		return w.store.FailedReconciliation(ctx, proofback.System(), job.Args.Reconciliation, why)
	}
	return err
}
