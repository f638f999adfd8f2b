package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

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

// errorHandler tells the log of faults, and ends the delivery of a job that will
// not be tried again, so that it is seen.
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
	var args deliverArgs
	if !last || job.Kind != args.Kind() || json.Unmarshal(job.EncodedArgs, &args) != nil {
		return
	}
	if err := h.store.EndDelivery(context.WithoutCancel(ctx), proofback.System(), args.due(), proofback.DeliveryFailed); err != nil {
		h.log.ErrorContext(ctx, "delivery not ended", "delivery_id", args.Delivery, "error", err)
	}
}
