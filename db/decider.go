package db

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/proofback/proofback"
)

// DeciderConfig says how postbacks are gathered; zero fields take the defaults.
type DeciderConfig struct {
	// Writers is how many batches are decided at once, each on a connection of its
	// own. Default 4.
	Writers int
	// Share is how many requests must wait before another batch is begun beside those
	// that are being decided. With fewer, more batches are on their way while others wait
	// for the disk, and each request costs more. Default 16.
	Share int
	// MaxBatch is the most requests that are decided together. Default 500.
	MaxBatch int
	// MaxQueue is how many requests may wait; more are refused at once, so that a
	// flood costs bounded memory. Default 4096.
	MaxQueue int
	// MaxBytes is how large the requests may be that wait or are being decided. Default
	// 32 MiB: what is made of them takes several times as much.
	MaxBytes int
	// Timeout bounds one batch from its look-ups to its commit. Default 10 s.
	Timeout time.Duration
	// Observe is told of each batch: how many requests it had, how long it took from
	// its look-ups to its commit, and why they could not be stored. Default: nobody
	// is.
	Observe func(requests int, took time.Duration, err error)
}

// Decider takes postbacks from many goroutines and decides whatever has gathered
// while the last batch was being written: a group commit without a timer, so
// that a lone request waits for nobody. A batch costs by itself what a dozen or more
// requests cost. So another is only begun beside those on their way when enough
// requests wait for it; until then they wait for one of those to end.
type Decider struct {
	store    *Store
	setup    *Setup
	atOnce   int // batches
	share    int
	maxBatch int
	maxQueue int
	maxBytes int
	timeout  time.Duration
	observe  func(int, time.Duration, error)
	writers  sync.WaitGroup

	mu      sync.Mutex
	worth   sync.Cond    // a batch may be worth it
	queue   []*undecided // that wait
	bytes   int          // of those, and of those in batches on their way
	batches int          // on their way, but for those that turned out to be slow
	busy    int          // those as well
	closed  bool
}

type undecided struct {
	in   *Incoming
	size int
	done chan struct{}
	log  *proofback.Postback
	err  error
}

// errTooBusy is what a request gets that found the queue full.
var errTooBusy = proofback.Errorf(proofback.CodeUnavailable, "too many postbacks are waiting: nothing was stored, send it again")

// errShuttingDown is what a request gets that came after Close.
var errShuttingDown = proofback.Errorf(proofback.CodeUnavailable, "the server is shutting down: nothing was stored, send it again")

// NewDecider starts the writers.
func (s *Store) NewDecider(setup *Setup, c DeciderConfig) *Decider {
	if c.Writers <= 0 {
		c.Writers = 4
	}
	if c.Share <= 0 {
		c.Share = 16
	}
	if c.MaxBatch <= 0 {
		c.MaxBatch = 500
	}
	if c.MaxQueue <= 0 {
		c.MaxQueue = 4096
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 32 << 20
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(int, time.Duration, error) {}
	}
	d := &Decider{store: s, setup: setup, atOnce: c.Writers, share: c.Share, maxBatch: c.MaxBatch, maxQueue: c.MaxQueue, maxBytes: c.MaxBytes, timeout: c.Timeout, observe: c.Observe}
	d.worth.L = &d.mu
	for range c.Writers {
		d.writers.Go(d.run)
	}
	return d
}

// Decide has a postback decided and stored. A CodeUnavailable error says that
// nothing was stored; ErrInDoubt leaves open whether it was. It is decided also when
// nobody waits for it any more, so there is no context to end it by: the batches before
// it and its own are bounded.
func (d *Decider) Decide(in *Incoming) (*proofback.Postback, error) {
	u := &undecided{in: in, size: in.size(), done: make(chan struct{})}
	switch alone, err := d.enqueue(u); {
	case err != nil:
		return nil, err
	case alone:
		defer d.writers.Done()
		d.decideBatch([]*undecided{u})
		return u.log, u.err
	}
	<-u.done
	return u.log, u.err
}

// enqueue has a request wait for a writer. One that comes while nothing is on its way
// is alone: whoever brought it decides it, which spares a lone request two changes of
// threads, and counts as a writer until then.
func (d *Decider) enqueue(u *undecided) (alone bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return false, errShuttingDown
	case d.store.Away():
		return false, ErrAway
	case d.busy == 0 && len(d.queue) == 0:
		d.batches++
		d.busy++
		d.bytes += u.size
		d.writers.Add(1)
		return true, nil
	case len(d.queue) == d.maxQueue, d.bytes+u.size > d.maxBytes:
		return false, errTooBusy
	}
	d.queue = append(d.queue, u)
	d.bytes += u.size
	if d.isWorthIt() {
		d.worth.Signal()
	}
	return false, nil
}

