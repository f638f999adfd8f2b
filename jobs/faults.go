package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// faultPolicy spaces the retries of jobs that failed by a fault of ours, or
// whose process died: soon at first, at most a minute apart.
type faultPolicy struct{ now func() time.Time }

var _ river.ClientRetryPolicy = faultPolicy{}

func (p faultPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	n := time.Duration(len(job.Errors) + 1)
	return p.now().Add(min(n*n*time.Second, time.Minute))
}

// errorHandler tells the log of faults, and ends the deliveries of a job that will
// not be tried again, so that they are seen.
type errorHandler struct {
	store *db.Store
	log   *slog.Logger
}

var _ river.ErrorHandler = (*errorHandler)(nil)

// HandleError implements river.ErrorHandler.
func (h *errorHandler) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	h.handle(ctx, job, slog.Any("error", err))
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (h *errorHandler) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	h.handle(ctx, job, slog.String("panic", fmt.Sprint(value)), slog.String("trace", trace))
	return nil
}

func (h *errorHandler) handle(ctx context.Context, job *rivertype.JobRow, what ...slog.Attr) {
	last := job.Attempt >= job.MaxAttempts
	attrs := append([]slog.Attr{
		slog.String("job_kind", job.Kind),
		slog.Int64("job_id", job.ID),
		slog.Int("attempt", job.Attempt),
		slog.Bool("given_up", last),
	}, what...)
	h.log.LogAttrs(ctx, slog.LevelError, "job failed", attrs...)
	if !last {
		return
	}
	ctx = context.WithoutCancel(ctx)
	due, err := h.left(ctx, job)
	if err != nil {
		h.log.ErrorContext(ctx, "deliveries not ended", "job_id", job.ID, "error", err)
	}
	for _, d := range due {
		if err := h.store.EndDelivery(ctx, proofback.System(), d, proofback.DeliveryFailed); err != nil {
			h.log.ErrorContext(ctx, "delivery not ended", "delivery_id", d.ID, "error", err)
		}
	}
}

// left are the deliveries that nobody comes for once a job is given up.
func (h *errorHandler) left(ctx context.Context, job *rivertype.JobRow) ([]db.DueDelivery, error) {
	switch job.Kind {
	case deliverArgs{}.Kind():
		var args deliverArgs
		err := json.Unmarshal(job.EncodedArgs, &args)
		return []db.DueDelivery{args.due()}, err
	case fanOutArgs{}.Kind():
		// As the job stands by now: what it has handed over is other jobs'. That is all of
		// it where it has completed, and only the word of that was lost.
		var args fanOutArgs
		err := h.store.JobPool().QueryRow(ctx, `SELECT args FROM river_job WHERE id = $1 AND state = $2`, job.ID, rivertype.JobStateRunning).Scan(&args)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		keys, err := args.resolve(ctx, h.store)
		if err != nil {
			return nil, err
		}
		return h.store.DueDeliveries(ctx, proofback.System(), keys)
	}
	return nil, nil
}
