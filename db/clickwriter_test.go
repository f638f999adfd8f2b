package db_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func newWriter(t testing.TB, store *db.Store, c db.ClickWriterConfig) *db.ClickWriter {
	t.Helper()
	setup, err := store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.NewClickWriter(t.Context(), setup, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeWriter(t, w) })
	return w
}

func closeWriter(t testing.TB, w *db.ClickWriter) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Errorf("close the writer: %v", err)
	}
}

// visit makes the i-th click of a crowd, some of whom share browsers.
func visit(t testing.TB, i int) proofback.Click {
	id := newID(t)
	return proofback.Click{
		ID:        id,
		At:        proofback.UUIDTime(id),
		Device:    proofback.DeviceMobile,
		UserAgent: fmt.Sprintf("browser %d", i%7),
		Referrer:  fmt.Sprintf("https://blog.example/%d", i%50),
		Subs:      [10]string{fmt.Sprint(i)},
	}
}

// crowd has as many visitors at once as said click for a while, and gives the
// clicks that were acknowledged and the number of those refused.
func crowd(t testing.TB, w *db.ClickWriter, visitors, each int) (stored map[uuid.UUID]proofback.Click, refused int) {
	t.Helper()
	stored = map[uuid.UUID]proofback.Click{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for v := range visitors {
		all.Go(func() {
			for i := range each {
				c := visit(t, v*each+i)
				err := w.Write(context.Background(), &c)
				mu.Lock()
				switch {
				case err == nil:
					stored[c.ID] = c
				case proofback.CodeOf(err) == proofback.CodeUnavailable:
					refused++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return stored, refused
}

// wantStored fails the test unless each click is stored once, as it was given.
func wantStored(t testing.TB, store *db.Store, want map[uuid.UUID]proofback.Click) {
	t.Helper()
	got := readClicks(t, store, slices.Collect(maps.Keys(want)))
	if !maps.Equal(want, got) { // a thousand times faster than a diff
		t.Errorf("clicks (-acknowledged +stored):\n%s", cmp.Diff(want, got, sameAddress))
	}
}

func TestEachAcknowledgedClickIsStoredOnce(t *testing.T) {
	t.Parallel()
	for _, writers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d writers", writers), func(t *testing.T) {
			t.Parallel()
			store := dbtest.Open(t)
			stored, refused := crowd(t, newWriter(t, store, db.ClickWriterConfig{Writers: writers}), 64, 40)
			if refused != 0 {
				t.Errorf("%d clicks were refused", refused)
			}
			wantStored(t, store, stored)
		})
	}
}

func TestAcknowledgedClicksOutliveLostConnections(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	w := newWriter(t, store, db.ClickWriterConfig{Writers: 2})
	done := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_, err := store.Pool().Exec(context.Background(), `
					SELECT pg_terminate_backend(pid)
					FROM pg_stat_activity
					WHERE datname = current_database()
					  AND pid <> pg_backend_pid()`)
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Log(err) // one of its own was cut
				}
			}
		}
	})
	stored, refused := crowd(t, w, 32, 50)
	close(done)
	cutting.Wait()
	if len(stored) == 0 || refused == 0 {
		t.Errorf("%d stored, %d refused: the test shows nothing", len(stored), refused)
	}
	wantStored(t, store, stored)
	// And it goes on as if nothing had been, but that each of the two writers may find its
	// connection cut, with a click of each of the four callers in its hands.
	if stored, refused := crowd(t, w, 4, 5); refused > 2*4 || len(stored) < 20-2*4 {
		t.Errorf("afterwards: %d stored, %d refused", len(stored), refused)
	}
}

