package db_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// clickOn makes a click of a day long before the partitions that tests have.
func clickOn(t testing.TB, at time.Time) proofback.Click {
	t.Helper()
	id, err := proofback.NewUUIDv7(at, strings.NewReader(strings.Repeat(newID(t).String(), 2)[20:]))
	if err != nil {
		t.Fatal(err)
	}
	return proofback.Click{ID: id, At: proofback.UUIDTime(id), Device: proofback.DeviceOther}
}

func partitionOf(t testing.TB, store *db.Store, id uuid.UUID) (name string) {
	t.Helper()
	err := store.Pool().QueryRow(t.Context(), `
		SELECT tableoid::regclass::text
		FROM clicks
		WHERE id = $1`, id).Scan(&name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPartitionsAreMadeOnce(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	from := time.Date(2024, 2, 28, 23, 59, 0, 0, time.FixedZone("west", -5*3600)) // the 29th in UTC
	to := time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, want := range []int{2 * 3, 0} {
		if made, err := store.MakePartitions(t.Context(), from, to); err != nil || made != want {
			t.Errorf("made %d, want %d; %v", made, want, err)
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := store.MakePartitions(t.Context(), from, to.AddDate(0, 0, 5)); err != nil {
				t.Errorf("several at once: %v", err)
			}
		})
	}
	all.Wait()
}

func TestClickIsInThePartitionOfItsDay(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	day := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	if _, err := store.MakePartitions(t.Context(), day, day); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]string{
		day:                                     "clicks_20240301",
		day.Add(24*time.Hour - time.Nanosecond): "clicks_20240301",
		day.Add(24 * time.Hour):                 "clicks_default",
		day.Add(-time.Millisecond):              "clicks_default",
	} {
		c := clickOn(t, at)
		if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
			t.Fatal(err)
		}
		if got := partitionOf(t, store, c.ID); got != want {
			t.Errorf("%v is in %s, want %s", at, got, want)
		}
	}
}

func TestLatePartitionTakesWhatTheDefaultOneCaught(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	day := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	caught, other := clickOn(t, day), clickOn(t, day.AddDate(0, 0, 1))
	if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{caught, other}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.MakePartitions(t.Context(), day, day); err != nil {
		t.Fatal(err)
	}
	if got := partitionOf(t, store, caught.ID); got != "clicks_20240301" {
		t.Errorf("the day's click is in %s", got)
	}
	if got := partitionOf(t, store, other.ID); got != "clicks_default" {
		t.Errorf("another day's click is in %s", got)
	}
}

func TestMakingPartitionsDoesNotWaitForClicksInFlight(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	tx, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	c := visit(t, 1)
	_, err = tx.Exec(t.Context(), `
		INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device)
		VALUES ($1, $2, $1, $1, $1, $1, $1, 0, 0, 0, 0, false, 'OTHER')`, c.ID, c.At)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	if _, err := store.MakePartitions(t.Context(), day, day); err != nil {
		t.Error(err)
	}
}

// plan is EXPLAIN's answer as a list of "node relation index".
func plan(t testing.TB, store *db.Store, query string, args ...any) []string {
	t.Helper()
	var text []byte
	// Tests' tables are empty: what counts is which way there is at all.
	tx, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), `EXPLAIN (FORMAT json) `+query, args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	type node struct {
		Type     string `json:"Node Type"`
		Relation string `json:"Relation Name"`
		Index    string `json:"Index Name"`
		Plans    []node
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	var list []string
	var walk func(n node)
	walk = func(n node) {
		list = append(list, strings.TrimSpace(n.Type+" "+n.Relation+" "+n.Index))
		for _, child := range n.Plans {
			walk(child)
		}
	}
	walk(plans[0].Plan)
	return list
}

func TestAffiliatesClicksAreReadByTheirIndexInOrder(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	nodes := plan(t, store, `
		SELECT id
		FROM clicks
		WHERE affiliate_id = $1 AND id < $2
		ORDER BY id DESC
		LIMIT 101`, newID(t), newID(t))
	for _, n := range nodes {
		if strings.Contains(n, "Sort") || strings.Contains(n, "Seq Scan") || strings.Contains(n, "clicks_") && !strings.Contains(n, "affiliate_id_id_idx") {
			t.Errorf("plan: %q", nodes)
			break
		}
	}
}

func TestRangeOfKeysReadsOnlyItsPartitions(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	day := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	if _, err := store.MakePartitions(t.Context(), day, day.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	nodes := plan(t, store, `
		SELECT id
		FROM clicks
		WHERE id >= $1 AND id < $2`,
		proofback.UUIDFloor(day.AddDate(0, 0, 3)), proofback.UUIDFloor(day.AddDate(0, 0, 4)))
	tables := slices.DeleteFunc(nodes, func(n string) bool { return !strings.Contains(n, " clicks_") })
	if len(tables) != 1 || !strings.Contains(tables[0], "clicks_20240304") {
		t.Errorf("plan: %q", nodes)
	}
}

func TestKeepingPartitionsLeavesNothingInTheDefaultOne(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	state := func() db.Partitions {
		t.Helper()
		states, err := store.PartitionStates(t.Context(), proofback.System())
		if err != nil || len(states) != 2 || states[0].Table != "clicks" {
			t.Fatalf("%+v, %v", states, err)
		}
		return states[0]
	}
	if got := state(); got.DaysAhead != db.PartitionDaysAhead || got.Strays != 0 {
		t.Errorf("after a migration: %+v", got)
	}
	day := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	strays := []proofback.Click{clickOn(t, day), clickOn(t, day.AddDate(0, 0, 40)), clickOn(t, now().AddDate(1, 0, 0))}
	if err := store.InsertClicks(t.Context(), proofback.System(), strays); err != nil {
		t.Fatal(err)
	}
	gap := "clicks_" + now().UTC().AddDate(0, 0, 3).Format("20060102")
	if _, err := store.Pool().Exec(t.Context(), `DROP TABLE `+gap); err != nil {
		t.Fatal(err)
	}
	if got := state(); got.DaysAhead != 2 || got.Strays != len(strays) {
		t.Errorf("with strays and a gap: %+v", got)
	}
	if made, err := store.KeepPartitions(t.Context(), proofback.System()); err != nil || made != 1+len(strays) {
		t.Errorf("made %d, %v", made, err)
	}
	if got := state(); got.DaysAhead != db.PartitionDaysAhead || got.Strays != 0 {
		t.Errorf("afterwards: %+v", got)
	}
	if got := partitionOf(t, store, strays[0].ID); got != "clicks_20240301" {
		t.Errorf("a stray is in %s", got)
	}
}
