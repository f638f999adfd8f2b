package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Reconcile compares a list that was stored with the conversions of its time, and
// keeps how each line and each conversion stands. It does nothing where that was
// done, and one run of it at a time. How far it is can be seen meanwhile. System.
func (s *Store) Reconcile(ctx context.Context, actor proofback.Actor, id uuid.UUID) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	// Each list is taken by one statement, and compared as it was then.
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		r := &reconciler{Store: s, tx: tx, id: id}
		return r.run(ctx)
	})
	return domainError(err)
}

// FailedReconciliation keeps that a comparison failed for good. System.
func (s *Store) FailedReconciliation(ctx context.Context, actor proofback.Actor, id uuid.UUID, why string) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	_, err := s.pool.Exec(ctx, `
		UPDATE reconciliations
		SET status = 'FAILED', error = $2, finished_at = $3
		WHERE id = $1
		  AND status <> 'DONE'`, id, why, s.clock())
	return domainError(err)
}

type reconciler struct {
	*Store
	tx pgx.Tx
	id uuid.UUID
}

func (r *reconciler) run(ctx context.Context) error {
	// Two runs of one would both be right, and one of them for nothing.
	var turn bool
	if err := r.tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('reconcile ' || $1, 0))`, r.id.String()).Scan(&turn); err != nil {
		return err
	}
	var status proofback.ReconciliationStatus
	if err := r.tx.QueryRow(ctx, `SELECT status FROM reconciliations WHERE id = $1`, r.id).Scan(&status); err != nil {
		return err
	}
	if !turn {
		return proofback.Errorf(proofback.CodeConflict, "another worker is at this comparison")
	}
	if status == proofback.ReconciliationDone || status == proofback.ReconciliationFailed {
		return nil
	}
	// The statements sort and join whole lists.
	if _, err := r.tx.Exec(ctx, `SET LOCAL work_mem = '64MB'; SET LOCAL jit = off`); err != nil {
		return err
	}
	steps := r.steps()
	for i, step := range steps {
		r.progress(ctx, 100*i/(len(steps)+1))
		if _, err := r.tx.Exec(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("reconcile, step %d: %w", i+1, err)
		}
	}
	if err := r.prove(ctx); err != nil {
		return err
	}
	r.progress(ctx, 99)
	return r.finish(ctx)
}

type reconcileStep struct {
	sql  string
	args []any
}

func (r *reconciler) steps() []reconcileStep {
	steps := []reconcileStep{{reconcileTheirs, []any{r.id}}, {reconcileOurs, []any{r.id}}, {reconcileIndex, nil}}
	for _, by := range reconcilePairs {
		steps = append(steps, reconcileStep{fmt.Sprintf(reconcilePair, by[0], by[1], by[2], by[3]), nil})
	}
	return append(steps,
		reconcileStep{`ANALYZE pairs`, nil},
		reconcileStep{reconcileAlone, nil},
		reconcileStep{`ANALYZE alone`, nil},
		reconcileStep{reconcileWhy, []any{r.id}},
		reconcileStep{reconcileSuggest, nil},
		reconcileStep{reconcileJudge, []any{r.id}},
		reconcileStep{reconcileItems, []any{r.id}},
		reconcileStep{reconcileSum, []any{r.id}},
	)
}

// progress tells how far the run is, outside of its transaction. It is not worth
// failing for.
func (r *reconciler) progress(ctx context.Context, percent int) {
	_, err := r.pool.Exec(ctx, `
		UPDATE reconciliations
		SET status = 'RUNNING', progress = $2
		WHERE id = $1
		  AND status IN ('QUEUED', 'RUNNING')`, r.id, percent)
	if err != nil {
		r.log.WarnContext(ctx, "the progress of a reconciliation could not be told", "reconciliation_id", r.id, "error", err)
	}
}

// prove makes sure that both lists are accounted for to the last line.
func (r *reconciler) prove(ctx context.Context) error {
	var theirs, judgedTheirs, ours, judgedOurs int64
	if err := r.tx.QueryRow(ctx, reconcileProof).Scan(&theirs, &judgedTheirs, &ours, &judgedOurs); err != nil {
		return err
	}
	if theirs != judgedTheirs || ours != judgedOurs {
		return fmt.Errorf("reconcile: %d lines became %d, %d conversions became %d", theirs, judgedTheirs, ours, judgedOurs)
	}
	return nil
}

func (r *reconciler) finish(ctx context.Context) error {
	_, err := r.tx.Exec(ctx, `
		UPDATE reconciliations
		SET status = 'DONE', progress = 100, finished_at = $2
		WHERE id = $1`, r.id, r.clock())
	return err
}
