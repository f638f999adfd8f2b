package db_test

import (
	"testing"
	"time"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// A server that is slow to let anybody in, since all come at once after it was away, is
// there all the same: it is waited for, or it would stay away for ever.
func TestAServerThatIsSlowToLetAnybodyInIsFoundBack(t *testing.T) {
	t.Parallel()
	proxy := dbtest.NewProxy(t, dbtest.URL(t))
	proxy.Delay(1500 * time.Millisecond)
	n := newNode(t, proxy.URL(), t.TempDir(), func(c *db.ClickWriterConfig) { c.Unreached = true })
	stored, refused := crowd(t, n.writer, 2, 5)
	if refused > 0 {
		t.Errorf("%d refused", refused)
	}
	n.writer.Reached()
	n.wantDrained(t)
	wantStored(t, n.store, stored)
}
