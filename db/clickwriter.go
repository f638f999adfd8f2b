package db

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

// ClickWriterConfig says how a ClickWriter works.
type ClickWriterConfig struct {
	// Writers is how many COPYs may run at once, each on a connection of its
	// own. Default 2: one gets its rows while the other waits for the disk. More make
	// batches smaller, and each batch costs Postgres as much as thirty rows.
	Writers int
	// MaxRows and MaxBytes bound what waits for the next COPY: clicks beyond
	// them are refused. Defaults 16,384 rows and 16 MiB.
	MaxRows  int
	MaxBytes int
	// Timeout bounds one COPY, connecting included. Default 5 s, with a spool 2 s:
	// visitors do not wait much longer than that.
	Timeout time.Duration
	// Spool keeps clicks while Postgres is away. Without one they are refused then.
	Spool *spool.Spool
	// Unreached says that Postgres has not been reached yet: all clicks are spooled
	// until Reached says otherwise.
	Unreached bool
	// DrainPerSecond bounds how fast spooled clicks are moved into the database
	// beside live ones. Default 10,000 a second.
	DrainPerSecond int
	// Observe is told of each COPY: how many clicks it had, how long it took to its
	// commit, and why they could not be stored. Default: nobody is.
	Observe func(clicks int, took time.Duration, err error)
}

// ClickWriter stores clicks in groups: whatever has gathered while the last COPY
// ran is the next one, or what has gathered beside it if that is enough. A lone click is stored at once, and the more come the
// larger the groups get; there is no timer.
//
// Its connections are its own, so that slow queries elsewhere cannot keep clicks
// waiting.
type ClickWriter struct {
	config   ClickWriterConfig
	pool     *pgxpool.Pool
	setup    *Setup
	counters *counters
	log      *slog.Logger
	now      func() time.Time
	// Texts known to be stored.
	agents    knownTexts
	referrers knownTexts
	spool     *clickSpool // nil without one
	tally     *clickTally

	mu      sync.Mutex
	open    *clickBatch   // gathers rows; nil when there are none
	running int           // COPYs
	closed  bool          // no more rows are taken
	wake    chan struct{} // holds one when a writer has been sent for what is in open

	spares [][]byte // buffers of batches that are stored, under mu

	rows    sync.Pool // of *[]byte
	writers sync.WaitGroup
	ctx     context.Context // ends when Close gives up
	giveUp  context.CancelFunc
}

// rowsBeside is how many rows have to wait before another COPY is begun beside one
// that runs. When that ends, what waits is written, however little it is.
const rowsBeside = 32

// maxSpare is the largest buffer that is kept for the next batch: some 3,000 rows.
const maxSpare = 1 << 20

// NewClickWriter starts a writer; setup tells it which offers' clicks are capped.
// Close ends it, before the Store is closed.
func (s *Store) NewClickWriter(ctx context.Context, setup *Setup, c ClickWriterConfig) (*ClickWriter, error) {
	c.Writers = orDefault(c.Writers, 2)
	c.MaxRows = orDefault(c.MaxRows, 1<<14)
	c.MaxBytes = orDefault(c.MaxBytes, 16<<20)
	c.DrainPerSecond = orDefault(c.DrainPerSecond, 10_000)
	conns := int32(c.Writers)
	if c.Spool != nil {
		conns++
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
		if c.Spool != nil {
			c.Timeout = 2 * time.Second
		}
	}
	if c.Observe == nil {
		c.Observe = func(int, time.Duration, error) {}
	}
	pc := s.pool.Config()
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = conns, 0, 0
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, err
	}
	w := &ClickWriter{
		config:   c,
		pool:     pool,
		setup:    setup,
		counters: newCounters(s.pool, makeClickCounters),
		tally:    newClickTally(s),
		log:      s.log,
		now:      s.now,
		wake:     make(chan struct{}, 1),
		rows:     sync.Pool{New: func() any { return new([]byte) }},
	}
	w.ctx, w.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	if c.Spool != nil {
		w.spool = newClickSpool(s, pool, w.tally.process, &c)
		w.spool.start(w.ctx)
	}
	go w.tally.run(w.ctx)
	for range c.Writers {
		w.writers.Go(w.run)
	}
	return w, nil
}

func orDefault(v, otherwise int) int {
	if v > 0 {
		return v
	}
	return otherwise
}

var (
	errWriterClosed = errors.New("the click writer is closed")
	errWriterFull   = errors.New("the click writer's queue is full")
)

// clickUnavailable is what a visitor's click that was not stored comes to.
func clickUnavailable(err error) error {
	return &proofback.Error{Code: proofback.CodeUnavailable, Message: "the click could not be stored: try again", Err: err}
}

