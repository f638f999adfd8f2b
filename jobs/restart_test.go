package jobs

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/db/embedded"
)

// ownPostgres is a cluster that a test may restart.
type ownPostgres struct {
	dir     string
	cluster *embedded.Cluster
}

func newOwnPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "proofback-jobs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // its account must get in
		t.Fatal(err)
	}
	p := &ownPostgres{dir: filepath.Join(dir, "postgres")}
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *ownPostgres) start(t *testing.T) {
	t.Helper()
	var err error
	if p.cluster, err = embedded.Start(context.Background(), embedded.Config{Dir: p.dir}); err != nil {
		t.Fatal(err)
	}
}

func (p *ownPostgres) stop(t *testing.T) {
	t.Helper()
	if err := p.cluster.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// restart ends every connection, and lets new ones in a moment later.
func (p *ownPostgres) restart(t *testing.T) {
	t.Helper()
	p.stop(t)
	p.start(t)
}

func (p *ownPostgres) fixture(t *testing.T) *fixture {
	t.Helper()
	if err := db.Migrate(t.Context(), p.cluster.URL()); err != nil {
		t.Fatal(err)
	}
	return setupOn(t, dbtest.Open(t, func(c *db.Config) { c.URL, c.MaxConns = p.cluster.URL(), 10 }))
}

func TestTheWorkerOutlivesARestartOfPostgresWhileIdle(t *testing.T) {
	t.Parallel()
	postgres := newOwnPostgres(t)
	f := postgres.fixture(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, f.approve(t, 1, nil)...)
	for range 2 {
		postgres.restart(t)
		f.reconnect(t)
		f.await(t, proofback.DeliveryDelivered, f.approve(t, 1, nil)...)
	}
	if n := len(rec.got()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestTheWorkerOutlivesARestartOfPostgresUnderLoad(t *testing.T) {
	t.Parallel()
	postgres := newOwnPostgres(t)
	f := postgres.fixture(t)
	const inFlight = 10
	f.config.PerDestination = inFlight
	some := make(chan struct{})
	rec := receive(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 50 {
			close(some)
		}
		<-time.After(20 * time.Millisecond)
	})
	f.destination(t, rec.URL+"/?t={delivery_id}")
	ids := f.approve(t, 500, nil) // more than is carried out at once
	for range 40 {
		ids = append(ids, f.approve(t, 5, nil)...)
	}
	f.start(t)
	<-some
	postgres.restart(t)
	f.reconnect(t)
	ids = append(ids, f.approve(t, 20, nil)...)
	f.awaitAll(t, 90*time.Second, ids) // what was being fetched at that moment is taken up after rescueAfter
	arrived := map[string]int{}
	for _, r := range rec.got() {
		arrived[r.uri]++
	}
	if len(arrived) != len(ids) {
		t.Errorf("%d of %d arrived", len(arrived), len(ids))
	}
	if twice := len(rec.got()) - len(arrived); twice > inFlight {
		t.Errorf("%d came twice", twice)
	}
	f.eventually(t, "an attempt row each", `SELECT count(DISTINCT delivery_id) FROM attempts WHERE outcome = 'DELIVERED'`, len(ids))
}

// reconnect has the test's own statements find connections that stand.
func (f *fixture) reconnect(t *testing.T) {
	t.Helper()
	for _, conn := range f.store.Pool().AcquireAllIdle(t.Context()) {
		_ = conn.Ping(t.Context())
		conn.Release() // a broken one goes
	}
}

// awaitAll waits longer than await until all are delivered.
func (f *fixture) awaitAll(t *testing.T, within time.Duration, ids []uuid.UUID) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	delivered := 0
	for deadline := time.Now().Add(within); delivered < len(ids); <-tick.C {
		if err := f.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM deliveries WHERE id = ANY ($1) AND status = 'DELIVERED'`, ids).Scan(&delivered); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are delivered", delivered, len(ids))
		}
	}
}
