package graph

import (
	"context"
	"net/netip"

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

// WithAddress puts into a context where its request comes from.
func WithAddress(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey, a)
}

// AddressFrom gives where a request comes from; the zero Addr where that is unknown.
func AddressFrom(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey).(netip.Addr)
	return a
}
