package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

const (
	// MaxReportFile bounds a file as it is stored, compressed.
	MaxReportFile = 64 << 20
	// maxReportFiles bounds the files of a user together: beyond it the oldest are
	// dropped.
	maxReportFiles = 512 << 20
	// reportChunk is how much of a file is in memory at a time.
	reportChunk = 256 << 10
)

// BegunRun is a run that is to be made, and what of.
type BegunRun struct {
	proofback.ReportRun
	Actor proofback.Actor // under whose rights
	Input proofback.ReportInput
}

// BeginReportRun takes up a run, again where whoever did before has died; nil when it
// has ended. What cannot be made any more is CodeForbidden or CodeInvalid. System.
func (s *Store) BeginReportRun(ctx context.Context, actor proofback.Actor, id uuid.UUID) (*BegunRun, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	var begun *BegunRun
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []struct {
			reportRunRow `bun:",extend"`
			Query        proofback.SavedQuery `bun:"query,scanonly,type:jsonb"`
			TimeZone     string               `bun:"time_zone,scanonly"`
		}
		err := tx.NewSelect().
			Model(&rows).
			ColumnExpr("?TableColumns, report.query, report.time_zone").
			Join("JOIN saved_reports AS report ON report.id = run.report_id").
			Where("run.id = ?", id).
			Where("run.status IN ('QUEUED', 'RUNNING')").
			For("UPDATE OF run").
			Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		row := &rows[0]
		user, err := userOfRun(ctx, tx, &row.reportRunRow)
		if err != nil {
			return err
		}
		zone, err := time.LoadLocation(row.TimeZone)
		if err != nil {
			return err
		}
		in := row.Query.Input(row.At, zone)
		if in.Currency == "" {
			in.Currency = s.currency
		}
		row.Status, row.StartedAt, row.From, row.To = proofback.RunRunning, tx.now, in.Range.From, in.Range.To
		_, err = tx.NewUpdate().Model(&row.reportRunRow).Column("status", "started_at", "range_from", "range_to").WherePK().Exec(ctx)
		begun = &BegunRun{ReportRun: *row.value(), Actor: user, Input: in}
		return err
	})
	return begun, err
}

// userOfRun is under whose rights a run is made: of its user, who must be who it was.
func userOfRun(ctx context.Context, tx *tx, run *reportRunRow) (proofback.Actor, error) {
	var u userRow
	err := tx.NewSelect().Model(&u).ExcludeColumn("password_hash").Where("u.id = ?", run.UserID).Scan(ctx)
	switch {
	case err != nil:
		return proofback.Actor{}, err
	case !u.DisabledAt.IsZero():
		return proofback.Actor{}, proofback.Errorf(proofback.CodeForbidden, "its user has been disabled")
	case u.AffiliateID != run.AffiliateID || u.AdvertiserID != run.AdvertiserID:
		return proofback.Actor{}, proofback.Errorf(proofback.CodeForbidden, "its user works for somebody else now: save it anew")
	}
	return u.actor(), nil
}

// ReportFile is what came of a run.
type ReportFile struct {
	Rows  int64
	Bytes int64     // uncompressed
	Data  io.Reader // gzip
	Keep  time.Duration
	// Mail has the run's file sent to its user, once the transaction commits; it is
	// asked where the report says so.
	Mail func(ctx context.Context, tx pgx.Tx) error
}

// errRunEnded says that somebody else has ended a run meanwhile.
var errRunEnded = errors.New("the run has ended")

