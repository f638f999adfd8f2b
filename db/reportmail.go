package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// MailedRun is a run whose file is to be sent, and to whom.
type MailedRun struct {
	proofback.ReportRun
	Actor    proofback.Actor // under whose rights it was made
	To       string
	TimeZone string
}

// RunToMail gives a run whose file is still to be sent; nil when there is none. What may
// not be sent any more is CodeForbidden. System.
func (s *Store) RunToMail(ctx context.Context, actor proofback.Actor, id uuid.UUID) (*MailedRun, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	var found *MailedRun
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []struct {
			reportRunRow `bun:",extend"`
			TimeZone     string `bun:"time_zone,scanonly"`
			Email        string `bun:"email,scanonly"`
		}
		err := tx.NewSelect().
			Model(&rows).
			ColumnExpr("?TableColumns, report.time_zone, u.email").
			Join("JOIN saved_reports AS report ON report.id = run.report_id").
			Join("JOIN users AS u ON u.id = run.user_id").
			Where("run.id = ?", id).
			Where("run.status = 'DONE'").
			Where("run.mailed_at IS NULL").
			Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		row := &rows[0]
		user, err := userOfRun(ctx, tx, &row.reportRunRow)
		found = &MailedRun{ReportRun: *row.value(), Actor: user, To: row.Email, TimeZone: row.TimeZone}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// RunMailed keeps that a run's file was sent or, in a sentence, why it was not. System.
func (s *Store) RunMailed(ctx context.Context, actor proofback.Actor, id uuid.UUID, problem string) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	_, err := s.pool.Exec(ctx, `
		UPDATE report_runs
		SET mailed_at = CASE WHEN $2 = '' THEN $3::timestamptz END, mail_error = $2
		WHERE id = $1`, id, problem, s.clock())
	return domainError(err)
}
