package jobs

import (
	"bufio"
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/mail"
)

// postBox is an SMTP server that passes on what it is handed.
func postBox(t *testing.T) (sender *mail.Sender, letters <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	arrived := make(chan string, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go takeLetter(conn, arrived)
		}
	}()
	sender, err = mail.New("smtp://" + l.Addr().String() + "?from=us@network.example")
	if err != nil {
		t.Fatal(err)
	}
	return sender, arrived
}

func takeLetter(conn net.Conn, arrived chan<- string) {
	defer func() { _ = conn.Close() }()
	say := func(line string) { _, _ = conn.Write([]byte(line + "\r\n")) }
	say("220 here")
	var letter strings.Builder
	data := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		switch {
		case data && line == ".":
			data = false
			arrived <- letter.String()
			say("250 taken")
		case data:
			letter.WriteString(line + "\n")
		case line == "DATA":
			data = true
			letter.Reset()
			say("354 go on")
		case strings.HasPrefix(line, "QUIT"):
			say("221 bye")
			return
		default:
			if strings.HasPrefix(line, "RCPT") {
				letter.WriteString(line)
			}
			say("250 fine")
		}
	}
}

func await(t *testing.T, letters <-chan string) string {
	t.Helper()
	select {
	case l := <-letters:
		return l
	case <-time.After(15 * time.Second):
		t.Fatal("no letter came")
		return ""
	}
}

var tokenInLetter = regexp.MustCompile(`token=3D([A-Za-z0-9_=\n-]+?)\n\n`)

// tokenOf reads the token off a letter, as quoted-printable has it.
func tokenOf(t *testing.T, letter string) string {
	t.Helper()
	found := tokenInLetter.FindStringSubmatch(letter)
	if found == nil {
		t.Fatalf("no token in %s", letter)
	}
	return strings.NewReplacer("=\n", "", "\n", "").Replace(found[1])
}

func TestTokensAreMailed(t *testing.T) {
	t.Parallel()
	sender, letters := postBox(t)
	f := setup(t, func(c *Config) { c.Mail, c.AppURL = sender, "https://app.network.example" })
	f.start(t)
	u, handed, err := f.store.InviteUser(t.Context(), proofback.System(), proofback.User{Email: "lea@blog.example", Role: proofback.RoleAffiliate, AffiliateID: f.affiliate})
	if err != nil || handed.Token != "" {
		t.Fatalf("the token is shown though it is mailed: %+v, %v", handed, err)
	}
	letter := await(t, letters)
	if !strings.Contains(letter, "To: <lea@blog.example>") || !strings.Contains(letter, "https://app.network.example/invitation?token") {
		t.Errorf("got %s", letter)
	}
	if _, err := f.store.RedeemToken(t.Context(), proofback.System(), db.Invitation, tokenOf(t, letter), "hash"); err != nil {
		t.Errorf("the token in the letter: %v", err)
	}
	for _, email := range []string{"nobody@blog.example", u.Email} {
		if err := f.store.AskForReset(t.Context(), proofback.System(), email); err != nil {
			t.Fatal(err)
		}
	}
	letter = await(t, letters)
	if !strings.Contains(letter, "To: <lea@blog.example>") || !strings.Contains(letter, "/password-reset?token") || !strings.Contains(letter, "Choose another one,\nhere:\n\n") {
		t.Errorf("got %s", letter)
	}
	var inJobs int
	if err := f.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE args::text LIKE '%' || $1 || '%'`, tokenOf(t, letter)).Scan(&inJobs); err != nil || inJobs > 0 {
		t.Errorf("a token is in a job: %d, %v", inJobs, err)
	}
	if _, err := f.store.RedeemToken(t.Context(), proofback.System(), db.PasswordReset, tokenOf(t, letter), "hash"); err != nil {
		t.Errorf("the token in the letter: %v", err)
	}
}

func TestALetterIsAskedForInTheTransactionOfItsReason(t *testing.T) {
	t.Parallel()
	sender, _ := postBox(t)
	f := setup(t, func(c *Config) { c.Mail = sender })
	if _, err := New(f.store, f.config); err != nil {
		t.Fatal(err)
	}
	user := proofback.User{Email: "lea@blog.example", Role: proofback.RoleAffiliate, AffiliateID: f.affiliate}
	for _, want := range []proofback.Code{"", proofback.CodeConflict} {
		if _, _, err := f.store.InviteUser(t.Context(), proofback.System(), user); proofback.CodeOf(err) != want {
			t.Errorf("got %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.store.AskForReset(ctx, proofback.System(), user.Email); err == nil || errors.Is(err, proofback.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	var n int
	if err := f.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'mail_token'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d letters, %v", n, err)
	}
}