// FinishReportRun stores a run's file. System.
func (s *Store) FinishReportRun(ctx context.Context, actor proofback.Actor, id uuid.UUID, f ReportFile) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(pg pgx.Tx) error {
			// Whoever makes the same run waits here, and finds it ended.
			var user uuid.UUID
			var mail bool
			err := pg.QueryRow(ctx, `
				UPDATE report_runs AS run
				SET status = 'DONE', finished_at = $2, rows = $3, bytes = $4, kept_until = $5
				FROM saved_reports AS report
				WHERE run.id = $1
				AND status = 'RUNNING'
				AND report.id = run.report_id
				RETURNING run.user_id, report.mail`, id, tx.now, f.Rows, f.Bytes, tx.now.Add(f.Keep)).Scan(&user, &mail)
			if errors.Is(err, pgx.ErrNoRows) {
				return errRunEnded
			}
			if err != nil {
				return err
			}
			stored, err := storeChunks(ctx, pg, id, f.Data)
			if err != nil {
				return err
			}
			if _, err := pg.Exec(ctx, `UPDATE report_runs SET stored = $2 WHERE id = $1`, id, stored); err != nil {
				return err
			}
			_, err = pg.Exec(ctx, `
				DELETE FROM report_runs
				WHERE id IN (
					SELECT id
					FROM (
						SELECT id, sum(stored) OVER (ORDER BY id DESC) AS total
						FROM report_runs
						WHERE user_id = $1
						AND status = 'DONE'
					) AS files
					WHERE total > $2
				)`, user, maxReportFiles)
			if err != nil || !mail || f.Mail == nil {
				return err
			}
			return f.Mail(ctx, pg)
		})
	})
	if errors.Is(err, errRunEnded) {
		return nil
	}
	return err
}

// storeChunks stores a file, a piece at a time.
func storeChunks(ctx context.Context, pg pgx.Tx, run uuid.UUID, from io.Reader) (stored int64, err error) {
	chunk := make([]byte, reportChunk)
	for number := 0; ; number++ {
		n, err := io.ReadFull(from, chunk)
		if n > 0 {
			if stored += int64(n); stored > MaxReportFile {
				return 0, fmt.Errorf("a file of over %d bytes", MaxReportFile)
			}
			_, insertErr := pg.Exec(ctx, `INSERT INTO report_files (run_id, number, data) VALUES ($1, $2, $3)`, run, number, chunk[:n])
			if insertErr != nil {
				return 0, insertErr
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return stored, nil
		case err != nil:
			return 0, err
		}
	}
}

// FailReportRun says why a run came to nothing, and tells its user's company, or staff,
// where the run before it did not fail as well. System.
func (s *Store) FailReportRun(ctx context.Context, actor proofback.Actor, id uuid.UUID, why string, keep time.Duration) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		_, err := tx.NewRaw(`
			WITH failed AS (
				UPDATE report_runs
				SET status = 'FAILED', finished_at = ?1, kept_until = ?2, error = ?3
				WHERE id = ?0
				AND status IN ('QUEUED', 'RUNNING')
				RETURNING *
			)
			INSERT INTO notices (id, affiliate_id, advertiser_id, saved_report_id, kind, message, at)
			SELECT uuid_v7(?1), affiliate_id, advertiser_id, report_id, ?4, ?5 || ': "' || name || '": ' || error, ?1
			FROM failed
			WHERE NOT EXISTS (
				SELECT
				FROM (
					SELECT status
					FROM report_runs AS earlier
					WHERE earlier.report_id = failed.report_id
					AND earlier.id < failed.id
					ORDER BY id DESC
					LIMIT 1
				) AS before
				WHERE status = 'FAILED'
			)`, id, tx.now, tx.now.Add(keep), why, proofback.NoticeReportFailed, "a saved report could not be made").Exec(ctx)
		return err
	})
}

// ReportChunk gives a piece of the file of a run that the actor may see, gzipped, by its
// number from 0; nil after the last.
func (s *Store) ReportChunk(ctx context.Context, actor proofback.Actor, run uuid.UUID, number int) ([]byte, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var chunks [][]byte
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := ownRows(tx.NewSelect().Model((*reportRunRow)(nil)), actor, "run").
			ColumnExpr("file.data").
			Join("LEFT JOIN report_files AS file ON file.run_id = run.id AND file.number = ?", number).
			Where("run.id = ?", run).
			Where("run.status = 'DONE'").
			Scan(ctx, &chunks)
		if err == nil && len(chunks) == 0 {
			err = proofback.NotFound("file of a saved report")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return chunks[0], nil
}

// DropReportRuns drops runs that are past their time, with their files. System.
func (s *Store) DropReportRuns(ctx context.Context, actor proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM report_runs WHERE kept_until < $1`, s.clock())
	return domainError(err)
}
