package db_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// signal is one about a click.
func signal(t testing.TB, click uuid.UUID) proofback.PixelSignal {
	t.Helper()
	id := newID(t)
	return proofback.PixelSignal{ID: id, At: proofback.UUIDTime(id), ClickID: click, EventType: "sale"}
}

func closePixels(t testing.TB, w *db.PixelWriter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestABurstOfSignalsCostsFewStatements(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click, _ := d.keys.Parse(d.click(t))
	var mu sync.Mutex
	batches, stored := 0, 0
	w := d.store.NewPixelWriter(db.PixelWriterConfig{Observe: func(n int, _ time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		batches, stored = batches+1, stored+n
		if err != nil {
			t.Error(err)
		}
	}})
	const burst = 2000
	for range burst {
		w.Record(signal(t, click))
	}
	w.Record(signal(t, newID(t))) // of a click that is not stored
	closePixels(t, w)
	if stored != burst+1 || w.Dropped() != 0 || batches > burst/10 {
		t.Errorf("%d signals in %d statements, %d dropped", stored, batches, w.Dropped())
	}
	if n := d.count(t, `SELECT count(*) FROM pixel_signals WHERE advertiser_id = $1 AND offer_id = $2 AND affiliate_id = $3`, d.advertiser, d.offer, d.affiliate); n != burst {
		t.Errorf("%d signals are told to be of the click's partners, want %d", n, burst)
	}
	if n := d.count(t, `SELECT count(*) FROM pixel_signals WHERE advertiser_id IS NULL`); n != 1 {
		t.Errorf("%d signals of nobody's, want 1", n)
	}
	w.Record(signal(t, click))
	if w.Dropped() != 1 {
		t.Error("a signal after the end is not counted as dropped")
	}
}

func TestSignalsAreDroppedRatherThanWaitedFor(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // written to by one goroutine at a time: drops are logged once
	store := dbtest.Open(t, func(c *db.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	lock, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `LOCK TABLE pixel_signals IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	w := store.NewPixelWriter(db.PixelWriterConfig{MaxBatch: 1, MaxQueue: 3})
	const sent = 100
	for range sent {
		w.Record(signal(t, uuid.Nil))
	}
	dropped := w.Dropped()
	if dropped < sent-5 || dropped > sent-3 { // three wait, and perhaps one is being written
		t.Errorf("%d of %d were dropped", dropped, sent)
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	closePixels(t, w)
	var stored int64
	if err := store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM pixel_signals`).Scan(&stored); err != nil || stored != sent-dropped {
		t.Errorf("%d are stored, want %d; %v", stored, sent-dropped, err)
	}
	if n := strings.Count(log.String(), "pixel signals were dropped"); n != 1 {
		t.Errorf("drops are logged %d times: %s", n, log.String())
	}
}

func TestSignalsGoWithTheirClicks(t *testing.T) {
	t.Parallel()
	m := newMarket(t, func(c *db.Config) { c.Now = func() time.Time { return day } })
	old, kept := m.click(0, day.Add(-25*time.Hour)), m.click(0, day.Add(-23*time.Hour))
	m.pixel(old.ID, day.Add(-25*time.Hour))
	m.pixel(kept.ID, day.Add(-23*time.Hour))
	for _, tt := range []struct {
		retention time.Duration
		left      int
	}{{0, 2}, {24 * time.Hour, 1}} {
		err := m.store.DropPixelSignals(t.Context(), proofback.System(), db.Retention{Clicks: tt.retention})
		if n := m.count(`SELECT count(*) FROM pixel_signals`); err != nil || n != tt.left {
			t.Errorf("kept for %v: %d are left, want %d; %v", tt.retention, n, tt.left, err)
		}
	}
	if err := m.store.DropPixelSignals(t.Context(), m.affiliate, db.Retention{}); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Error(err)
	}
}
