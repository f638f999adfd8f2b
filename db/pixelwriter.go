package db

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proofback/proofback"
)

// PixelWriterConfig says how pixel signals are gathered; zero fields take the
// defaults.
type PixelWriterConfig struct {
	// MaxBatch is the most signals that are stored together. Default 500.
	MaxBatch int
	// MaxQueue is how many signals may wait; more are dropped. Default 4096.
	MaxQueue int
	// Timeout bounds one statement. Default 5 s.
	Timeout time.Duration
	// Observe is told of each batch: how many signals it had, how long it took to its
	// commit, and why they could not be stored. Default: nobody is.
	Observe func(signals int, took time.Duration, err error)
}

// PixelWriter stores pixel signals in groups, as they come, without anybody
// waiting for it: the page that called the pixel must not, and a diagnostic may be
// lost.
type PixelWriter struct {
	store    *Store
	maxBatch int
	timeout  time.Duration
	observe  func(int, time.Duration, error)
	queue    chan proofback.PixelSignal
	dropped  atomic.Int64
	told     atomic.Int64 // when drops were last logged, in Unix nanoseconds
	ended    chan struct{}

	closing sync.RWMutex
	closed  bool
}

// NewPixelWriter starts the writer. Close ends it.
func (s *Store) NewPixelWriter(c PixelWriterConfig) *PixelWriter {
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(int, time.Duration, error) {}
	}
	w := &PixelWriter{
		store:    s,
		maxBatch: orDefault(c.MaxBatch, 500),
		timeout:  c.Timeout,
		observe:  c.Observe,
		queue:    make(chan proofback.PixelSignal, orDefault(c.MaxQueue, 4096)),
		ended:    make(chan struct{}),
	}
	go w.run()
	return w
}

// Record has a signal stored soon; it is dropped when too many wait.
func (w *PixelWriter) Record(p proofback.PixelSignal) {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if !w.closed {
		select {
		case w.queue <- p:
			return
		default:
		}
	}
	w.drop(1, nil)
}

// tellDrops is how often lost signals are logged, at most.
const tellDrops = 10 * time.Second

// drop counts lost signals, and logs them now and then.
func (w *PixelWriter) drop(n int64, err error) {
	total := w.dropped.Add(n)
	now, last := w.store.now().UnixNano(), w.told.Load()
	if now-last < int64(tellDrops) || !w.told.CompareAndSwap(last, now) {
		return
	}
	w.store.log.LogAttrs(context.Background(), slog.LevelWarn, "pixel signals were dropped",
		slog.Int64("dropped_in_all", total), slog.Any("error", err))
}

// Dropped is how many signals were lost since the writer started.
func (w *PixelWriter) Dropped() int64 { return w.dropped.Load() }

// QueueLength is how many signals wait.
func (w *PixelWriter) QueueLength() int { return len(w.queue) }

// QueueLimit is how many signals may wait.
func (w *PixelWriter) QueueLimit() int { return cap(w.queue) }

// Close takes no more signals, stores those that wait, and returns when that is
// done or ctx ends.
func (w *PixelWriter) Close(ctx context.Context) error {
	w.closing.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.closing.Unlock()
	select {
	case <-w.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *PixelWriter) run() {
	defer close(w.ended)
	batch := make([]proofback.PixelSignal, 0, w.maxBatch)
	for first := range w.queue {
		batch = append(batch[:0], first)
	gather:
		for len(batch) < w.maxBatch {
			select {
			case next, ok := <-w.queue:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		w.write(batch)
		clear(batch)
	}
}

func (w *PixelWriter) write(batch []proofback.PixelSignal) {
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	began := time.Now()
	err := w.store.RecordPixelSignals(ctx, batch)
	w.observe(len(batch), time.Since(began), err)
	if err != nil {
		w.drop(int64(len(batch)), err)
	}
}