// take is Write; a click that is kept in the spool is errSpooled.
func (w *ClickWriter) take(ctx context.Context, c *proofback.Click) error {
	buffer := w.rows.Get().(*[]byte)
	defer w.rows.Put(buffer)
	agent, referrer := textID(c.UserAgent), textID(c.Referrer)
	row, err := appendClick((*buffer)[:0], c, agent, referrer)
	if err != nil {
		return err
	}
	*buffer = row
	if w.isAway() {
		return w.keep(ctx, c, row, ErrAway)
	}
	newAgent := agent != 0 && !w.agents.has(agent)
	newReferrer := referrer != 0 && !w.referrers.has(referrer)
	counted, err := w.counted(ctx, c)
	if err != nil {
		return err
	}

	w.mu.Lock()
	b, err := w.room(len(row) + len(c.UserAgent) + len(c.Referrer))
	if err != nil {
		w.mu.Unlock()
		return clickUnavailable(err)
	}
	b.addRow(row, counted)
	b.quarters.add(c.At)
	if newAgent {
		b.addText(&b.agents, agent, c.UserAgent)
	}
	if newReferrer {
		b.addText(&b.referrers, referrer, c.Referrer)
	}
	if w.worthwhile() { // else whoever ends next sees to them
		select {
		case w.wake <- struct{}{}:
		default: // a writer has been sent for
		}
	}
	w.mu.Unlock()

	if err := b.wait(ctx); err != nil {
		return clickUnavailable(err)
	}
	if b.err != nil {
		return w.keep(ctx, c, row, b.err)
	}
	if counted != nil {
		c.Outcome = counted.outcome
	}
	return nil
}

// room gives the batch that takes a row of n bytes. The caller holds mu.
func (w *ClickWriter) room(n int) (*clickBatch, error) {
	if w.closed {
		return nil, errWriterClosed
	}
	if w.open == nil {
		var buffer []byte
		if n := len(w.spares); n > 0 {
			buffer, w.spares = w.spares[n-1], w.spares[:n-1]
		}
		w.open = newClickBatch(buffer, copyClicks)
	}
	if w.open.rows >= w.config.MaxRows || w.open.size()+n > w.config.MaxBytes {
		return nil, errWriterFull
	}
	return w.open, nil
}

// QueueLength is how many clicks wait for the next COPY.
func (w *ClickWriter) QueueLength() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		return 0
	}
	return w.open.rows
}

// QueueLimit is how many clicks may wait for the next COPY.
func (w *ClickWriter) QueueLimit() int { return w.config.MaxRows }

// QueueBytes is how large they are.
func (w *ClickWriter) QueueBytes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		return 0
	}
	return w.open.size()
}

// QueueLimitBytes is how large they may be.
func (w *ClickWriter) QueueLimitBytes() int { return w.config.MaxBytes }

// run writes one batch after the other until Close.
func (w *ClickWriter) run() {
	for range w.wake {
		for b := w.begin(); b != nil; b = w.begin() {
			if w.isAway() {
				b.err = ErrAway
				close(b.stored)
			} else {
				w.write(b)
			}
			w.mu.Lock()
			w.running--
			w.mu.Unlock()
		}
	}
}

// begin gives the batch to be written next; nil when there is none, or too few wait
// for it to be worth a commit of their own beside those that run.
func (w *ClickWriter) begin() *clickBatch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.worthwhile() {
		return nil
	}
	b := w.open
	w.open = nil
	w.running++
	return b
}

// worthwhile reports whether what waits is enough for another COPY. The caller holds
// mu.
func (w *ClickWriter) worthwhile() bool {
	return w.open != nil && w.open.rows > w.running*rowsBeside
}

func (w *ClickWriter) write(b *clickBatch) {
	ctx, cancel := context.WithTimeout(w.ctx, w.config.Timeout)
	defer cancel()
	began := time.Now()
	err := b.write(ctx, w.pool, w.now())
	w.config.Observe(b.rows, time.Since(began), err)
	if err != nil {
		w.log.LogAttrs(ctx, slog.LevelError, "clicks were not stored in the database", slog.Int("clicks", b.rows), slog.Any("error", err))
		if errors.Is(err, errNoCounter) {
			w.counters.forget()
		}
		if w.spool != nil && isLost(err) {
			w.spool.lost(err)
		}
		b.err = err
		close(b.stored)
		return
	}
	close(b.stored)
	for id := range b.agents {
		w.agents.add(id)
	}
	for id := range b.referrers {
		w.referrers.add(id)
	}
	if cap(b.copy.messages) <= maxSpare {
		w.mu.Lock()
		w.spares = append(w.spares, b.copy.messages) // no more than have run at once
		w.mu.Unlock()
	}
}

// Close takes no more clicks, stores those that it took, and ends the writers.
// When ctx ends first, what is not stored by then is refused.
func (w *ClickWriter) Close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()

	drained := make(chan struct{})
	go func() {
		w.writers.Wait()
		close(drained)
	}()
	var err error
	select {
	case <-drained:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.giveUp()
	<-drained
	if w.spool != nil {
		<-w.spool.ended
	}
	w.tally.end(ctx)
	w.pool.Close()
	return err
}
