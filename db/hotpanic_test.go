package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// Whoever reads an answer may panic, and be mended further up (as handlers of requests
// are). What follows it on its way must not be taken for the answer to the next who asks.
func TestAnswersThatNobodyReadAreNotTakenForOthers(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	var q pgx.Batch
	q.Queue(`SELECT 1`).QueryRow(func(pgx.Row) error { panic("nobody reads on") })
	q.Queue(`SELECT 2`)
	func() {
		defer func() { _ = recover() }()
		_ = db.HotAsk(t.Context(), s, &q)
	}()
	var n int
	if err := hotValue(t, s, &n, `SELECT 3`); err != nil || n != 3 {
		t.Errorf("asked for 3, and was told %d, %v", n, err)
	}
}

// One request that cannot be decided costs neither the process nor those that wait
// beside it.
func TestAPostbackThatPanicsFailsAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	click := d.click(t)
	blocked := make(chan struct{})
	began := make(chan struct{})
	once := sync.OnceFunc(func() { close(began) })
	first := d.incoming(sale(click, "first", "10"))
	read := first.Read
	first.Read = func(s proofback.Sender) proofback.Reading {
		once()
		<-blocked
		return read(s)
	}
	bad := d.incoming(sale(click, "bad", "10"))
	bad.Read = func(proofback.Sender) proofback.Reading { panic("unreadable") }

	decider := d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 1, Share: 100, Timeout: time.Minute})
	defer decider.Close()
	var taken sync.WaitGroup
	take := func(in *db.Incoming, want proofback.Code) {
		taken.Go(func() {
			p, err := decider.Decide(in)
			if proofback.CodeOf(err) != want || err == nil && p.Reason != proofback.ReasonAccepted {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	take(first, "")
	<-began // the others are decided together
	take(d.incoming(sale(click, "second", "10")), "")
	take(bad, proofback.CodeInternal)
	take(d.incoming(sale(click, "third", "10")), "")
	eventually(t, 30*time.Second, "three wait", func() bool { return decider.QueueLength() == 3 })
	close(blocked)
	taken.Wait()
	take(bad, proofback.CodeInternal) // alone
	taken.Wait()
	if n := d.count(t, `SELECT count(*) FROM conversions`); n != 3 {
		t.Errorf("%d conversions", n)
	}
}
