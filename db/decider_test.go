package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// While Postgres is slow, as many wait as there is room for; who comes then is told
// at once to come again, and everybody who was taken is decided.
func TestAFullQueueRefusesPostbacksAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	d := newDesk(t, func(c *db.Config) { c.URL = url })
	d.store.SetEnqueuer(nobody{})
	click := d.click(t)
	slow, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(t.Context())
	tx, err := slow.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE postbacks`); err != nil {
		t.Fatal(err)
	}

	const room = 3
	decider := d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 1, MaxQueue: room, Timeout: time.Minute})
	defer decider.Close()
	var taken sync.WaitGroup
	take := func(txid string) {
		taken.Go(func() {
			if p, err := decider.Decide(d.incoming(sale(click, txid, "10"))); err != nil || p.Reason != proofback.ReasonAccepted {
				t.Errorf("%s: %s, %v", txid, p.Reason, err)
			}
		})
	}
	take("first")
	eventually(t, 30*time.Second, "the first is being stored", func() bool {
		return decider.QueueLength() == 0 && d.count(t, `SELECT count(*) FROM pg_locks WHERE NOT granted`) > 0
	})
	for _, txid := range []string{"a", "b", "c"} {
		take(txid)
	}
	eventually(t, 30*time.Second, "the queue is full", func() bool { return decider.QueueLength() == room })
	began := time.Now()
	_, err = decider.Decide(d.incoming(sale(click, "too many", "10")))
	if proofback.CodeOf(err) != proofback.CodeUnavailable || !strings.Contains(err.Error(), "nothing was stored") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it was kept waiting for %s", took)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken.Wait()
	if n := d.count(t, `SELECT count(*) FROM conversions`); n != room+1 {
		t.Errorf("%d conversions", n)
	}
}

// Batches wait for the disk and for the program. So that others are on their way
// meanwhile, one is begun for as many requests as are worth it, and for fewer only when
// nothing is on its way that will end soon.
func TestABatchIsBegunWhenItIsWorthIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                      string
		waiting, onTheirWay, slow int
		want                      bool
	}{
		{"nobody waits", 0, 0, 0, false},
		{"nothing is on its way", 1, 0, 0, true},
		{"too few wait beside one", 15, 1, 0, false},
		{"enough wait beside one", 16, 1, 0, true},
		{"enough wait beside three", 16, 3, 0, true},
		{"all writers are busy", 1000, 4, 0, false},
		{"those on their way are slow", 1, 0, 3, true},
		{"all writers are slow", 1000, 0, 4, false},
	} {
		if got := db.IsWorthIt(16, c.waiting, c.onTheirWay, c.slow); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
