package jobs

import (
	"context"
	"sync"
)

// gatherer has what many ask for at the same time done together: while a batch
// is under way, those who come gather for the next one. Nobody waits for others
// to come, so that one alone is as fast as without.
//
// A batch that fails is repeated one by one, so that each gets its own error.
type gatherer[In, Out any] struct {
	do    func(ctx context.Context, in []In) ([]Out, error)
	max   int           // in a batch
	turns chan struct{} // as many as there are batches under way are in it

	mu      sync.Mutex
	waiting []*gathered[In, Out]
}

type gathered[In, Out any] struct {
	in   In
	out  Out
	err  error
	done chan struct{}
}

func newGatherer[In, Out any](do func(context.Context, []In) ([]Out, error), turns, maxBatch int) *gatherer[In, Out] {
	return &gatherer[In, Out]{do: do, max: maxBatch, turns: make(chan struct{}, turns)}
}

// call has in done, by itself or by somebody else who is at it. The end of ctx
// ends the waiting, not what is under way.
func (g *gatherer[In, Out]) call(ctx context.Context, in In) (Out, error) {
	c := &gathered[In, Out]{in: in, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case <-c.done:
			return c.out, c.err
		case g.turns <- struct{}{}:
			g.run(context.WithoutCancel(ctx))
			<-g.turns
		case <-ctx.Done():
			if g.withdraw(c) {
				return c.out, ctx.Err()
			}
			<-c.done // it is under way
			return c.out, c.err
		}
	}
}

// run does a batch of those who wait, if there are any.
func (g *gatherer[In, Out]) run(ctx context.Context) {
	g.mu.Lock()
	n := min(len(g.waiting), g.max)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	if len(g.waiting) == 0 {
		g.waiting = nil // lets go of the array
	}
	g.mu.Unlock()
	if n == 0 {
		return
	}
	if g.try(ctx, batch) || n == 1 {
		return
	}
	for i := range batch {
		g.try(ctx, batch[i:i+1])
	}
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
	return err == nil
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
