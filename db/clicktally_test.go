package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// visits has visitors come at a moment, and tells how many were refused.
func (n *node) visits(t testing.TB, at time.Time, count int) (refused int) {
	t.Helper()
	for range count {
		id := keyAt(at)
		c := proofback.Click{ID: id, At: proofback.UUIDTime(id), LinkID: id, OfferID: newID(t), Device: proofback.DeviceMobile}
		if err := n.writer.Write(t.Context(), &c); err != nil {
			refused++
		}
	}
	return refused
}

// later is a process that looks after the hour is over.
func later(t testing.TB, url string) *audited {
	t.Helper()
	a := &audited{bookkeeping: &bookkeeping{desk: &desk{network: &network{}}, now: time.Now().Add(4 * time.Hour), staff: proofback.System()}}
	a.store = dbtest.Open(t, func(c *db.Config) { c.URL, c.Now = url, func() time.Time { return a.now } })
	a.seal(t)
	return a
}

// counts are those of the hour of a moment, without what differs from run to run.
func (a *audited) counts(t testing.TB, at time.Time) (list []proofback.ClickCount) {
	t.Helper()
	hour := at.UTC().Truncate(time.Hour)
	w, err := a.store.ClickHours(t.Context(), a.staff, proofback.TimeRange{From: hour, To: hour.Add(time.Hour)}, proofback.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range w.Items {
		for _, c := range h.Counts {
			list = append(list, proofback.ClickCount{Accepted: c.Accepted, Stored: c.Stored, Spooled: c.Spooled, Refused: c.Refused, Complete: c.Complete})
		}
	}
	return list
}

// close closes the counts of hours that are over.
func (a *audited) closeCounts(t testing.TB) {
	t.Helper()
	if _, err := a.store.CloseClickCounts(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	a.seal(t)
}

// Every click is counted as it was answered, and as many are there in the end.
func TestClicksAreCountedAsTheyWereAnswered(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	at := time.Now()
	with := newNode(t, proxy.URL(), t.TempDir())
	without := newNode(t, proxy.URL(), t.TempDir(), func(c *db.ClickWriterConfig) { c.Spool, c.Timeout = nil, 200*time.Millisecond })
	if n := with.visits(t, at, 10) + without.visits(t, at, 4); n != 0 {
		t.Fatalf("%d refused", n)
	}
	proxy.Cut()
	if n, m := with.visits(t, at, 7), without.visits(t, at, 2); n != 0 || m != 2 {
		t.Fatalf("%d and %d refused", n, m)
	}
	proxy.Mend()
	with.wantDrained(t)
	closeWriter(t, with.writer)
	closeWriter(t, without.writer)

	a := later(t, url)
	a.closeCounts(t)
	want := map[proofback.ClickCount]bool{
		{Accepted: 17, Stored: 10, Spooled: 7, Complete: true}: true,
		{Accepted: 6, Stored: 4, Refused: 2, Complete: true}:   true,
	}
	got := map[proofback.ClickCount]bool{}
	for _, c := range a.counts(t, at) {
		got[c] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var said int64 // by each of two processes, of the hour, and of the next one if that has begun meanwhile
	if err := a.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM click_counts`).Scan(&said); err != nil || said < 2 || said > 4 {
		t.Fatalf("%d counts, %v", said, err)
	}
	run, found := a.verify(t, proofback.CheckClicks, proofback.CheckLedger)
	if len(found) > 0 || run.Checks[1].Compared != 21 || run.Checks[0].Compared != said {
		t.Errorf("%v %+v", found, run)
	}
	a.exec(t, `DELETE FROM spools`) // what was said of them before they were drained
	a.tamper(t, `DELETE FROM clicks WHERE id = (SELECT min(id::text)::uuid FROM clicks)`)
	if _, found := a.verify(t, proofback.CheckClicks); len(found[proofback.CheckClicks]) != 1 {
		t.Errorf("a click is missing: %v", found)
	}
	for _, sql := range []string{`UPDATE click_counts SET accepted = accepted + 1`, `DELETE FROM click_counts`, `TRUNCATE click_counts`} {
		if _, err := a.store.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is let through", sql)
		}
	}
}

// Of a process that is killed, the ledger has what it said last and that this is not all;
// more clicks than that are no difference, and fewer are. If it was cut off and not
// killed, what it counted comes after.
func TestWhatAKilledProcessCountedIsIncomplete(t *testing.T) {
	t.Parallel()
	url, at := dbtest.URL(t), time.Now()
	n := newNode(t, url, t.TempDir())
	n.visits(t, at, 5)
	if err := n.writer.SayCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.visits(t, at, 3)
	a := later(t, url)
	a.closeCounts(t)
	if diff := cmp.Diff([]proofback.ClickCount{{Accepted: 5, Stored: 5}}, a.counts(t, at)); diff != "" {
		t.Error(diff)
	}
	if _, found := a.verify(t, proofback.CheckClicks); len(found) > 0 {
		t.Error(found)
	}
	a.tamper(t, `DELETE FROM clicks WHERE id IN (SELECT id FROM clicks LIMIT 4)`)
	if _, found := a.verify(t, proofback.CheckClicks); len(found) != 1 {
		t.Error("a click that was said to be stored is missing")
	}
	if err := n.writer.SayCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]proofback.ClickCount{{Accepted: 5, Stored: 5}, {Accepted: 3, Stored: 3}}, a.counts(t, at)); diff != "" {
		t.Error(diff)
	}
}
