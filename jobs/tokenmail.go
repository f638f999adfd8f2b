package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/mail"
)

// tokenTries is how often a letter with a token is tried: with faultPolicy's waits, for
// about a quarter of an hour. Who still waits then asks again.
const tokenTries = 20

// tokenMailArgs ask for a one-time token to be made and mailed. The token itself is in
// no job: whoever reads jobs finds none.
type tokenMailArgs struct {
	Purpose db.Purpose `json:"purpose"`
	Email   string     `json:"email"`
}

func (tokenMailArgs) Kind() string { return "mail_token" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (tokenMailArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueMail, MaxAttempts: tokenTries}
}

// tokenMailer is the db.Mailer of Jobs.
type tokenMailer struct{ jobs *Jobs }

var _ db.Mailer = tokenMailer{}

// EnqueueToken implements db.Mailer.
func (m tokenMailer) EnqueueToken(ctx context.Context, tx pgx.Tx, p db.Purpose, email string) error {
	_, err := m.jobs.client.InsertTx(ctx, tx, tokenMailArgs{p, email}, nil)
	return err
}

// tokenMailWorker mails tokens. Each try makes another one: the last is the one that
// arrived.
type tokenMailWorker struct {
	river.WorkerDefaults[tokenMailArgs]
	store  *db.Store
	sender *mail.Sender
	appURL string
}

// Work implements river.Worker.
func (w *tokenMailWorker) Work(ctx context.Context, job *river.Job[tokenMailArgs]) error {
	if w.sender == nil {
		return fmt.Errorf("PROOFBACK_SMTP_URL is not set here, and is where this was asked for")
	}
	t, err := w.store.TokenToMail(ctx, proofback.System(), job.Args.Purpose, job.Args.Email)
	if proofback.CodeOf(err) == proofback.CodeNotFound {
		return nil // nobody has that address, which nobody is told
	}
	if err != nil {
		return err
	}
	m := letterOf(job.Args.Purpose, t, w.appURL)
	m.ID, m.To = fmt.Sprintf("token-%d-%d", job.ID, job.Attempt), []string{job.Args.Email}
	err = w.sender.Send(ctx, m)
	if mail.Permanent(err) {
		return river.JobCancel(err)
	}
	return err
}

// letterOf writes the letter.
func letterOf(p db.Purpose, t db.OneTimeToken, appURL string) mail.Message {
	subject, what, path, end := "You are invited", "You are invited to this partner platform.\nChoose a password to begin", "/invitation", ""
	if p == db.PasswordReset {
		subject, what, path = "Your password", "Somebody, probably you, wants to set your password anew.\nChoose another one", "/password-reset"
		end = " If it was\nnot you, do nothing: your password stays as it is."
	}
	how := "with this token:\n\n    " + t.Token
	if appURL != "" {
		how = "here:\n\n    " + appURL + path + "?token=" + t.Token
	}
	return mail.Message{Subject: subject, Text: fmt.Sprintf("%s,\n%s\n\nIt works once, until %s.%s\n", what, how, t.ExpiresAt.UTC().Format(time.RFC1123), end)}
}
