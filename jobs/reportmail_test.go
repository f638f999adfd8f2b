package jobs

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/mail"
)

// letterbox is a mail server that takes everything, or refuses it for good.
type letterbox struct {
	refuses bool
	mu      sync.Mutex
	letters []string
}

func newLetterbox(t *testing.T, refuses bool) (*letterbox, *mail.Sender) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &letterbox{refuses: refuses}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	sender, err := mail.New(fmt.Sprintf("smtp://%s?from=reports@network.example", l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	return b, sender
}

func (b *letterbox) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 box")
	var letter strings.Builder
	for lines, data := bufio.NewScanner(conn), false; lines.Scan(); {
		line := lines.Text()
		switch {
		case data && line == ".":
			b.mu.Lock()
			b.letters = append(b.letters, letter.String())
			b.mu.Unlock()
			data = false
			say("250 taken")
		case data:
			letter.WriteString(line + "\n")
		case strings.HasPrefix(line, "RCPT") && b.refuses:
			say("550 nobody here")
		case line == "DATA":
			data = true
			say("354 go on")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (b *letterbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.letters...)
}

func mails(r *proofback.SavedReport) { r.Mail = true }

func TestAReportsFileIsSentToItsUser(t *testing.T) {
	t.Parallel()
	box, sender := newLetterbox(t, false)
	f := setup(t, func(c *Config) { c.Mail = sender })
	user := f.reader(t)
	quiet, told := f.keep(t, user), f.keep(t, user, mails)
	f.exec(t, `UPDATE users SET email = 'kim@blog.example' WHERE id = $1`, user.UserID)
	f.start(t)
	for _, report := range []*proofback.SavedReport{quiet, told} {
		if _, err := f.store.RunSavedReport(t.Context(), user, report.ID, f.inserting.EnqueueReportRuns); err != nil {
			t.Fatal(err)
		}
	}
	f.eventually(t, "it is sent", `SELECT count(*) FROM report_runs WHERE mailed_at IS NOT NULL`, 1)
	f.eventually(t, "both are made", `SELECT count(*) FROM report_runs WHERE status = 'DONE'`, 2)
	letters := box.all()
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	for _, want := range []string{"To: <kim@blog.example>", "Subject: Clicks today", "Rows: 1", "text/csv", `filename=Clicks-today-`} {
		if !strings.Contains(letters[0], want) {
			t.Errorf("%q is not in %s", want, letters[0])
		}
	}
	if run := f.lastRun(t, quiet.ID); !run.MailedAt.IsZero() || run.MailError != "" {
		t.Errorf("%+v", run)
	}
}

func TestAFileThatCouldNotBeSentSaysWhy(t *testing.T) {
	t.Parallel()
	_, refusing := newLetterbox(t, true)
	for name, tt := range map[string]struct {
		sender *mail.Sender
		want   string
	}{
		"no mail server":  {nil, "this network has no mail server: fetch the file"},
		"nobody there":    {refusing, "the mail server did not take it: fetch the file"},
		"a disabled user": {refusing, "its user has been disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, func(c *Config) { c.Mail = tt.sender })
			user := f.reader(t)
			report := f.keep(t, user, mails)
			run, err := f.store.RunSavedReport(t.Context(), user, report.ID, f.inserting.EnqueueReportRuns)
			if err != nil {
				t.Fatal(err)
			}
			if name == "a disabled user" { // between the making and the sending
				f.exec(t, `
					WITH done AS (UPDATE report_runs SET status = 'DONE'), off AS (UPDATE users SET disabled_at = now() WHERE id = $1)
					SELECT`, user.UserID)
				if _, err := f.inserting.client.Insert(t.Context(), mailReportArgs{run.ID}, nil); err != nil {
					t.Fatal(err)
				}
			}
			f.start(t)
			f.eventually(t, "it is told", `SELECT count(*) FROM report_runs WHERE mail_error <> ''`, 1)
			if got := f.lastRun(t, report.ID); got.MailError != tt.want || !got.MailedAt.IsZero() || got.Status != proofback.RunDone {
				t.Errorf("%+v", got)
			}
		})
	}
}
