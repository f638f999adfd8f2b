package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback/db"
)

// holdUp keeps a table from being written to until the function that it gives is
// called.
func (w *world) holdUp(table string) (letGo func()) {
	w.Helper()
	tx, err := w.store.Pool().Begin(w.Context())
	w.must(err)
	_, err = tx.Exec(w.Context(), `LOCK TABLE `+table+` IN EXCLUSIVE MODE`)
	w.must(err)
	letGo = sync.OnceFunc(func() { w.must(tx.Rollback(context.WithoutCancel(w.Context()))) })
	w.Cleanup(letGo)
	return letGo
}

// until polls for what other goroutines do.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			w.Fatalf("still not: %s", what)
		}
	}
}

// wantOverflow sends requests until the queue is full, wants the next one to be
// refused at once with the time to come again, and the others to be answered with
// a status after what holds them up is gone.
func (w *world) wantOverflow(send func(n int) *http.Response, length func() int, room int, letGo func(), status int) {
	w.Helper()
	var all sync.WaitGroup
	take := func(n int) {
		all.Go(func() {
			if got := send(n); got.StatusCode != status {
				w.Errorf("request %d got %d", n, got.StatusCode)
			}
		})
	}
	take(0)
	w.until("the first is being stored", func() bool {
		var waits int
		w.must(w.store.Pool().QueryRow(w.Context(), `
			SELECT count(*)
			FROM pg_locks
			WHERE NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waits))
		return waits > 0 && length() == 0
	})
	for n := range room {
		take(n + 1)
	}
	w.until("the queue is full", func() bool { return length() == room })
	refused := send(room + 1)
	if refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" {
		w.Errorf("beyond the queue: %d, Retry-After %q", refused.StatusCode, refused.Header.Get("Retry-After"))
	}
	letGo()
	all.Wait()
}

func TestAVisitorWhoFindsTheQueueFullIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	const room = 2
	w := newWorld(t)
	writer, err := w.store.NewClickWriter(t.Context(), w.setup, db.ClickWriterConfig{MaxRows: room, Timeout: time.Minute})
	w.must(err)
	defer func() { w.must(writer.Close(context.WithoutCancel(t.Context()))) }()
	clicks := NewClicks(ClicksConfig{Setup: w.setup, Writer: writer, Keys: w.keys, Log: slog.New(slog.DiscardHandler)})
	w.mux = http.NewServeMux()
	clicks.Register(w.mux)
	letGo := w.holdUp("clicks")
	w.wantOverflow(func(int) *http.Response { return w.visit("") }, writer.QueueLength, room, letGo, http.StatusFound)
	if n := len(w.stored()); n != room+1 {
		t.Errorf("%d clicks are stored", n)
	}
}

// Clicks with much in them fill the queue's bytes long before its places: whoever watches
// how full it is must hear of either.
func TestAQueueThatIsFullOfLargeClicksSaysThatItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer, err := w.store.NewClickWriter(t.Context(), w.setup, db.ClickWriterConfig{MaxBytes: 20_000, Timeout: time.Minute})
	w.must(err)
	defer func() { w.must(writer.Close(context.WithoutCancel(t.Context()))) }()
	clicks := NewClicks(ClicksConfig{Setup: w.setup, Writer: writer, Keys: w.keys, Log: slog.New(slog.DiscardHandler)})
	w.mux = http.NewServeMux()
	clicks.Register(w.mux)
	letGo := w.holdUp("clicks")
	query := "?source=" + strings.Repeat("x", 500)
	for n := range 9 {
		query += fmt.Sprintf("&sub%d=%s", n+1, strings.Repeat("x", 500))
	}
	var all sync.WaitGroup
	var refused atomic.Bool
	w.until("a click is refused", func() bool {
		all.Go(func() {
			if w.visit(query).StatusCode == http.StatusServiceUnavailable {
				refused.Store(true)
			}
		})
		return refused.Load()
	})
	places, size := float64(writer.QueueLength())/float64(writer.QueueLimit()), float64(writer.QueueBytes())/float64(writer.QueueLimitBytes())
	if places > 0.1 || size < 0.7 || size > 1 {
		t.Errorf("it is full, and told are %.2f of its places and %.2f of its bytes", places, size)
	}
	letGo()
	all.Wait()
}

func TestASenderThatFindsTheQueueFullIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	const room = 2
	b := newInbox(t)
	decider := b.store.NewDecider(b.setup, db.DeciderConfig{Writers: 1, MaxQueue: room, Timeout: time.Minute})
	defer decider.Close()
	b.handler.Decider = decider
	click := b.clickNow()
	letGo := b.holdUp("postbacks")
	b.wantOverflow(func(n int) *http.Response {
		b.sent.Add(1)
		return b.serve(request(http.MethodGet, fmt.Sprintf("/postback?click_id=%s&event_type=sale&txid=T%d&amount=10&currency=EUR", click, n), ""))
	}, decider.QueueLength, room, letGo, http.StatusOK)
}

// Nobody can read a line for each of thousands that are refused in a second, and whoever
// sends them would say how fast the log's disk fills.
func TestAFloodThatIsRefusedDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	const flood = 50
	b := newInbox(t)
	decider := b.store.NewDecider(b.setup, db.DeciderConfig{})
	decider.Close()
	var log bytes.Buffer
	b.handler.Decider, b.handler.Log = decider, slog.New(slog.NewTextHandler(&log, nil))
	began := time.Now()
	for range flood {
		if got := b.serve(request(http.MethodGet, "/postback/"+strings.Repeat("x", 10_000), "")); got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("got %d", got.StatusCode)
		}
	}
	lines, most := strings.Count(log.String(), "a postback could not be stored"), 1+int(time.Since(began)/time.Second)
	if lines < 1 || lines > most || log.Len() > lines*1000 {
		t.Errorf("%d requests were refused in %s: %d lines, %d bytes", flood, time.Since(began), lines, log.Len())
	}
}

// With its queue full of the largest requests there are, the program would need a gigabyte
// and more.
func TestLargePostbacksFillTheQueueBeforeTheMemory(t *testing.T) {
	t.Parallel()
	const large = 60_000
	b := newInbox(t)
	decider := b.store.NewDecider(b.setup, db.DeciderConfig{Writers: 1, MaxBytes: 3 * large, Timeout: time.Minute})
	defer decider.Close()
	b.handler.Decider = decider
	letGo := b.holdUp("postbacks")
	send := func() *http.Response {
		return b.serve(request(http.MethodPost, "/postback", "event_type="+strings.Repeat("x", large), "Content-Type: application/x-www-form-urlencoded"))
	}
	var all sync.WaitGroup
	take := func() {
		all.Go(func() {
			if got := send(); got.StatusCode != http.StatusBadRequest {
				t.Errorf("got %d", got.StatusCode)
			}
		})
	}
	for n := range 2 {
		take()
		b.until("it waits", func() bool { return decider.QueueBytes() > (n+1)*large })
	}
	if got := send(); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the queue: %d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
	letGo()
	all.Wait()
	take()
	all.Wait()
	if n := decider.QueueBytes(); n != 0 {
		t.Errorf("%d bytes wait, and nobody does", n)
	}
}
