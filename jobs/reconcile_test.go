package jobs

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

func TestAComparisonThatRunsOutOfTimeIsToldToHaveFailed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := newID(t)
	f.exec(t, `
		INSERT INTO reconciliations (id, advertiser_id, source, status, range_from, range_to, created_at)
		VALUES ($1, $2, 'UPLOAD', 'RUNNING', now() - interval '1 day', now(), now())`, id, newID(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	w := &reconcileWorker{store: f.store}
	job := &river.Job[reconcileArgs]{JobRow: &rivertype.JobRow{Attempt: reconcileAttempts, MaxAttempts: reconcileAttempts}, Args: reconcileArgs{id}}
	if err := w.Work(ctx, job); err != nil {
		t.Error(err)
	}
	f.eventually(t, "failed", `SELECT count(*) FROM reconciliations WHERE id = $1 AND status = 'FAILED' AND finished_at IS NOT NULL`, 1, id)
}
