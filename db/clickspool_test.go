package db_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/db/spool"
)

// node is a process that stores clicks, with a spool, on a database that can be
// taken away from it.
type node struct {
	store  *db.Store
	files  *spool.Spool
	writer *db.ClickWriter
}

func openSpool(t testing.TB, dir string, change ...func(*spool.Config)) *spool.Spool {
	t.Helper()
	c := spool.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	files, err := spool.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return files
}

// spooling is for a node whose spool is another one than usual.
func spooling(t testing.TB, dir string, change func(*spool.Config)) func(*db.ClickWriterConfig) {
	return func(c *db.ClickWriterConfig) {
		_ = c.Spool.Close()
		c.Spool = openSpool(t, dir, change)
	}
}

func newNode(t testing.TB, url, dir string, change ...func(*db.ClickWriterConfig)) *node {
	t.Helper()
	n := &node{files: openSpool(t, dir)}
	n.store = dbtest.Open(t, func(c *db.Config) { c.URL = url })
	n.store.SetEnqueuer(nobody{})
	setup, err := n.store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := db.ClickWriterConfig{Spool: n.files}
	for _, f := range change {
		f(&c)
	}
	if n.writer, err = n.store.NewClickWriter(t.Context(), setup, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeWriter(t, n.writer) })
	return n
}

func (n *node) wantDrained(t testing.TB) {
	t.Helper()
	eventually(t, 30*time.Second, "the spool is drained", func() bool {
		return !n.store.Away() && n.files.Stats().Records == 0
	})
}

func TestClicksOutliveThatPostgresIsAway(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(*dbtest.Proxy){
		"cut":           (*dbtest.Proxy).Cut,
		"silent":        (*dbtest.Proxy).Hang,
		"cut in a COPY": func(p *dbtest.Proxy) { p.CutAfter(5000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t)
			proxy := dbtest.NewProxy(t, url)
			n := newNode(t, proxy.URL(), t.TempDir(), func(c *db.ClickWriterConfig) { c.Timeout = 300 * time.Millisecond })
			stored := map[uuid.UUID]proofback.Click{}
			click := func(visitors, each int) {
				more, refused := crowd(t, n.writer, visitors, each)
				maps.Copy(stored, more)
				if refused > 0 {
					t.Errorf("%d clicks were refused", refused)
				}
			}
			click(8, 10)
			var during sync.WaitGroup
			during.Go(func() { click(16, 40) })
			take(proxy)
			during.Wait()
			click(4, 10)
			if !n.store.Away() {
				t.Error("nobody has noticed that Postgres is away")
			}
			if stats := n.files.Stats(); stats.Records < 40 {
				t.Errorf("the spool: %+v", stats)
			}
			proxy.Mend()
			n.wantDrained(t)
			click(4, 5)
			wantStored(t, n.store, stored)
			if n.writer.Drained() == 0 {
				t.Error("nothing was drained")
			}
		})
	}
}

func TestSpooledClicksComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	want := map[uuid.UUID]proofback.Click{}
	for i := range 50 {
		c := anyClick().Example(i)
		if err := n.writer.Write(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
		want[c.ID] = c
	}
	proxy.Mend()
	n.wantDrained(t)
	wantStored(t, n.store, want)
}

func TestClicksOfADeadProcessAreStoredByTheNext(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.URL(t), t.TempDir()
	proxy := dbtest.NewProxy(t, url)
	first := newNode(t, proxy.URL(), dir)
	proxy.Cut()
	stored, refused := crowd(t, first.writer, 4, 10)
	if refused > 0 {
		t.Fatalf("%d clicks were refused", refused)
	}
	closeWriter(t, first.writer)
	if err := first.files.Close(); err != nil {
		t.Fatal(err)
	}
	next := newNode(t, url, dir)
	next.wantDrained(t)
	wantStored(t, next.store, stored)
}

