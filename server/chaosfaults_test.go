package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/proofback/proofback/db/dbtest"
)

// drained waits until Postgres is there and nothing is in the spool.
func (p *process) drained() {
	p.t.Helper()
	p.eventuallyReady()
	eventually(p.t, "the spool is drained", func() bool { return p.metric("proofback_spool_records") == "0" })
}

// metric gives the value of a metric without labels.
func (p *process) metric(name string) string {
	p.t.Helper()
	_, body := p.get("/metrics")
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func chaosTheServerIsKilled(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	settings := onDatabase(c.URL(), setting, "PROOFBACK_DATA_DIR="+t.TempDir())
	p := start(t, settings...)
	l := load(t, hard, keys, p.url)
	for range hard.rounds + 1 {
		l.more(hard.during)
		p.kill()
		p = start(t, settings...)
		l.turnTo(p.url)
	}
	l.more(hard.during)
	p.drained()
	l.audit(c.URL(), 0)
	p.stop()
	return l
}

// The program's own Postgres is killed under it, which starts it again by itself.
func chaosPostgresIsKilled(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	dir := demoDataDir(t)
	t.Cleanup(func() { stopLeftover(t, dir) })
	p := start(t, setting, "PROOFBACK_DATA_DIR="+dir, "PROOFBACK_JWT_SECRET="+testSecret)
	l := load(t, hard, keys, p.url)
	for range hard.rounds + 1 {
		l.more(hard.during)
		before := strings.Count(p.said.String(), "postgres is up again")
		killPostgres(t, filepath.Join(dir, "postgres"))
		l.more(hard.during)
		eventually(t, "it is started again", func() bool { return strings.Count(p.said.String(), "postgres is up again") > before })
		p.eventuallyReady()
	}
	l.more(hard.during)
	p.drained()
	l.audit(socketURL(dir), 0)
	p.stop()
	return l
}

func chaosPostgresIsStopped(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	settings := onDatabase(c.URL(), setting, "PROOFBACK_DATA_DIR="+t.TempDir())
	p := start(t, settings...)
	l := load(t, hard, keys, p.url)
	l.more(hard.during)
	c.stop()
	l.outage(hard)
	p.wantAnswer("/readyz", 503, "clicks are kept in the spool")
	p.kill()
	p = start(t, settings...)
	l.turnTo(p.url)
	l.more(hard.during)
	c.start()
	p.eventuallyReady()
	l.more(hard.during)
	p.drained()
	l.audit(c.URL(), 0)
	p.stop()
	return l
}

// A COPY is cut in the middle; then whole ones arrive and are committed, but no
// answer comes back, so that nobody knows; then everything hangs.
func chaosTheConnectionIsCut(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	proxy := dbtest.NewProxy(t, c.URL())
	p := start(t, onDatabase(proxy.URL(), setting)...)
	l := load(t, hard, keys, p.url)
	mend := func() {
		eventually(t, "it is noticed", func() bool { return p.metric("proofback_postgres_away") == "1" })
		l.more(hard.during / 2)
		proxy.Cut()
		proxy.Mend()
		p.eventuallyReady()
		l.more(hard.during / 2)
	}
	for range hard.rounds {
		l.more(hard.during / 2)
		proxy.CutInCopy()
		eventually(t, "a COPY is cut", proxy.IsCut)
		mend()
		proxy.Mute()
		mend()
		proxy.Hang()
		mend()
	}
	p.drained()
	l.audit(c.URL(), 0)
	p.stop()
	return l
}

func chaosTheSpoolIsFull(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	proxy := dbtest.NewProxy(t, c.URL())
	p := start(t, onDatabase(proxy.URL(), setting, "PROOFBACK_SPOOL_MB=1")...)
	l := load(t, hard, keys, p.url)
	l.more(hard.during)
	l.limit.SetLimit(rate.Limit(long.perSecond)) // a megabyte holds some two thousand
	proxy.Cut()
	refused := func() (n int) {
		l.count(func() { n = l.refused })
		return n
	}
	eventually(t, "clicks are refused", func() bool { return refused() > hard.during })
	p.wantAnswer("/readyz/clicks", 503, "quota")
	p.wantAnswer("/healthz", 200, "ok")
	if p.retryAfter("/c/demo") == "" {
		t.Error("visitors are not told to come again")
	}
	proxy.Mend()
	p.eventuallyReady()
	l.more(hard.during)
	p.drained()
	l.audit(c.URL(), 0)
	p.stop()
	return l
}

// One record is made unreadable, and half a record stands at the end, as after a
// crash: exactly the one click is lost, and both are told.
func chaosTheSpoolIsDamaged(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c, dir := startCluster(t), t.TempDir()
	proxy := dbtest.NewProxy(t, c.URL())
	settings := onDatabase(proxy.URL(), setting, "PROOFBACK_DATA_DIR="+dir)
	p := start(t, settings...)
	l := load(t, hard, keys, p.url)
	l.more(hard.during)
	proxy.Cut()
	l.more(hard.during)
	p.kill()

	segments := spoolSegments(t, dir)
	path := segments[len(segments)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	b = append(b, b[8:100]...) // the first record, cut short
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, settings...)
	l.turnTo(p.url)
	l.more(hard.during)
	proxy.Mend()
	p.drained()
	if torn, corrupt := p.metric("proofback_spool_torn_total"), p.metric("proofback_spool_corrupt_total"); torn != "1" || corrupt != "1" {
		t.Errorf("%s torn, %s corrupt", torn, corrupt)
	}
	if kept, err := filepath.Glob(filepath.Join(dir, "spool", "*", "damaged", "*")); err != nil || len(kept) != 1 {
		t.Errorf("set aside: %q, %v", kept, err)
	}
	l.audit(c.URL(), 1)
	p.stop()
	return l
}

func spoolSegments(t *testing.T, dir string) []string {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "spool", "*", "*", "*.segment"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments: %q, %v", segments, err)
	}
	return segments
}

