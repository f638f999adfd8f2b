package jobs

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// statements counts what is asked of Postgres.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestTenThousandRetriesAreAsManyStatementsAsTen(t *testing.T) {
	t.Parallel()
	var asked statements
	f := setupOn(t, dbtest.Open(t, func(c *db.Config) { c.Tracer = &asked }))
	f.destination(t, "https://t.example/")
	var took []int64
	for _, n := range []int{10, 10_000} {
		f.approve(t, n, nil)
		f.exec(t, `UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL`)
		f.exec(t, `DELETE FROM river_job`)
		before := asked.n.Load()
		got, err := f.store.RetryFailedDeliveries(t.Context(), f.owner(), proofback.DeliveryFilter{})
		if err != nil || got.Count < n {
			t.Fatalf("%d of %d retried, %v", got.Count, n, err)
		}
		took = append(took, asked.n.Load()-before)
		f.eventually(t, "all of them wait", `SELECT count(*) FROM deliveries WHERE status = 'PENDING' AND next_attempt_at IS NOT NULL`, got.Count)
		f.eventually(t, "one job each thousand", `SELECT count(*) FROM river_job WHERE kind = 'fan_out'`, (got.Count+maxFanOut-1)/maxFanOut)
		f.exec(t, `UPDATE deliveries SET status = 'DELIVERED', next_attempt_at = NULL`)
	}
	// One more or less is River's notification, of which it sends one each 5 ms.
	if took[1] > took[0]+1 || took[1] > 7 {
		t.Errorf("10 take %d statements, 10,000 take %d", took[0], took[1])
	}
}
