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
	// auditEvery is how old an active offer's last audit may become.
	auditEvery = 7 * 24 * time.Hour
	// auditsAnHour bounds how many become due at a time, so that a network that
	// starts anew does not walk everywhere at once.
	auditsAnHour = 200
	// auditTimeout leaves room around an audit for the database. It must be shorter
	// than rescueAfter.
	auditTimeout = 25 * time.Second
)

// dueAuditsArgs asks for the offers whose audit is due to be audited. It is looked
// at hourly, so that a week in which the workers stood still is made up for.
type dueAuditsArgs struct{}

func (dueAuditsArgs) Kind() string { return "due_audits" }

func (dueAuditsArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueAudit} }

// auditArgs ask for one offer to be audited.
type auditArgs struct {
	Offer uuid.UUID `json:"offer" river:"unique"`
}

func (auditArgs) Kind() string { return "audit_redirects" }

func (auditArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueAudit, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}
}

type dueAuditsWorker struct {
	river.WorkerDefaults[dueAuditsArgs]
	store *db.Store
	now   func() time.Time
}

// Work implements river.Worker.
func (w *dueAuditsWorker) Work(ctx context.Context, _ *river.Job[dueAuditsArgs]) error {
	offers, err := w.store.OffersToAudit(ctx, proofback.System(), w.now().Add(-auditEvery), auditsAnHour)
	if err != nil || len(offers) == 0 {
		return err
	}
	params := make([]river.InsertManyParams, len(offers))
	for i, offer := range offers {
		params[i].Args = auditArgs{offer}
	}
	_, err = river.ClientFromContext[pgx.Tx](ctx).InsertMany(ctx, params)
	return err
}

type auditWorker struct {
	river.WorkerDefaults[auditArgs]
	auditor *auditor
}

// Timeout implements river.Worker.
func (w *auditWorker) Timeout(*river.Job[auditArgs]) time.Duration { return auditTimeout }

// Work implements river.Worker.
func (w *auditWorker) Work(ctx context.Context, job *river.Job[auditArgs]) error {
	_, err := w.auditor.audit(ctx, proofback.System(), job.Args.Offer)
	if proofback.CodeOf(err) == proofback.CodeNotFound {
		return nil // the offer is gone
	}
	return err
}