// blockClicks keeps every COPY into clicks waiting until the test says go.
func blockClicks(t testing.TB, store *db.Store) (release func()) {
	t.Helper()
	tx, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE clicks IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	release := blockClicks(t, store)
	defer release()
	const room = 10
	w := newWriter(t, store, db.ClickWriterConfig{MaxRows: room, Timeout: 30 * time.Second})
	type result struct {
		stored  map[uuid.UUID]proofback.Click
		refused int
	}
	results := make(chan result)
	go func() {
		stored, refused := crowd(t, w, 10*room, 1)
		results <- result{stored, refused}
	}()
	// Those that are refused come back while the others wait; nothing blocks them.
	full := visit(t, 0)
	eventually(t, 10*time.Second, "the queue is full", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := w.Write(ctx, &full)
		full = visit(t, 0)
		return proofback.CodeOf(err) == proofback.CodeUnavailable && !errors.Is(err, context.DeadlineExceeded)
	})
	release()
	r := <-results
	if len(r.stored) > 2*room || len(r.stored)+r.refused != 10*room {
		t.Errorf("%d stored, %d refused", len(r.stored), r.refused)
	}
	wantStored(t, store, r.stored)
}

func TestSlowPostgresIsGivenUpAfterTheTimeout(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	release := blockClicks(t, store)
	// Long enough for the next click on a busy machine.
	w := newWriter(t, store, db.ClickWriterConfig{Timeout: 2 * time.Second})
	c := visit(t, 1)
	if err := w.Write(t.Context(), &c); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	release()
	eventually(t, 10*time.Second, "a later click is stored", func() bool {
		next := visit(t, 2)
		return w.Write(t.Context(), &next) == nil
	})
}

// waitsForALock reports whether somebody waits for a lock that blocks him.
func waitsForALock(t testing.TB, store *db.Store) (waits bool) {
	t.Helper()
	err := store.Pool().QueryRow(t.Context(), `
		SELECT EXISTS (
			SELECT
			FROM pg_locks
			WHERE NOT granted
			  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
	if err != nil {
		t.Fatal(err)
	}
	return waits
}

// A batch that takes long holds up few others, and not many.
func TestManyDoNotWaitForABatchThatTakesLong(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	w := newWriter(t, store, db.ClickWriterConfig{Timeout: 30 * time.Second})
	tx, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release := sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
	defer release()
	if _, err := tx.Exec(t.Context(), `LOCK TABLE user_agents IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() {
		c := visit(t, 1)
		slow <- w.Write(context.Background(), &c)
	}()
	eventually(t, 10*time.Second, "a batch waits", func() bool { return waitsForALock(t, store) })
	// These bring no texts, so nothing but that batch can hold them up.
	write := func(ctx context.Context) error {
		id := newID(t)
		return w.Write(ctx, &proofback.Click{ID: id, At: proofback.UUIDTime(id), Device: proofback.DeviceMobile})
	}
	few, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := write(few); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one by itself got %v", err)
	}
	var many sync.WaitGroup
	for range 100 {
		many.Go(func() {
			if err := write(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	// The last of them may be too few, and wait.
	eventually(t, 10*time.Second, "most of many are stored", func() bool {
		var n int
		if err := store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM clicks`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 60
	})
	release()
	many.Wait()
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func TestVisitorWhoLeavesDoesNotWait(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	defer blockClicks(t, store)()
	w := newWriter(t, store, db.ClickWriterConfig{Timeout: 200 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := visit(t, 1)
	if err := w.Write(ctx, &c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCloseStoresWhatItTookAndTakesNoMore(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	release := blockClicks(t, store)
	w := newWriter(t, store, db.ClickWriterConfig{Timeout: 30 * time.Second})
	results := make(chan map[uuid.UUID]proofback.Click)
	go func() {
		stored, _ := crowd(t, w, 20, 1)
		results <- stored
	}()
	eventually(t, 10*time.Second, "a COPY waits", func() bool { return waitsForALock(t, store) })
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		closeWriter(t, w)
	}()
	eventually(t, 10*time.Second, "it takes no more", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		c := visit(t, 99)
		return !errors.Is(w.Write(ctx, &c), context.DeadlineExceeded)
	})
	release()
	<-closed
	stored := <-results
	if len(stored) == 0 {
		t.Error("nothing was stored")
	}
	wantStored(t, store, stored)
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	defer blockClicks(t, store)()
	setup, err := store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.NewClickWriter(t.Context(), setup, db.ClickWriterConfig{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		c := visit(t, 1)
		refused <- w.Write(context.Background(), &c)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.Close(ctx); err == nil {
		// The click came after the closing: there was nothing to wait for.
		t.Log("nothing was waiting")
	}
	if err := <-refused; proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Errorf("the waiting click: %v", err)
	}
}
