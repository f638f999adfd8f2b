package jobs

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

const (
	// reportsEvery is how late a saved report may be begun.
	reportsEvery = time.Minute
	// reportsAtOnce bounds how many become due at a time; the rest is a minute later.
	reportsAtOnce = 500
	// reportTimeout bounds the making of one, and the storing of its file.
	reportTimeout = 10 * time.Minute
	// reportAttempts is how often one is tried that the database broke off.
	reportAttempts = 3
	// defaultKeepReports is how long files are kept.
	defaultKeepReports = 30 * 24 * time.Hour
)

// dueReportsArgs asks for the saved reports that are due to be made.
type dueReportsArgs struct{}

func (dueReportsArgs) Kind() string { return "due_reports" }

// dropReportsArgs asks for the files of saved reports to be dropped that are past their
// time.
type dropReportsArgs struct{}

func (dropReportsArgs) Kind() string { return "drop_reports" }

// makeReportArgs ask for one run of a saved report to be made.
type makeReportArgs struct {
	Run uuid.UUID `json:"run"`
}

func (makeReportArgs) Kind() string { return "make_report" }

func (makeReportArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueReports, MaxAttempts: reportAttempts}
}

// EnqueueReportRuns asks for runs of saved reports to be made once tx commits.
func (j *Jobs) EnqueueReportRuns(ctx context.Context, tx pgx.Tx, runs []uuid.UUID) error {
	return enqueueReportRuns(ctx, j.client, tx, runs)
}

func enqueueReportRuns(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, runs []uuid.UUID) error {
	params := make([]river.InsertManyParams, len(runs))
	for i, id := range runs {
		params[i].Args = makeReportArgs{id}
	}
	_, err := client.InsertManyTx(ctx, tx, params)
	return err
}

type dueReportsWorker struct {
	river.WorkerDefaults[dueReportsArgs]
	store *db.Store
}

// Work implements river.Worker.
func (w *dueReportsWorker) Work(ctx context.Context, _ *river.Job[dueReportsArgs]) error {
	client := river.ClientFromContext[pgx.Tx](ctx)
	return w.store.TakeDueReports(ctx, proofback.System(), reportsAtOnce, func(ctx context.Context, tx pgx.Tx, runs []uuid.UUID) error {
		return enqueueReportRuns(ctx, client, tx, runs)
	})
}

// reportWorker makes the file of a run, under the rights of its user: first into a local
// file, so that neither memory nor a transaction of the database grows with it.
type reportWorker struct {
	river.WorkerDefaults[makeReportArgs]
	store *db.Store
	keep  time.Duration
	log   *slog.Logger
}

// mailed asks for a run's file to be sent once tx commits.
func mailed(ctx context.Context, run uuid.UUID) func(context.Context, pgx.Tx) error {
	client := river.ClientFromContext[pgx.Tx](ctx)
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := client.InsertTx(ctx, tx, mailReportArgs{run}, nil)
		return err
	}
}

// Timeout implements river.Worker.
func (w *reportWorker) Timeout(*river.Job[makeReportArgs]) time.Duration { return reportTimeout }

// errTooLarge says that a report's file is larger than what is kept.
var errTooLarge = errors.New("the file is too large")

// Work implements river.Worker.
func (w *reportWorker) Work(ctx context.Context, job *river.Job[makeReportArgs]) error {
	err := w.make(ctx, job.Args.Run)
	var why string
	switch code := proofback.CodeOf(err); {
	case err == nil:
		return nil
	case errors.Is(err, errTooLarge):
		why = fmt.Sprintf("its file is larger than %d MB, compressed: let it tell of less", db.MaxReportFile>>20)
	case code == proofback.CodeForbidden, code == proofback.CodeInvalid, code == proofback.CodeUnauthenticated:
		why = err.Error()
	case job.Attempt >= job.MaxAttempts:
		w.log.ErrorContext(ctx, "a saved report could not be made", "run", job.Args.Run, "error", err)
		why = "it took too long, or something went wrong on our side: ask for it again, or let it tell of less"
	default:
		return err
	}
	// What ended the run may have been the time that it had.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTimeout)
	defer cancel()
	return w.store.FailReportRun(ctx, proofback.System(), job.Args.Run, why, w.keep)
}

func (w *reportWorker) make(ctx context.Context, id uuid.UUID) error {
	run, err := w.store.BeginReportRun(ctx, proofback.System(), id)
	if err != nil || run == nil {
		return err
	}
	file, err := os.CreateTemp("", "proofback-report-*")
	if err != nil {
		return err
	}
	_ = os.Remove(file.Name())
	defer func() { _ = file.Close() }()
	made := db.ReportFile{Keep: w.keep, Mail: mailed(ctx, id)}
	if err := w.write(ctx, run, file, &made); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	made.Data = file
	return w.store.FinishReportRun(ctx, proofback.System(), id, made)
}

// write writes the report as its user sees it, compressed.
func (w *reportWorker) write(ctx context.Context, run *db.BegunRun, file io.Writer, made *db.ReportFile) error {
	zip := gzip.NewWriter(&bounded{to: file, left: db.MaxReportFile})
	plain := &counting{to: zip}
	out, err := proofback.NewReportWriter(plain, run.Format, run.Input.GroupBy, run.Input.Currency)
	if err != nil {
		return err
	}
	if err := w.store.EachReportRow(ctx, run.Actor, run.Input, out.Write); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	made.Rows, made.Bytes = out.Rows, plain.n
	return zip.Close()
}

// bounded writes up to a number of bytes.
type bounded struct {
	to   io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errTooLarge
	}
	return b.to.Write(p)
}

// counting counts what is written.
type counting struct {
	to io.Writer
	n  int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}
