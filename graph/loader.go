package graph

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/fields"
)

// maxFetched is how many things are asked for at once.
const maxFetched = 500

// loader fetches things of one kind by id, each once. What relations need is fetched for
// all of a level together: until then their resolvers are told to wait (fields.Queue).
type loader[T any] struct {
	of    *loaders
	fetch func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]T, error)

	mu    sync.Mutex
	known map[uuid.UUID]loaded[T]
	asked []uuid.UUID // and waited for
}

// loaded is what came of an id: nothing, where there is nothing that the actor may see.
type loaded[T any] struct {
	value T
	there bool
	err   error
}

// newLoader makes a loader of a Store method that fetches by ids and leaves out
// what does not exist for the actor.
func newLoader[T any](of *loaders, fetch func(context.Context, proofback.Actor, []uuid.UUID) (map[uuid.UUID]T, error)) *loader[T] {
	return &loader[T]{of: of, fetch: func(ctx context.Context, ids []uuid.UUID) (found map[uuid.UUID]T, err error) {
		defer func() { // it may run in a goroutine of its own
			if r := recover(); r != nil {
				err = proofback.Internal("graphql", fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		return fetch(ctx, ActorFrom(ctx), ids)
	}}
}

// get gives what is known of an id. If that is nothing yet, whoever can wait is to, and
// for others it is fetched.
func (l *loader[T]) get(ctx context.Context, id uuid.UUID) loaded[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.known[id]; ok {
		return known
	}
	if !l.of.queue.Waiting() {
		l.bring(ctx, []uuid.UUID{id})
		return l.known[id]
	}
	if len(l.asked) == 0 {
		l.of.asked = append(l.of.asked, l)
	}
	l.asked = append(l.asked, id)
	return loaded[T]{err: fields.ErrWaiting}
}

// all gives those of ids that there are, in their order.
func (l *loader[T]) all(ctx context.Context, ids []uuid.UUID) ([]T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bring(ctx, ids)
	var list []T
	for _, id := range ids {
		one := l.known[id]
		if one.err != nil {
			return nil, one.err
		}
		if one.there {
			list = append(list, one.value)
		}
	}
	return list, nil
}

// fetchAsked brings what is waited for.
func (l *loader[T]) fetchAsked(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.asked
	l.asked = nil
	l.bring(ctx, asked)
}

// bring fetches those of ids that are not known; l.mu is held.
func (l *loader[T]) bring(ctx context.Context, ids []uuid.UUID) {
	if l.known == nil {
		l.known = make(map[uuid.UUID]loaded[T], len(ids))
	}
	var missing []uuid.UUID
	for _, id := range ids {
		if _, ok := l.known[id]; !ok {
			l.known[id] = loaded[T]{}
			missing = append(missing, id)
		}
	}
	for part := range slices.Chunk(missing, maxFetched) {
		found, err := l.fetch(ctx, part)
		for _, id := range part {
			value, there := found[id]
			l.known[id] = loaded[T]{value, there, err}
		}
	}
}

// prime makes known what was read already.
func (l *loader[T]) prime(id uuid.UUID, value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[uuid.UUID]loaded[T]{}
	}
	if _, ok := l.known[id]; !ok {
		l.known[id] = loaded[T]{value: value, there: true}
	}
}

// load fetches one object by id. What does not exist for the actor is
// CodeNotFound.
func load[T any](ctx context.Context, l *loader[T], what string, id uuid.UUID) (T, error) {
	v := l.get(ctx, id)
	if v.err == nil && !v.there {
		return v.value, proofback.NotFound(what)
	}
	return v.value, v.err
}

// find fetches one object by id; nil when id is uuid.Nil or nothing that the
// actor may see.
func find[T any](ctx context.Context, l *loader[*T], id uuid.UUID) (*T, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	v := l.get(ctx, id)
	return v.value, v.err
}

// listOf fetches what belongs to an object; empty where nothing does that the
// actor may see.
func listOf[T any](ctx context.Context, l *loader[[]*T], id uuid.UUID) ([]*T, error) {
	v := l.get(ctx, id)
	return v.value, v.err
}
