package jobs

import (
	"context"
	"sync"
	"time"
)

// gatherer has what many ask for at the same time done together: while a batch
// is under way, those who come gather for the next one. Unless there is a pause,
// nobody waits for others to come, so that one alone is as fast as without.
//
// A batch that fails is repeated one by one, so that each gets its own error.
type gatherer[In, Out any] struct {
	do    func(ctx context.Context, in []In) ([]Out, error)
	turns int           // batches under way at the same time, at most
	max   int           // in a batch
	pause time.Duration // before a batch, for others to come

	mu       sync.Mutex
	waiting  []*gathered[In, Out]
	underWay int // batches
}

type gathered[In, Out any] struct {
	in   In
	out  Out
	err  error
	done chan struct{}
}

func newGatherer[In, Out any](do func(context.Context, []In) ([]Out, error), turns, maxBatch int) *gatherer[In, Out] {
	return &gatherer[In, Out]{do: do, turns: turns, max: maxBatch}
}

// call has in done, together with others. The end of ctx ends the waiting, not
// what is under way.
func (g *gatherer[In, Out]) call(ctx context.Context, in In) (Out, error) {
	c := &gathered[In, Out]{in: in, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if g.underWay < g.turns {
		g.underWay++
		go g.work(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		if g.withdraw(c) {
			return c.out, ctx.Err()
		}
		<-c.done // it is under way
	}
	return c.out, c.err
}

// work does one batch after the other, for as long as somebody waits.
func (g *gatherer[In, Out]) work(ctx context.Context) {
	for {
		if g.pause > 0 {
			<-time.After(g.pause)
		}
		batch := g.next()
		if len(batch) == 0 {
			return
		}
		if !g.try(ctx, batch) {
			for i := range batch {
				g.try(ctx, batch[i:i+1])
			}
		}
	}
}

// next takes the next batch; when there is none, its turn is over.
func (g *gatherer[In, Out]) next() []*gathered[In, Out] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.max)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	if len(g.waiting) == 0 {
		g.waiting = nil // lets go of the array
	}
	if n == 0 {
		g.underWay--
	}
	return batch
}

// try does a batch, and tells its members what came of it unless several of them
// have failed together.
func (g *gatherer[In, Out]) try(ctx context.Context, batch []*gathered[In, Out]) bool {
	in := make([]In, len(batch))
	for i, c := range batch {
		in[i] = c.in
	}
	out, err := g.do(ctx, in)
	if err != nil && len(batch) > 1 {
		return false
	}
	for i, c := range batch {
		if c.err = err; err == nil {
			c.out = out[i]
		}
		close(c.done)
	}
	return true
}

// withdraw takes c out of those who wait; false when it is under way or done.
func (g *gatherer[In, Out]) withdraw(c *gathered[In, Out]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == c {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}
