package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// maxFanOut is how many deliveries one job fans out: enough to be rare, few
// enough for a short transaction.
const maxFanOut = 1000

var _ db.Enqueuer = (*Jobs)(nil)

// EnqueueDeliveries implements db.Enqueuer: one job, however many deliveries
// there are (one per 1,000, to be exact). A job for each at this point would
// cost the change that it belongs to a third of its speed. It is always copied in,
// since those who decide postbacks send such rows with the rest of theirs.
func (j *Jobs) EnqueueDeliveries(ctx context.Context, tx pgx.Tx, deliveries []db.DeliveryKey) error {
	var params []river.InsertManyParams
	for chunk := range slices.Chunk(deliveries, maxFanOut) {
		params = append(params, river.InsertManyParams{Args: newFanOutArgs(chunk)})
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := j.client.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	j.reminder.of(queueFanOut)
	return nil
}

// EnqueuePlan implements db.Enqueuer.
func (j *Jobs) EnqueuePlan(ctx context.Context, tx pgx.Tx, p db.Plan) error {
	params := make([]river.InsertManyParams, 0, len(p.Attempts)+len(p.Releases))
	for _, due := range p.Attempts {
		params = append(params, j.at(due.DueAt, newDeliverArgs(due)))
	}
	for _, r := range p.Releases {
		params = append(params, j.at(r.At, releaseArgs{r.DestinationID}))
	}
	return j.insert(ctx, tx, params)
}

// at makes a job that is done at a moment, or now when that has passed. What is
// scheduled is looked for by River's leader each 5 s.
func (j *Jobs) at(moment time.Time, args river.JobArgs) river.InsertManyParams {
	params := river.InsertManyParams{Args: args}
	if moment.After(j.now()) {
		params.InsertOpts = &river.InsertOpts{ScheduledAt: moment}
	}
	return params
}

func (j *Jobs) insert(ctx context.Context, tx pgx.Tx, params []river.InsertManyParams) error {
	var err error
	switch {
	case len(params) == 0:
	case len(params) <= fewJobs:
		_, err = j.client.InsertManyTx(ctx, tx, params)
	default:
		_, err = j.client.InsertManyFastTx(ctx, tx, params)
	}
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	last := ""
	for _, p := range params {
		args, ok := p.Args.(river.JobArgsWithInsertOpts)
		if !ok || p.InsertOpts != nil && !p.InsertOpts.ScheduledAt.IsZero() {
			continue
		}
		if queue := args.InsertOpts().Queue; queue != last {
			j.reminder.of(queue)
			last = queue
		}
	}
	return nil
}

// fewJobs are inserted by a statement, in one round trip; more are copied in,
// which takes three.
const fewJobs = 20

// fanOutWorker carries out the deliveries of a change, or makes a deliver job of
// each.
type fanOutWorker struct {
	river.WorkerDefaults[fanOutArgs]
	store   *db.Store
	deliver *deliverWorker
	jobs    *Jobs
	slots   chan struct{} // as many as there are requests in flight are in it
	turns   chan struct{} // as many as there are changes whose deliveries look for a slot are in it
}

// What is carried out at once, so that no process takes on more than it can do
// and others share in a burst: changes of up to maxDirect deliveries, which is what
// batches of postbacks make, maxTurns of them at a time, and within turnPatience.
const (
	maxDirect    = 256
	maxTurns     = 4
	turnPatience = 5 * time.Second
)

func (w *fanOutWorker) Work(ctx context.Context, job *river.Job[fanOutArgs]) error {
	keys, err := job.Args.resolve(ctx, w.store)
	if err != nil {
		return err
	}
	if len(keys) <= maxDirect && w.takeTurn(ctx) {
		return w.carryOut(ctx, job, keys)
	}
	due, err := w.store.DueDeliveries(ctx, proofback.System(), keys)
	if err != nil {
		return err
	}
	params := make([]river.InsertManyParams, len(due))
	for i, d := range due {
		params[i].Args = newDeliverArgs(d)
	}
	return w.handOver(ctx, job, params, nil)
}

// takeTurn waits for a turn, and reports whether it came in time.
func (w *fanOutWorker) takeTurn(ctx context.Context) bool {
	timer := time.NewTimer(turnPatience)
	defer timer.Stop()
	select {
	case w.turns <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// handOver makes jobs of what is not done here, and leaves to this one what is;
// when that is nothing, it is completed. All of it is one transaction, so that a
// crash neither loses nor doubles any.
func (w *fanOutWorker) handOver(ctx context.Context, job *river.Job[fanOutArgs], params []river.InsertManyParams, stay []db.DeliveryKey) error {
	// On River's own pool, whose commits do not wait for the disk: what a crash of
	// Postgres takes back is this job's completion as well.
	return pgx.BeginFunc(ctx, w.store.JobPool(), func(tx pgx.Tx) error {
		if err := w.jobs.insert(ctx, tx, params); err != nil {
			return err
		}
		if len(stay) == 0 {
			_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
			return err
		}
		args, err := json.Marshal(newFanOutArgs(stay))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE river_job SET args = $2 WHERE id = $1`, job.ID, string(args))
		return err
	})
}