// Two processes on one database drain at the same time, each its own clicks and a
// copy of the other's.
func chaosTwoDrainTheSame(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	proxy := dbtest.NewProxy(t, c.URL())
	dirs := [2]string{t.TempDir(), t.TempDir()}
	var nodes [2]*process
	var loads [2]*promises
	startBoth := func() {
		for i, dir := range dirs {
			nodes[i] = start(t, onDatabase(proxy.URL(), setting, "PROOFBACK_DATA_DIR="+dir)...)
		}
	}
	startBoth()
	for i, p := range nodes {
		loads[i] = load(t, hard, keys, p.url)
		loads[i].more(hard.during)
	}
	proxy.Cut()
	for i, l := range loads {
		l.more(hard.during)
		nodes[i].kill()
	}
	for i, folder := range []string{spoolFolder(t, dirs[0]), spoolFolder(t, dirs[1])} {
		if err := os.CopyFS(filepath.Join(dirs[1-i], folder), os.DirFS(filepath.Join(dirs[i], folder))); err != nil {
			t.Fatal(err)
		}
	}
	startBoth()
	for i, p := range nodes {
		loads[i].turnTo(p.url)
		loads[i].more(hard.during)
	}
	proxy.Mend()
	for i, p := range nodes {
		p.drained()
		loads[i].settle()
	}
	l := loads[0]
	l.take(loads[1])
	l.audit(c.URL(), 0)
	for _, p := range nodes {
		p.stop()
	}
	return l
}

// spoolFolder is the one folder of segments in a data folder, seen from there.
func spoolFolder(t *testing.T, dir string) string {
	t.Helper()
	folder, err := filepath.Rel(dir, filepath.Dir(spoolSegments(t, dir)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// What comes before and after the clock was set back is told, kept and dated in the
// order in which it came, and an event without a transaction id is still found to
// be the same one.
func chaosTheClockIsSetBack(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	proxy := dbtest.NewProxy(t, c.URL())
	p := startByASteppedClock(t, onDatabase(proxy.URL(), setting)...)
	began := time.Now()
	l := load(t, hard, keys, p.url)
	l.more(hard.during)
	event := "/postback?event_type=sale&amount=5&currency=EUR&click_id=" + p.clickOnce()
	p.wantAnswer(event, 200, "ACCEPTED")

	proxy.Cut()
	l.more(hard.during)
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is noticed", func() bool { return strings.Contains(p.said.String(), "clock was set back") })
	l.more(hard.during)
	proxy.Mend()
	p.eventuallyReady()
	p.wantAnswer(event, 200, "DUPLICATE")
	l.more(hard.during)
	p.drained()
	l.audit(c.URL(), 0)
	for what, sql := range map[string]string{
		"clicks":    `SELECT count(*) FROM clicks WHERE at < $1 AND sub1 = $2`,
		"postbacks": `SELECT count(*) FROM postbacks WHERE received_at < $1 AND starts_with(txid, $2)`,
	} {
		if n := queryInt(t, c.URL(), sql, began.Truncate(time.Millisecond), l.marks[0]); n > 0 {
			t.Errorf("%d %s are dated before they came", n, what)
		}
	}
	p.stop()
	return l
}
