package main

import (
	"context"
	"sync/atomic"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// live is what stays open while others ask and are answered: it is ended before requests
// in flight are waited for, since it would never end by itself.
type live struct {
	changes *db.Changes
	api     *graph.Endpoint
}

// openChanges makes what tells subscribers of conversions.
func (p *program) openChanges(ctx context.Context) error {
	if !p.role.serves() {
		return nil
	}
	p.changes = p.store.NewChanges(db.ChangesConfig{})
	p.metrics.subscribers(p.changes.Subscribers)
	return p.keepRunning(ctx, "changes", p.changes.Run)
}

// endLive tells all subscribers that the program ends.
func endLive(of *atomic.Pointer[live]) func(context.Context) error {
	return func(ctx context.Context) error {
		l := of.Load()
		if l == nil {
			return nil
		}
		l.changes.End()
		return l.api.Shutdown(ctx)
	}
}

// keepRunning has fn run until the program ends.
func (p *program) keepRunning(ctx context.Context, name string, fn func(context.Context)) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn(running)
	}()
	p.life.onStop(name, func(context.Context) error {
		stop()
		<-ended
		return nil
	})
	return nil
}
