package graph

import (
	"context"

	"github.com/proofback/proofback"
)

type contextKey int

const (
	actorKey contextKey = iota
	loadersKey
	subscribingKey
	expiryKey
	addressKey
)

// WithActor puts who acts into the context of a request. Without one, nobody
// does, and only signing in is open.
func WithActor(ctx context.Context, a proofback.Actor) context.Context {
	return context.WithValue(ctx, actorKey, a)
}

// ActorFrom gives who acts; the zero Actor where nobody signed in.
func ActorFrom(ctx context.Context) proofback.Actor {
	a, _ := ctx.Value(actorKey).(proofback.Actor)
	return a
}
