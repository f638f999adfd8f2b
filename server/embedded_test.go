package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proofback/proofback/db/embedded"
)

// dataDir is a folder that the account under which Postgres runs can reach.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "proofback-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The program as make run starts it: killed, started again on what it left, and
// stopped in order.
func TestAKilledServerStartsAgainOnItsEmbeddedPostgres(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	t.Cleanup(func() { stopLeftover(t, dir) })
	p := start(t, "PROOFBACK_DATA_DIR="+dir)
	click := p.clickOnce()
	eventually(t, "sign-ins and a line to try are printed", func() bool {
		text := p.shown.String()
		return strings.Contains(text, "admin@demo.example") && strings.Contains(text, `curl "`+p.url+"/postback")
	})
	if fi, err := os.Stat(filepath.Join(dir, "jwt_secret")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the kept secret: %v, %v", fi, err)
	}
	p.kill()

	p = start(t, "PROOFBACK_DATA_DIR="+dir)
	status, body := p.get("/postback?event_type=sale&txid=1&amount=10&currency=EUR&click_id=" + click)
	if status != 200 || !strings.Contains(body, "ACCEPTED") {
		t.Errorf("the sale of a click before the kill got %d %s", status, body)
	}
	if strings.Contains(p.said.String(), "the demo network is loaded") {
		t.Error("the demo network was loaded twice")
	}
	p.stop()
	if _, err := os.Stat(filepath.Join(dir, "postgres", "data", "postmaster.pid")); err == nil {
		t.Error("Postgres is still running")
	}
}

// README shows commands that are typed in a second terminal, while make run goes on in
// the first.
func TestCommandsWorkBesideTheProgramOnItsEmbeddedPostgres(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	t.Cleanup(func() { stopLeftover(t, dir) })
	p := start(t, "PROOFBACK_DATA_DIR="+dir, "PROOFBACK_DEMO=false")
	file := filepath.Join(t.TempDir(), "rates.csv")
	if err := os.WriteFile(file, []byte("currency,date,per_euro\nVND,2020-03-01,26000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"rates", "import", file}, "1 of 1 rates were new"},
		{[]string{"rates", "import", file}, "0 of 1 rates were new"},
		{[]string{"verify", "rollups"}, "0 differences"},
	} {
		code, out, stderr := runToEnd(t, c.args, "PROOFBACK_DATA_DIR="+dir)
		if code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %q %q, want %q", c.args, code, out, stderr, c.want)
		}
	}
	if status, body := p.get("/readyz"); status != 200 {
		t.Errorf("afterwards the program is %d %s", status, body)
	}
	code, _, stderr := runToEnd(t, []string{"serve"}, "PROOFBACK_DATA_DIR="+dir, "PROOFBACK_ADDR=127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "in use by another process") {
		t.Errorf("a second program: %d %q", code, stderr)
	}
	p.stop()
}

// stopLeftover stops the Postgres that a failed test left behind.
func stopLeftover(t *testing.T, dir string) {
	if _, err := os.Stat(filepath.Join(dir, "postgres", "data", "postmaster.pid")); err != nil {
		return
	}
	ctx := context.Background() // the test's own has ended
	c, err := embedded.Start(ctx, embedded.Config{Dir: filepath.Join(dir, "postgres")})
	if err == nil {
		err = c.Stop(ctx)
	}
	if err != nil {
		t.Error(err)
	}
}
