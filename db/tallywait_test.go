package db_test

import (
	"testing"
	"time"

	"github.com/proofback/proofback/db/dbtest"
)

// What became of clicks is told beside them: nobody's click waits for that, also not the
// first one of an hour.
func TestClicksDoNotWaitForWhatIsToldOfThem(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	n := newNode(t, url, t.TempDir())
	d := desk{network: &network{store: n.store}}
	eventually(t, 10*time.Second, "the writer has told that it began", func() bool { return d.count(t, `SELECT count(*) FROM click_counts`) > 0 })
	release := locked(t, url, "click_counts")
	if _, refused := crowd(t, n.writer, 1, 1); refused > 0 {
		t.Error("a click was refused")
	}
	told := make(chan error, 1)
	go func() { told <- n.writer.SayCounts(t.Context()) }()
	eventually(t, 10*time.Second, "it is being told", func() bool { return d.count(t, locksWaitedFor) > 0 })
	c := visit(t, 1)
	c.At = c.At.Add(3 * time.Hour)
	began := time.Now()
	if err := n.writer.Write(t.Context(), &c); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a click waited for %s", took)
	}
	release()
	if err := <-told; err != nil {
		t.Error(err)
	}
}
