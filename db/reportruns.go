package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// EnqueueRuns asks for runs of saved reports to be made once tx commits.
type EnqueueRuns func(ctx context.Context, tx pgx.Tx, runs []uuid.UUID) error

// RunSavedReport has a report made now; where it is being made, that run is given. Its
// user, and staff.
func (s *Store) RunSavedReport(ctx context.Context, actor proofback.Actor, id uuid.UUID, enqueue EnqueueRuns) (*proofback.ReportRun, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var rows []reportRunRow
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		report, err := lockSavedReport(ctx, tx, id)
		if err != nil {
			return err
		}
		if !report.ArchivedAt.IsZero() {
			return proofback.Errorf(proofback.CodeConflict, "this report is archived")
		}
		tx.touched(proofback.KindSavedReport, id)
		rows = []reportRunRow{*report.newRun(tx.now, tx.now, false)}
		made, err := insertRuns(ctx, tx, rows)
		if err != nil {
			return err
		}
		if len(made) == 0 {
			return tx.NewSelect().Model(&rows).Where("run.report_id = ?", id).Where("run.status IN ('QUEUED', 'RUNNING')").Scan(ctx)
		}
		return tx.asPgx(func(pg pgx.Tx) error {
			return tx.lentAsOwner(ctx, pg, func() error { return enqueue(ctx, pg, made) })
		})
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 { // it ended between the two
		return nil, proofback.Errorf(proofback.CodeConflict, "this report has just been made: ask again")
	}
	return rows[0].value(), nil
}

// insertRuns adds runs, and gives those that there was not one under way of.
func insertRuns(ctx context.Context, tx *tx, rows []reportRunRow) (made []uuid.UUID, err error) {
	err = tx.NewInsert().
		Model(&rows).
		On("CONFLICT (report_id) WHERE status IN ('QUEUED', 'RUNNING') DO NOTHING").
		Returning("id").
		Scan(ctx, &made)
	return made, err
}

// brokenOff is when a run is given up that nobody says anything of any more.
const brokenOff = 6 * time.Hour

// TakeDueReports has the reports made that are due, each once, and plans their next time.
// Those of users who were disabled are planned and not made. System.
func (s *Store) TakeDueReports(ctx context.Context, actor proofback.Actor, limit int, enqueue EnqueueRuns) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		_, err := tx.NewUpdate().
			Model((*reportRunRow)(nil)).
			Set("status = 'FAILED', finished_at = ?, kept_until = ?, error = ?", tx.now, tx.now.AddDate(0, 0, 1), "it was broken off: ask for it again").
			Where("status IN ('QUEUED', 'RUNNING')").
			Where("created_at < ?", tx.now.Add(-brokenOff)).
			Exec(ctx)
		if err != nil {
			return err
		}
		var due []struct {
			savedReportRow `bun:",extend"`
			Disabled       bool `bun:"disabled,scanonly"`
		}
		err = tx.NewSelect().
			Model(&due).
			ColumnExpr("?TableColumns, u.disabled_at IS NOT NULL AS disabled").
			Join("JOIN users AS u ON u.id = report.user_id").
			Where("report.next_run_at <= ?", tx.now).
			OrderExpr("report.next_run_at").
			Limit(int64(limit)).
			For("UPDATE OF report SKIP LOCKED").
			Scan(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		var rows []reportRunRow
		ids, next := make([]uuid.UUID, len(due)), make([]time.Time, len(due))
		for i := range due {
			zone, err := time.LoadLocation(due[i].TimeZone)
			if err != nil {
				return err
			}
			ids[i], next[i] = due[i].ID, due[i].value().Next(tx.now, zone)
			if !due[i].Disabled {
				rows = append(rows, *due[i].newRun(due[i].NextRunAt, tx.now, true))
			}
		}
		_, err = tx.NewRaw(`
			UPDATE saved_reports AS report
			SET next_run_at = planned.at
			FROM unnest(?::uuid[], ?::timestamptz[]) AS planned (id, at)
			WHERE report.id = planned.id`, pgdialect.Array(ids), pgdialect.Array(next)).Exec(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		made, err := insertRuns(ctx, tx, rows)
		if err != nil || len(made) == 0 {
			return err
		}
		return tx.asPgx(func(pg pgx.Tx) error { return enqueue(ctx, pg, made) })
	})
}

// ReportRuns lists the runs of a saved report that the actor may see, newest first.
func (s *Store) ReportRuns(ctx context.Context, actor proofback.Actor, report uuid.UUID, p proofback.Page) (proofback.Window[*proofback.ReportRun], error) {
	var w proofback.Window[*proofback.ReportRun]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []reportRunRow
		q := ownRows(tx.NewSelect().Model(&rows), actor, "run").Where("run.report_id = ?", report)
		err := pageByID(q, "run.id", p).Scan(ctx)
		w = window(p, rows, (*reportRunRow).value)
		return err
	})
	return w, err
}

// ReportRunsByID gives those of ids that the actor may see.
func (s *Store) ReportRunsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.ReportRun, error) {
	return s.reportRuns(ctx, actor, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("run.id IN (?)", bun.List(ids))
	}, func(r *reportRunRow) uuid.UUID { return r.ID })
}

// LastReportRuns gives the newest run of each of some saved reports, by report, as far
// as the actor may see them.
func (s *Store) LastReportRuns(ctx context.Context, actor proofback.Actor, reports []uuid.UUID) (map[uuid.UUID]*proofback.ReportRun, error) {
	return s.reportRuns(ctx, actor, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.DistinctOn("run.report_id").Where("run.report_id IN (?)", bun.List(reports)).OrderExpr("run.report_id, run.id DESC")
	}, func(r *reportRunRow) uuid.UUID { return r.ReportID })
}

func (s *Store) reportRuns(ctx context.Context, actor proofback.Actor, which func(*bun.SelectQuery) *bun.SelectQuery, key func(*reportRunRow) uuid.UUID) (map[uuid.UUID]*proofback.ReportRun, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := map[uuid.UUID]*proofback.ReportRun{}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []reportRunRow
		err := which(ownRows(tx.NewSelect().Model(&rows), actor, "run")).Scan(ctx)
		for i := range rows {
			found[key(&rows[i])] = rows[i].value()
		}
		return err
	})
	return found, err
}
