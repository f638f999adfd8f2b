package fields

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
)

// ErrWaiting is given by a resolver that waits for what its queue is to fetch.
var ErrWaiting = errors.New("fields: waiting")

// Queue holds the relations of a root field until they are resolved. It is used by one
// goroutine.
type Queue struct {
	// Fetch brings everything that resolvers wait for since the last time; false where
	// that is nothing.
	Fetch func(ctx context.Context) bool

	todo    []task
	running bool
}

// task resolves a relation; false when it waits.
type task func() bool

// Waiting reports whether a resolver that needs what is not there is to wait for it,
// since others may need the like.
func (q *Queue) Waiting() bool { return q.running }

// Each calls a function for each i below n, and again for those that gave ErrWaiting,
// when what they wait for is there. An error of another kind ends it.
func (q *Queue) Each(ctx context.Context, n int, do func(i int) error) error {
	var failed error
	for i := range n {
		q.todo = append(q.todo, func() bool {
			err := do(i)
			if errors.Is(err, ErrWaiting) {
				return false
			}
			if failed == nil {
				failed = err
			}
			return true
		})
	}
	q.run(ctx)
	return failed
}

// run resolves everything, and what that brings with it.
func (q *Queue) run(ctx context.Context) {
	q.running = true
	defer func() { q.running, q.todo = false, nil }()
	for len(q.todo) > 0 {
		var waiting []task
		for len(q.todo) > 0 { // what they bring may need the like
			now := q.todo
			q.todo = nil
			for _, t := range now {
				if !t() {
					waiting = append(waiting, t)
				}
			}
		}
		if len(waiting) > 0 && !q.Fetch(ctx) {
			panic("fields: resolvers wait for nothing")
		}
		q.todo = waiting
	}
}

type queueKey struct{}

// WithQueue gives a root field its queue.
func WithQueue(ctx context.Context, q *Queue) context.Context {
	return context.WithValue(ctx, queueKey{}, q)
}

// Settle resolves what waits in a root field's queue, and gives its answer.
func Settle(ctx context.Context, answer graphql.Marshaler) graphql.Marshaler {
	if isOpen(answer) {
		queueOf(ctx).run(ctx)
	}
	return settled(answer)
}

func queueOf(ctx context.Context) *Queue { return ctx.Value(queueKey{}).(*Queue) }

// Later has the field at place i of a set resolved, with all others of its level.
func Later[T any](
	ctx context.Context,
	s *Set,
	i int,
	nonNull bool,
	fieldContext func(context.Context, graphql.CollectedField) (*graphql.FieldContext, error),
	resolve func(context.Context) (T, error),
	marshal func(context.Context, T) graphql.Marshaler,
) {
	fc, err := fieldContext(ctx, s.plan.fields[i])
	if err != nil {
		s.Put(i, graphql.Null, nonNull) // it is told of already
		return
	}
	ctx = graphql.WithFieldContext(ctx, fc)
	s.open = append(s.open, open{i, nonNull})
	q := queueOf(ctx)
	q.todo = append(q.todo, func() (done bool) {
		defer func() {
			if r := recover(); r != nil {
				graphql.AddError(ctx, graphql.Recover(ctx, r))
				s.values[i], done = graphql.Null, true
			}
		}()
		value, err := resolve(ctx)
		switch {
		case errors.Is(err, ErrWaiting):
			return false
		case err != nil:
			graphql.AddError(ctx, graphql.AddFieldLocationToError(ctx, err))
			s.values[i] = graphql.Null
		default:
			s.values[i] = marshal(ctx, value)
		}
		return true
	})
}

// Below is the context of what stands in a field of an object of ours.
func Below(ctx context.Context, object string, field graphql.CollectedField) context.Context {
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: object, Field: field})
}
