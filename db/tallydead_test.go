package db_test

import (
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// A process that never reaches Postgres, and is killed, cannot say which clicks it
// accepted. Another one moves them from its spool into the database: that they are there
// is no difference to what processes counted, whether others counted the hour to its end
// or nobody did.
func TestClicksFromTheSpoolOfADeadProcessAreNoDifference(t *testing.T) {
	t.Parallel()
	for name, visits := range map[string]int{"an hour that others counted": 2, "an hour that nobody counted": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, dir := dbtest.URL(t), t.TempDir()
			at := time.Now()
			if visits == 0 {
				at = at.Add(-2 * time.Hour)
				first := newNode(t, url, t.TempDir()) // has counting begin
				first.visits(t, at.Add(-time.Hour), 1)
				closeWriter(t, first.writer)
			}
			dead := newNode(t, url, dir, func(c *db.ClickWriterConfig) { c.Unreached = true })
			if n := dead.visits(t, at, 5); n != 0 {
				t.Fatalf("%d refused", n)
			}
			if err := dead.files.Close(); err != nil { // as the kernel does
				t.Fatal(err)
			}
			n := newNode(t, url, dir)
			if n := n.visits(t, at, visits); n != 0 {
				t.Fatalf("%d refused", n)
			}
			n.wantDrained(t)
			closeWriter(t, n.writer)

			a := later(t, url)
			a.closeCounts(t)
			run, found := a.verify(t, proofback.CheckClicks, proofback.CheckLedger)
			if len(found) > 0 {
				t.Errorf("%v %+v", found, run)
			}
		})
	}
}
