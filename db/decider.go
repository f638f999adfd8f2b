package db

import (
	"context"
	"sync"
	"time"

	"github.com/proofback/proofback"
)

// DeciderConfig says how postbacks are gathered; zero fields take the defaults.
type DeciderConfig struct {
	// Writers is how many batches are decided at once, each on a connection of its
	// own. Default 4: half of them may look up and judge while the others write.
	Writers int
	// MaxBatch is the most requests that are decided together. Default 500.
	MaxBatch int
	// MaxQueue is how many requests may wait; more are refused at once, so that a
	// flood costs bounded memory. Default 4096.
	MaxQueue int
	// Timeout bounds one batch from its look-ups to its commit. Default 10 s.
	Timeout time.Duration
	// Observe is told of each batch: how many requests it had, how long it took from
	// its look-ups to its commit, and why they could not be stored. Default: nobody
	// is.
	Observe func(requests int, took time.Duration, err error)
}

// Decider takes postbacks from many goroutines and decides whatever has gathered
// while the last batch was being written: a group commit without a timer, so
// that a lone request waits for nobody.
type Decider struct {
	store    *Store
	setup    *Setup
	maxBatch int
	timeout  time.Duration
	observe  func(int, time.Duration, error)
	queue    chan *undecided
	writers  sync.WaitGroup

	// turns are taken by the writers that gather, look up and judge; there are
	// half as many as writers. Whoever waits for one lets the next batch grow:
	// without them all would take what little comes first, and every batch costs
	// by itself.
	turns chan struct{}

	closing sync.RWMutex
	closed  bool
}

type undecided struct {
	in   *Incoming
	done chan struct{}
	log  proofback.Postback
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
	if c.MaxBatch <= 0 {
		c.MaxBatch = 500
	}
	if c.MaxQueue <= 0 {
		c.MaxQueue = 4096
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(int, time.Duration, error) {}
	}
	d := &Decider{store: s, setup: setup, maxBatch: c.MaxBatch, timeout: c.Timeout, observe: c.Observe, queue: make(chan *undecided, c.MaxQueue)}
	d.turns = make(chan struct{}, (c.Writers+1)/2)
	for range c.Writers {
		d.writers.Go(d.run)
	}
	return d
}

// Decide has a postback decided and stored. A CodeUnavailable error says that
// nothing was stored; an error of ctx leaves open whether it was.
func (d *Decider) Decide(ctx context.Context, in *Incoming) (proofback.Postback, error) {
	u := &undecided{in: in, done: make(chan struct{})}
	if err := d.enqueue(u); err != nil {
		return proofback.Postback{}, err
	}
	select {
	case <-u.done:
		return u.log, u.err
	case <-ctx.Done():
		return proofback.Postback{}, ctx.Err()
	}
}

func (d *Decider) enqueue(u *undecided) error {
	d.closing.RLock()
	defer d.closing.RUnlock()
	if d.closed {
		return errShuttingDown
	}
	if d.store.Away() {
		return ErrAway
	}
	select {
	case d.queue <- u:
		return nil
	default:
		return errTooBusy
	}
}

// Close takes no more requests, decides those that wait, and returns.
func (d *Decider) Close() {
	d.closing.Lock()
	if !d.closed {
		d.closed = true
		close(d.queue)
	}
	d.closing.Unlock()
	d.writers.Wait()
}

// QueueLength is how many requests wait.
func (d *Decider) QueueLength() int { return len(d.queue) }

// QueueLimit is how many requests may wait.
func (d *Decider) QueueLimit() int { return cap(d.queue) }

func (d *Decider) run() {
	batch := make([]*undecided, 0, d.maxBatch)
	for {
		d.turns <- struct{}{}
		first, ok := <-d.queue
		if !ok {
			<-d.turns
			return
		}
		batch = append(batch[:0], first)
	gather:
		for len(batch) < d.maxBatch {
			select {
			case next, ok := <-d.queue:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		judged := sync.OnceFunc(func() { <-d.turns })
		d.decide(batch, judged)
		judged()
		clear(batch)
	}
}

// decide decides a batch, and tells when it is judged. If the database refuses it
// for what is in it, its halves are tried by themselves, so that one request fails
// alone.
func (d *Decider) decide(batch []*undecided, judged func()) {
	in := make([]*Incoming, len(batch))
	for i, u := range batch {
		in[i] = u.in
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	began := time.Now()
	log, err := d.store.decide(ctx, d.setup, in, judged)
	cancel()
	d.observe(len(in), time.Since(began), err)
	if err != nil && len(batch) > 1 && proofback.CodeOf(err) != proofback.CodeUnavailable {
		d.decide(batch[:len(batch)/2], judged)
		d.decide(batch[len(batch)/2:], judged)
		return
	}
	if err != nil && proofback.CodeOf(err) != proofback.CodeUnavailable {
		d.store.log.Error("a postback could not be decided", "request_id", in[0].ID, "error", err)
	}
	for i, u := range batch {
		if u.err = err; err == nil {
			u.log = log[i]
		}
		close(u.done)
	}
}