// Both processes have the same clicks in their spools: the worst that a copied
// folder or a removal that was lost can come to.
func TestTwoProcessesThatDrainTheSameClicksStoreThemOnce(t *testing.T) {
	t.Parallel()
	url, dirs := dbtest.URL(t), [2]string{t.TempDir(), t.TempDir()}
	proxy := dbtest.NewProxy(t, url)
	first := newNode(t, proxy.URL(), dirs[0])
	proxy.Cut()
	stored, _ := crowd(t, first.writer, 8, 400)
	closeWriter(t, first.writer)
	if err := first.files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dirs[1], newID(t).String()), os.DirFS(filepath.Join(dirs[0], first.files.ID().String()))); err != nil {
		t.Fatal(err)
	}
	a, b := newNode(t, url, dirs[0]), newNode(t, url, dirs[1])
	a.wantDrained(t)
	b.wantDrained(t)
	if a.writer.Drained() != int64(len(stored)) || b.writer.Drained() != int64(len(stored)) {
		t.Errorf("drained %d and %d of %d", a.writer.Drained(), b.writer.Drained(), len(stored))
	}
	wantStored(t, a.store, stored)
}

func TestAFullSpoolRefuses(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.URL(t), t.TempDir()
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), dir, spooling(t, dir, func(c *spool.Config) { c.Quota = 20_000 }))
	proxy.Cut()
	stored, refused := crowd(t, n.writer, 8, 40)
	if refused == 0 || len(stored) == 0 {
		t.Errorf("%d stored, %d refused", len(stored), refused)
	}
	proxy.Mend()
	eventually(t, 30*time.Second, "Postgres is back", func() bool { return !n.store.Away() && n.writer.Drained() > 0 })
	wantStored(t, n.store, stored)
}

func TestAProcessThatNeverReachedPostgresSpools(t *testing.T) {
	t.Parallel()
	n := newNode(t, dbtest.URL(t), t.TempDir(), func(c *db.ClickWriterConfig) { c.Unreached = true })
	stored, refused := crowd(t, n.writer, 4, 5)
	if refused > 0 || n.files.Stats().Records != len(stored) {
		t.Errorf("%d refused, %+v", refused, n.files.Stats())
	}
	n.writer.Reached()
	n.wantDrained(t)
	wantStored(t, n.store, stored)
}

func TestWhatPostgresDoesNotTakeIsKeptAside(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.URL(t), t.TempDir()
	proxy := dbtest.NewProxy(t, url)
	first := newNode(t, proxy.URL(), dir)
	proxy.Cut()
	stored, _ := crowd(t, first.writer, 2, 10)
	if err := first.files.Append(t.Context(), spool.Record{At: time.Now(), Payload: []byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	refused := visit(t, 666)
	refused.Outcome = 66
	if err := first.writer.Write(t.Context(), &refused); err != nil {
		t.Fatal(err)
	}
	_, err := dbtest.Open(t, func(c *db.Config) { c.URL = url }).Pool().Exec(t.Context(), `ALTER TABLE clicks ADD CHECK (outcome < 10)`)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Mend()
	first.wantDrained(t)
	wantStored(t, first.store, stored)
	if kept, _ := filepath.Glob(filepath.Join(dir, "damaged", "*")); len(kept) != 1 || first.files.Stats().Corrupt != 2 {
		t.Errorf("kept %q, %+v", kept, first.files.Stats())
	}
}

func TestCountedClicksAreNotSpooled(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	network := newNetwork(t, dbtest.Open(t, func(c *db.Config) { c.URL = url }))
	network.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapClicks, Period: proofback.CapTotal, Limit: "10"}}
	})
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	c := visit(t, 1)
	c.OfferID, c.TermsID, c.AdvertiserID = network.offer, network.terms.ID, network.advertiser
	if err := n.writer.Write(t.Context(), &c); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Errorf("a click that takes a place: %v", err)
	}
	c = visit(t, 2)
	c.OfferID, c.TermsID, c.AdvertiserID, c.Outcome = network.offer, network.terms.ID, network.advertiser, proofback.ClickCountryOffTarget
	if err := n.writer.Write(context.Background(), &c); err != nil {
		t.Errorf("a click that takes none: %v", err)
	}
}