// isWorthIt reports whether another batch is to be begun. d.mu is held.
func (d *Decider) isWorthIt() bool {
	return len(d.queue) > 0 && d.busy < d.atOnce && (d.batches == 0 || len(d.queue) >= d.share)
}

// Close takes no more requests, decides those that wait, and returns.
func (d *Decider) Close() {
	d.mu.Lock()
	d.closed = true
	d.worth.Broadcast()
	d.mu.Unlock()
	d.writers.Wait()
}

// QueueLength is how many requests wait.
func (d *Decider) QueueLength() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue)
}

// QueueLimit is how many requests may wait.
func (d *Decider) QueueLimit() int { return d.maxQueue }

// QueueBytes is how large the requests are that wait or are being decided.
func (d *Decider) QueueBytes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bytes
}

// QueueLimitBytes is how large they may be.
func (d *Decider) QueueLimitBytes() int { return d.maxBytes }

func (d *Decider) run() {
	batch := make([]*undecided, 0, d.maxBatch)
	for {
		if batch = d.next(batch[:0]); len(batch) == 0 {
			return
		}
		d.decideBatch(batch)
		clear(batch)
	}
}

// decideBatch decides a batch that is counted as on its way.
func (d *Decider) decideBatch(batch []*undecided) {
	size := 0
	for _, u := range batch {
		size += u.size
	}
	ended := d.begun(size)
	defer ended()
	d.decide(batch)
}

// slowAfter is how long a batch is waited for.
const slowAfter = 20 * time.Millisecond

// begun counts a batch of size bytes as on its way until it has ended, or it turns out to be slow:
// perhaps it waits for a lock, and nobody is to wait with it.
func (d *Decider) begun(size int) (ended func()) {
	over := sync.OnceFunc(func() { d.batches-- })
	slow := time.AfterFunc(slowAfter, func() { d.less(over) })
	return func() {
		slow.Stop()
		d.less(func() {
			over()
			d.busy--
			d.bytes -= size
		})
	}
}

// less takes something off what is on its way, after which another batch may be worth
// it.
func (d *Decider) less(off func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	off()
	if d.isWorthIt() {
		d.worth.Signal()
	}
}

// next takes a batch as soon as it is worth it. There is none after the last one.
func (d *Decider) next(batch []*undecided) []*undecided {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.isWorthIt() && !d.closed {
		d.worth.Wait()
	}
	n := min(len(d.queue), d.maxBatch)
	batch = append(batch, d.queue[:n]...)
	rest := copy(d.queue, d.queue[n:])
	clear(d.queue[rest:])
	d.queue = d.queue[:rest]
	if n > 0 {
		d.batches++
		d.busy++
	}
	if d.isWorthIt() {
		d.worth.Signal()
	}
	return batch
}

// decide decides a batch. If the database refuses it for what is in it, its halves
// are tried by themselves, so that one request fails alone.
func (d *Decider) decide(batch []*undecided) {
	in := make([]*Incoming, len(batch))
	for i, u := range batch {
		in[i] = u.in
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	began := time.Now()
	log, err := d.ask(ctx, in)
	cancel()
	d.observe(len(in), time.Since(began), err)
	if err != nil && len(batch) > 1 && proofback.CodeOf(err) != proofback.CodeUnavailable {
		d.decide(batch[:len(batch)/2])
		d.decide(batch[len(batch)/2:])
		return
	}
	if err != nil && proofback.CodeOf(err) != proofback.CodeUnavailable {
		d.store.log.Error("a postback could not be decided", "request_id", in[0].ID, "error", err)
	}
	for i, u := range batch {
		if u.err = err; err == nil {
			u.log = &log[i]
		}
		close(u.done)
	}
}

// ask has the Store decide. A panic becomes an error: a request that nobody can decide
// must cost neither those beside it nor the process.
func (d *Decider) ask(ctx context.Context, in []*Incoming) (_ []proofback.Postback, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = proofback.Internal("decide postbacks", fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
		}
	}()
	return d.store.Decide(ctx, d.setup, in)
}
