package main_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/proofback/proofback/db/dbtest"
)

// testSecret is the JWT secret of programs under test.
const testSecret = "a secret that only tests have, of 32 bytes or more"

// patience is for what takes long on a busy machine.
const patience = 60 * time.Second

// process is the program while it runs.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	url string // where it serves

	shown lockedBuffer  // standard output
	said  lockedBuffer  // standard error
	ended chan struct{} // closed when it has
	err   error
}

// environment is what a program under test is given: nothing of the machine's
// own settings, a free port, and rates that need no network.
func environment(settings ...string) []string {
	here, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PROOFBACK_ADDR=127.0.0.1:0",
		"PROOFBACK_RATES_URL=file://" + filepath.Join(here, "testdata", "rates.xml"),
	}
	return append(env, settings...)
}

// onDatabase is the settings of a program on a database.
func onDatabase(url string, more ...string) []string {
	return append([]string{"DATABASE_URL=" + url, "PROOFBACK_JWT_SECRET=" + testSecret}, more...)
}

// startOnNewDatabase starts the program with the demo network on a database of
// its own.
func startOnNewDatabase(t *testing.T, more ...string) (p *process, databaseURL string) {
	t.Helper()
	databaseURL = dbtest.URL(t)
	return start(t, onDatabase(databaseURL, append([]string{"PROOFBACK_DEMO=true"}, more...)...)...), databaseURL
}

func command(t *testing.T, args []string, settings ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = environment(settings...)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

var servingAt = regexp.MustCompile(`Health\s+(http://\S+)/healthz`)

// start starts the program and waits until it says that it is up. It is killed
// when the test ends, if it still runs.
func start(t *testing.T, settings ...string) *process {
	t.Helper()
	return await(t, command(t, nil, settings...))
}

// steppedEnv makes this test binary the program, by a clock that SIGUSR1 sets back
// (ServeByASteppedClock).
const steppedEnv = "PROOFBACK_TEST_STEPPED_CLOCK"

func startByASteppedClock(t *testing.T, settings ...string) *process {
	t.Helper()
	cmd := command(t, nil, append(settings, steppedEnv+"=1")...)
	cmd.Path = os.Args[0]
	cmd.Args = []string{cmd.Path}
	return await(t, cmd)
}

// await starts what is the program and waits as start does.
func await(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ended: make(chan struct{})}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan string, 1)
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = p.shown.Write(append(lines.Bytes(), '\n'))
			if m := servingAt.FindStringSubmatch(lines.Text()); m != nil {
				up <- m[1]
			}
		}
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	select {
	case p.url = <-up:
	case <-p.ended:
		t.Fatalf("the program ended: %v\n%s", p.err, p.said.String())
	case <-time.After(patience):
		t.Fatalf("the program is not up\n%s", p.said.String())
	}
	return p
}

// interrupt asks the program to end, as Ctrl-C does.
func (p *process) interrupt() {
	_ = p.cmd.Process.Signal(os.Interrupt)
}

// stop asks the program to end, and wants it to, in order and within 10 s.
func (p *process) stop() {
	p.t.Helper()
	began := time.Now()
	p.interrupt()
	p.wantEnd(began)
}

func (p *process) wantEnd(began time.Time) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it does not end\n%s", p.said.String())
	}
	if took := time.Since(began); took > 10*time.Second {
		p.t.Errorf("ending took %s", took)
	}
	if p.err != nil {
		p.t.Errorf("it ended with %v\n%s", p.err, p.said.String())
	}
}

// kill ends the program at once, as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// runToEnd runs the program until it ends by itself.
func runToEnd(t *testing.T, args []string, settings ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, args, settings...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stopped()
	_ = cmd.Wait() // the exit code tells
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// get fetches a path and gives status and body.
func (p *process) get(path string) (int, string) {
	p.t.Helper()
	return fetch(p.t, http.MethodGet, p.url+path, nil, nil)
}

func fetch(t *testing.T, method, url string, body io.Reader, header http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := noRedirects.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// noRedirects is a client that shows redirects rather than following them.
var noRedirects = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
}

// eventually polls until ok, for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// lockedBuffer is what a process has said so far.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
