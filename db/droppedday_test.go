package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// A process comes back after days with a click in its spool, of a day whose clicks were
// counted and then dropped. Nobody may take that click for all that the day had, nor the
// days between it and now for days without any.
func TestAClickFromASpoolDoesNotUndoTheCountsOfDroppedDays(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	store := dbtest.Open(t, func(c *db.Config) { c.URL = url })
	store.RollUpSooner()
	today := now().UTC().Truncate(24 * time.Hour)
	from, link := today.AddDate(0, 0, -9), newID(t)
	if _, err := store.MakePartitions(t.Context(), from, today); err != nil {
		t.Fatal(err)
	}
	var clicks []proofback.Click
	for d := from; d.Before(today); d = d.AddDate(0, 0, 1) {
		for range 5 {
			c := clickOn(t, d.Add(12*time.Hour))
			c.LinkID = link
			clicks = append(clicks, c)
		}
	}
	if err := store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
		t.Fatal(err)
	}
	rollUp := func() {
		t.Helper()
		if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
	}
	rollUp()
	retention := db.Retention{Clicks: 3 * 24 * time.Hour, Postbacks: 3 * 24 * time.Hour}
	dropped, err := store.DropPartitions(t.Context(), proofback.System(), retention)
	if err != nil || len(dropped) < 10 {
		t.Fatalf("dropped %v, %v", dropped, err)
	}

	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	late := clickOn(t, from.AddDate(0, 0, 1).Add(13*time.Hour))
	late.LinkID = link
	for _, c := range []proofback.Click{late, visit(t, 1)} {
		if err := n.writer.Write(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Mend()
	n.wantDrained(t)
	if found := readClicks(t, store, []uuid.UUID{late.ID}); len(found) != 1 {
		t.Errorf("the click was stored %d times", len(found))
	}
	if _, err := store.KeepPartitions(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	rollUp()
	_, err = store.VerifyRollups(t.Context(), proofback.System(), func(d db.RollupDifference) error {
		t.Errorf("found different: %s", d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rollUp()
	r, err := store.Report(t.Context(), proofback.Actor{Role: proofback.RoleManager}, proofback.ReportInput{
		Range: proofback.TimeRange{From: from, To: today}, Zone: time.UTC, Limit: 100,
		GroupBy: []proofback.Dimension{proofback.DimDay, proofback.DimOffer},
	})
	if err != nil || r.Totals.Clicks != int64(len(clicks)) {
		t.Errorf("%d clicks are reported, want %d; %v", r.Totals.Clicks, len(clicks), err)
	}

	// It goes with its day, which it has no partition of.
	if again, err := store.DropPartitions(t.Context(), proofback.System(), retention); err != nil || len(again) > 0 {
		t.Errorf("dropped %v, which was dropped before; %v", again, err)
	}
	states, err := store.PartitionStates(t.Context(), proofback.System())
	if err != nil || slices.ContainsFunc(states, func(p db.Partitions) bool { return p.Strays > 0 }) {
		t.Errorf("%+v, %v", states, err)
	}
}

// One day whose clicks were dropped does not keep those after it from their partitions.
func TestStraysOfADroppedDayKeepNoOthersFromTheirPartitions(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	store.RollUpSooner()
	day := now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20)
	stray := func(at time.Time, n int) (clicks []proofback.Click) {
		for range n {
			c := clickOn(t, at)
			c.LinkID = c.ID
			clicks = append(clicks, c)
		}
		if err := store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
			t.Fatal(err)
		}
		return clicks
	}
	stray(day, 3)
	if _, err := store.KeepPartitions(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DropPartitions(t.Context(), proofback.System(), db.Retention{Clicks: 15 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	late, other := stray(day.Add(time.Hour), 1), stray(day.AddDate(0, 0, 10), 1)
	if _, err := store.KeepPartitions(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if got := partitionOf(t, store, late[0].ID); got != "clicks_default" {
		t.Errorf("the click of the dropped day is in %s", got)
	}
	if got := partitionOf(t, store, other[0].ID); !strings.HasPrefix(got, "clicks_2") {
		t.Errorf("the other one is in %s", got)
	}
}

// After an outage of days a spool brings clicks for many quarter hours. What was counted
// of days whose clicks have been dropped is told all the same.
func TestManyLateClicksDoNotHideTheCountsOfDroppedDays(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	store.RollUpSooner()
	today := now().UTC().Truncate(24 * time.Hour)
	from, link := today.AddDate(0, 0, -9), newID(t)
	if _, err := store.MakePartitions(t.Context(), from, today); err != nil {
		t.Fatal(err)
	}
	var clicks []proofback.Click
	for d := from; d.Before(today); d = d.Add(time.Hour) {
		c := clickOn(t, d.Add(time.Minute))
		c.LinkID = link
		clicks = append(clicks, c)
	}
	if err := store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DropPartitions(t.Context(), proofback.System(), db.Retention{Clicks: 4 * 24 * time.Hour, Postbacks: 4 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	_, err := store.Pool().Exec(t.Context(), `
		INSERT INTO late_clicks (starts)
		SELECT generate_series($1::timestamptz, $2::timestamptz, interval '1 hour')`, today.AddDate(0, 0, -3), today.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.Report(t.Context(), proofback.System(), proofback.ReportInput{
		Range: proofback.TimeRange{From: from, To: today}, Zone: berlin, GroupBy: []proofback.Dimension{proofback.DimDay}, Limit: 1,
	})
	if err != nil || r.Totals.Clicks != int64(len(clicks)) {
		t.Errorf("%d clicks are told of, there were %d; %v", r.Totals.Clicks, len(clicks), err)
	}
}

// Tests, and clicks that were not sent on, are counted nowhere. However many of them come
// late, the day is none that has its clicks.
func TestClicksThatDoNotCountMakeNoDroppedDayWhole(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	store.RollUpSooner()
	day := now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20)
	put := func(clicks ...proofback.Click) {
		t.Helper()
		if err := store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
			t.Fatal(err)
		}
	}
	counts := func() proofback.Click {
		c := clickOn(t, day.Add(time.Hour))
		c.LinkID = c.ID
		return c
	}
	work := func() {
		t.Helper()
		if _, err := store.KeepPartitions(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
		if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
	}
	put(counts(), counts(), counts())
	work()
	if _, err := store.DropPartitions(t.Context(), proofback.System(), db.Retention{Clicks: 15 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	refused := counts()
	refused.Outcome = proofback.ClickCapReached
	late := counts()
	put(late, refused, clickOn(t, day.Add(time.Hour)), clickOn(t, day.Add(2*time.Hour)))
	work()
	if got := partitionOf(t, store, late.ID); got != "clicks_default" {
		t.Errorf("the late click is in %s", got)
	}
	var told int
	err := store.Pool().QueryRow(t.Context(), `SELECT coalesce(sum(clicks + bots), 0) FROM rollup_offers WHERE day = $1::timestamptz::date`, day).Scan(&told)
	if err != nil || told != 3 {
		t.Errorf("%d clicks are told of, there were 3; %v", told, err)
	}
}

// What comes out of a spool for an hour whose clicks were dropped is not all that are there
// of it: nobody can say any more whether as many were there as processes counted.
func TestAClickFromASpoolDoesNotHaveDroppedOnesMissing(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	store := dbtest.Open(t, func(c *db.Config) { c.URL = url })
	store.RollUpSooner()
	today := now().UTC().Truncate(24 * time.Hour)
	hour := today.AddDate(0, 0, -5)
	if _, err := store.MakePartitions(t.Context(), hour, today); err != nil {
		t.Fatal(err)
	}
	clicks := []proofback.Click{clickOn(t, hour.Add(time.Minute)), clickOn(t, hour.Add(2*time.Minute))}
	for i := range clicks {
		clicks[i].LinkID = newID(t)
	}
	if err := store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DropPartitions(t.Context(), proofback.System(), db.Retention{Clicks: 3 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	there := func() int64 {
		t.Helper()
		w, err := store.ClickHours(t.Context(), proofback.System(), proofback.TimeRange{From: hour, To: hour.Add(time.Hour)}, proofback.Page{Limit: 10})
		if err != nil || len(w.Items) != 1 {
			t.Fatalf("%+v, %v", w, err)
		}
		return w.Items[0].There
	}
	if n := there(); n != -1 {
		t.Errorf("%d clicks are there of an hour that was dropped", n)
	}
	n := newNode(t, url, t.TempDir(), func(c *db.ClickWriterConfig) { c.Unreached = true })
	late := clickOn(t, hour.Add(3*time.Minute))
	if err := n.writer.Write(t.Context(), &late); err != nil {
		t.Fatal(err)
	}
	n.writer.Reached()
	n.wantDrained(t)
	if n := there(); n != -1 {
		t.Errorf("%d clicks are said to be there of an hour of which the others were dropped", n)
	}
}
