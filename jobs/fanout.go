package jobs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
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
// cost the change that it belongs to a third of its speed.
func (j *Jobs) EnqueueDeliveries(ctx context.Context, tx pgx.Tx, deliveries []uuid.UUID) error {
	var params []river.InsertManyParams
	for chunk := range slices.Chunk(deliveries, maxFanOut) {
		params = append(params, river.InsertManyParams{Args: fanOutArgs{chunk}})
	}
	return j.insert(ctx, tx, params)
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
	return nil
}

// fewJobs are inserted by a statement, in one round trip; more are copied in,
// which takes three.
const fewJobs = 20

// fanOutArgs name recorded deliveries.
type fanOutArgs struct {
	IDs packedIDs `json:"ids"`
}

func (fanOutArgs) Kind() string { return "fan_out" }

func (fanOutArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueFanOut} }

// packedIDs are ids as one string: River indexes every string in a job's
// arguments, and nobody looks a fan-out up by one of a thousand.
type packedIDs []uuid.UUID

func (p packedIDs) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 16*len(p))
	for _, id := range p {
		raw = append(raw, id[:]...)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

func (p *packedIDs) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(raw)%16 != 0 {
		return errors.New("jobs: not a list of ids")
	}
	*p = make(packedIDs, 0, len(raw)/16)
	for id := range slices.Chunk(raw, 16) {
		*p = append(*p, uuid.UUID(id))
	}
	return nil
}

// fanOutWorker makes a deliver job of each delivery that waits.
type fanOutWorker struct {
	river.WorkerDefaults[fanOutArgs]
	store *db.Store
}

// Work inserts the jobs and completes its own in one transaction.
func (w *fanOutWorker) Work(ctx context.Context, job *river.Job[fanOutArgs]) error {
	return pgx.BeginFunc(ctx, w.store.Pool(), func(tx pgx.Tx) error {
		due, err := w.store.DueDeliveries(ctx, tx, proofback.System(), job.Args.IDs)
		if err != nil {
			return err
		}
		params := make([]river.InsertManyParams, len(due))
		for i, d := range due {
			params[i].Args = newDeliverArgs(d)
		}
		if len(params) > 0 {
			if _, err := river.ClientFromContext[pgx.Tx](ctx).InsertManyFastTx(ctx, tx, params); err != nil {
				return err
			}
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}
