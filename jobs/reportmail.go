package jobs

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/mail"
)

// mailReportArgs ask for the file of a run to be sent to its user.
type mailReportArgs struct {
	Run uuid.UUID `json:"run"`
}

func (mailReportArgs) Kind() string { return "mail_report" }

func (mailReportArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueReports, MaxAttempts: mailAttempts}
}

const (
	// mailAttempts is how often a mail is handed over that the server did not take.
	mailAttempts = 5
	// maxMailed bounds a file that comes with a mail; many servers take no more.
	maxMailed = 5 << 20
)

// mailReportWorker sends the file of a run. A larger one it tells of.
type mailReportWorker struct {
	river.WorkerDefaults[mailReportArgs]
	store *db.Store
	mail  *mail.Sender
	log   *slog.Logger
}

// Timeout implements river.Worker.
func (w *mailReportWorker) Timeout(*river.Job[mailReportArgs]) time.Duration { return time.Minute }

// Work implements river.Worker.
func (w *mailReportWorker) Work(ctx context.Context, job *river.Job[mailReportArgs]) error {
	id := job.Args.Run
	if w.mail == nil {
		return w.store.RunMailed(ctx, proofback.System(), id, "this network has no mail server: fetch the file")
	}
	run, err := w.store.RunToMail(ctx, proofback.System(), id)
	if proofback.CodeOf(err) == proofback.CodeForbidden {
		return w.store.RunMailed(ctx, proofback.System(), id, err.Error())
	}
	if err != nil || run == nil {
		return err
	}
	m, err := w.message(ctx, run)
	if err == nil {
		err = w.mail.Send(ctx, m)
	}
	switch {
	case err == nil:
		return w.store.RunMailed(ctx, proofback.System(), id, "")
	case mail.Permanent(err) || job.Attempt >= job.MaxAttempts:
		w.log.WarnContext(ctx, "the file of a saved report was not sent", "run", id, "error", err)
		return w.store.RunMailed(ctx, proofback.System(), id, "the mail server did not take it: fetch the file")
	}
	return err
}

// message is what is sent of a run.
func (w *mailReportWorker) message(ctx context.Context, run *db.MailedRun) (mail.Message, error) {
	zone, err := time.LoadLocation(run.TimeZone)
	if err != nil {
		return mail.Message{}, err
	}
	const clock = "2006-01-02 15:04 MST"
	m := mail.Message{
		ID:      "report-" + run.ID.String(),
		To:      []string{run.To},
		Subject: run.Name,
		Text: fmt.Sprintf("%s\n\nFrom: %s\nTo: %s\nRows: %d\n", run.Name,
			run.Range.From.In(zone).Format(clock), run.Range.To.In(zone).Format(clock), run.Rows),
	}
	if run.Bytes > maxMailed {
		m.Text += fmt.Sprintf("\nIts file is too large to be sent (%d MB): fetch it, until %s.\n", run.Bytes>>20, run.KeptUntil.In(zone).Format(clock))
		return m, nil
	}
	var zipped bytes.Buffer
	for number := 0; ; number++ {
		chunk, err := w.store.ReportChunk(ctx, run.Actor, run.ID, number)
		if err != nil {
			return m, err
		}
		if chunk == nil {
			break
		}
		zipped.Write(chunk)
	}
	zip, err := gzip.NewReader(&zipped)
	if err != nil {
		return m, err
	}
	data, err := io.ReadAll(io.LimitReader(zip, maxMailed))
	if err != nil {
		return m, err
	}
	m.Files = []mail.File{{Name: run.FileName(), Type: run.Format.MediaType(), Data: data}}
	return m, nil
}
