package graph

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/fields"
)

// errand is what one field asks the Store for, by itself: what no loader gathers.
type errand[T any] struct {
	do    func(ctx context.Context) (T, error)
	value T
	err   error
}

// fetchAsked runs it.
func (e *errand[T]) fetchAsked(ctx context.Context) {
	defer func() { // it runs in a goroutine of its own
		if r := recover(); r != nil {
			e.err = proofback.Internal("graphql", fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	e.value, e.err = e.do(ctx)
}

// apart does what a field needs at the same time as all that its level waits for, so
// that ten of the kind take no longer than one.
func apart[T any](ctx context.Context, do func(ctx context.Context) (T, error)) (T, error) {
	l := loadersFrom(ctx)
	if !l.queue.Waiting() {
		return do(ctx)
	}
	field := graphql.GetFieldContext(ctx)
	if e, ok := l.errands[field]; ok {
		done := e.(*errand[T])
		return done.value, done.err
	}
	e := &errand[T]{do: do}
	if l.errands == nil {
		l.errands = map[*graphql.FieldContext]any{}
	}
	l.errands[field] = e
	l.asked = append(l.asked, e)
	return e.value, fields.ErrWaiting
}
