package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// EnqueueLooks implements db.Enqueuer. A job that comes when the request waits no
// longer finds that out and ends, so more than one does no harm.
func (j *Jobs) EnqueueLooks(ctx context.Context, tx pgx.Tx, postbacks []uuid.UUID) error {
	params := make([]river.InsertManyParams, len(postbacks))
	for i, id := range postbacks {
		params[i].Args = lookArgs{id}
	}
	return j.insert(ctx, tx, params)
}

// lookArgs name a deferred postback.
type lookArgs struct {
	Postback uuid.UUID `json:"postback"`
}

func (lookArgs) Kind() string { return "look_again" }

func (lookArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueLook} }

// lookWorker decides deferred postbacks when what they wait for has come.
type lookWorker struct {
	river.WorkerDefaults[lookArgs]
	store *db.Store
	setup *db.Setup
	keys  *proofback.ClickKeys
	log   *slog.Logger
}

// lookAfterFaults is when a look is tried again that has failed as often as a job may.
const lookAfterFaults = 10 * time.Minute

func (w *lookWorker) Work(ctx context.Context, job *river.Job[lookArgs]) error {
	again, err := w.store.LookAgain(ctx, w.setup, w.keys, job.Args.Postback)
	switch {
	case err != nil && job.Attempt >= job.MaxAttempts:
		// Its sender was told that it is taken, and nobody else would look: it is not given
		// up, whatever is broken for however long.
		w.log.ErrorContext(ctx, "a deferred postback cannot be looked at", "postback_id", job.Args.Postback, "again_in", lookAfterFaults, "error", err)
		return river.JobSnooze(lookAfterFaults)
	case err != nil || again == 0:
		return err
	}
	return river.JobSnooze(again)
}