// A cap that was made while clicks were in a spool counts them once they are stored.
func TestDrainedClicksAreCounted(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	network := newNetwork(t, dbtest.Open(t, func(c *db.Config) { c.URL = url }))
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	for i := range 3 {
		c := visit(t, i)
		c.OfferID, c.TermsID, c.AdvertiserID, c.LinkID = network.offer, network.terms.ID, network.advertiser, newID(t)
		if err := n.writer.Write(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
	}
	network.exec(t, `
		INSERT INTO cap_usage (offer_id, metric, period, starts, used)
		VALUES ($1, 'CLICKS', 'TOTAL', 'epoch', 5)`, network.offer)
	proxy.Mend()
	n.wantDrained(t)
	var used int
	if err := network.store.Pool().QueryRow(t.Context(), `SELECT used::int FROM cap_usage`).Scan(&used); err != nil || used != 8 {
		t.Errorf("%d are counted, want 8 (%v)", used, err)
	}
}

// A disk that is broken in one place is so at each try: what it does not give stays where
// it is, and everything else is moved.
func TestASegmentThatCannotBeReadKeepsNoOthersFromBeingDrained(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.URL(t), t.TempDir()
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), dir, spooling(t, dir, func(c *spool.Config) { c.SegmentBytes = 2000 }))
	proxy.Cut()
	stored := map[uuid.UUID]proofback.Click{}
	for i := range 30 {
		c := visit(t, i)
		if err := n.writer.Write(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
		stored[c.ID] = c
	}
	first, err := filepath.Glob(filepath.Join(dir, "*", "*1.segment"))
	if err != nil || len(first) != 1 {
		t.Fatalf("%q, %v", first, err)
	}
	if err := errors.Join(os.Rename(first[0], first[0]+".whole"), os.Mkdir(first[0], 0o700)); err != nil {
		t.Fatal(err)
	}
	proxy.Mend()
	eventually(t, 30*time.Second, "the others are drained", func() bool { return n.writer.Drained() >= 20 })
	if err := errors.Join(os.Remove(first[0]), os.Rename(first[0]+".whole", first[0])); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "all are", func() bool { return n.writer.Drained() == 30 })
	wantStored(t, n.store, stored)
}

// Somebody else's transaction has stored the same click and does not end: Postgres, which
// answers everybody else, is not away for that.
func TestADrainThatHasToWaitDoesNotHavePostgresAway(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	c := visit(t, 1)
	if err := n.writer.Write(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	holder, err := dbtest.Open(t, func(c *db.Config) { c.URL = url }).Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }()
	_, err = holder.Exec(t.Context(), `
		INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device)
		VALUES ($1, $2, $1, $1, $1, $1, $1, 0, 0, 0, 0, false, 'OTHER')`, c.ID, c.At)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Mend()
	eventually(t, 10*time.Second, "Postgres is back", func() bool { return !n.store.Away() })
	began, tick := time.Now(), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < 12*time.Second { // longer than what is moved may take
		if n.store.Away() {
			t.Fatalf("Postgres is away after %s", time.Since(began))
		}
		<-tick.C
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.wantDrained(t)
	wantStored(t, n.store, map[uuid.UUID]proofback.Click{c.ID: c})
}

// Whoever makes the partition of a click's day meanwhile has the default one refuse the
// click, which it would have taken a moment before: the next try finds the new one.
func TestClicksAreStoredWhileTheirPartitionIsMade(t *testing.T) {
	t.Parallel()
	for _, spooled := range []bool{true, false} {
		url := dbtest.URL(t)
		proxy := dbtest.NewProxy(t, url)
		n := newNode(t, proxy.URL(), t.TempDir(), func(c *db.ClickWriterConfig) { c.Timeout = 20 * time.Second })
		c := clickOn(t, now().AddDate(0, 0, -5))
		if spooled {
			proxy.Cut()
			if err := n.writer.Write(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
		}
		pool := dbtest.Open(t, func(c *db.Config) { c.URL = url }).Pool()
		maker, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = maker.Rollback(context.Background()) }()
		if _, err := maker.Exec(t.Context(), `SELECT make_partitions($1::date, $1::date)`, c.At.UTC().Format(time.DateOnly)); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		if spooled {
			proxy.Mend()
			written <- nil
		} else {
			go func() { written <- n.writer.Write(t.Context(), &c) }()
		}
		eventually(t, 30*time.Second, "the click waits for the default partition", func() (waits bool) {
			err := pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'clicks_default'::regclass AND NOT granted)`).Scan(&waits)
			return waits || err != nil
		})
		if err := maker.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Errorf("a click was refused: %v", err)
		}
		n.wantDrained(t)
		if stats := n.files.Stats(); stats.Corrupt != 0 {
			t.Errorf("%+v", stats)
		}
		wantStored(t, n.store, map[uuid.UUID]proofback.Click{c.ID: c})
	}
}
