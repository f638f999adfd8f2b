package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
	"github.com/proofback/proofback/graph/transport"
)

// subscription answers the root fields that tell of what happens.
type subscription Resolver

// Subscription answers the root fields that tell of what happens.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return (*subscription)(r) }

// subscribing is what a subscription's resolver is called for: to begin it, or to show
// one change.
type subscribing struct {
	begun *db.ChangeStream
	shown *db.Change
}

// ConversionChanged is called once to begin a subscription, and then again for each
// change: a change is an operation of its own, with loaders and a deadline of its own.
func (s *subscription) ConversionChanged(ctx context.Context, filter *model.ConversionFilter, after *string) (<-chan *model.Conversion, error) {
	what, _ := ctx.Value(subscribingKey).(*subscribing)
	if what == nil || s.Changes == nil {
		return nil, proofback.Errorf(proofback.CodeUnavailable, "nothing is told of changes here")
	}
	one := make(chan *model.Conversion, 1)
	defer close(one)
	if what.shown != nil {
		c := showConversion(what.shown.Conversion)
		c.ChangeCursor = &what.shown.Cursor
		one <- c
		return one, nil
	}
	f, err := conversionFilter(s.ClickKeys, filter)
	if err != nil {
		return nil, err
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	what.begun, err = s.Changes.Subscribe(ctx, ActorFrom(ctx), f, orZero(after))
	return one, err
}

// subscribe begins a subscription.
func (e *Endpoint) subscribe(ctx context.Context, op *graphql.OperationContext) (transport.Stream, *graphql.Response) {
	leave, err := e.asking.subscribe(ctx)
	if err != nil {
		return nil, &graphql.Response{Errors: e.errors(ctx, err)}
	}
	what := &subscribing{}
	begin := context.WithValue(ctx, subscribingKey, what)
	responses, begin := e.exec.DispatchOperation(begin, op)
	if what.begun == nil {
		leave()
		return nil, responses(begin)
	}
	return &changeStream{Endpoint: e, leave: leave, actor: ActorFrom(ctx), op: op, changes: what.begun, shape: shapeOf(ActorFrom(ctx), op)}, nil
}

// changeStream shows changes as a subscriber asked for them.
type changeStream struct {
	*Endpoint
	actor   proofback.Actor
	op      *graphql.OperationContext
	changes *db.ChangeStream
	leave   func()
	shape   [sha256.Size]byte
}

// Next gives the answer to the next change. Subscribers who see the same of it and ask
// for the same share one: whoever comes first makes it.
func (s *changeStream) Next(ctx context.Context) (json.RawMessage, error) {
	change, err := s.changes.Next(ctx)
	switch {
	case errors.Is(err, db.ErrSignedOut):
		return nil, transport.ErrGone
	case errors.Is(err, db.ErrSubscriptionsEnd):
		return nil, transport.ErrGoingAway
	case err != nil:
		return nil, err
	}
	made, ok := change.Shared.Load(s.shape)
	if !ok {
		made, _ = change.Shared.LoadOrStore(s.shape, sync.OnceValue(func() json.RawMessage { return s.show(ctx, &change) }))
	}
	return made.(func() json.RawMessage)(), nil
}

// show makes the answer to a change. Others may wait for it: it does not end with its
// subscriber.
func (s *changeStream) show(ctx context.Context, change *db.Change) json.RawMessage {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxTime)
	defer cancel()
	ctx = s.withLoaders(context.WithValue(ctx, subscribingKey, &subscribing{shown: change}))
	responses, ctx := s.exec.DispatchOperation(graphql.StartOperationTrace(ctx), s.op)
	resp := responses(ctx)
	if resp == nil {
		resp = &graphql.Response{Errors: s.errors(ctx, context.DeadlineExceeded)}
	}
	resp.Extensions = nil
	return transport.JSON(resp)
}

func (s *changeStream) Close() {
	s.changes.Close()
	s.leave()
}

// shapeOf is what an answer to a change depends on, beside the change: what the actor
// sees, and what is selected of it. Which changes are told of is no part of it.
func shapeOf(a proofback.Actor, op *graphql.OperationContext) [sha256.Size]byte {
	a.UserID, a.SessionID, a.RequestID = [16]byte{}, [16]byte{}, ""
	var b strings.Builder
	scope, _ := json.Marshal(a)
	b.Write(scope)
	b.WriteString(strconv.Quote(op.OperationName))
	b.WriteString(op.RawQuery)
	names := map[string]bool{}
	for _, sel := range op.Operation.SelectionSet {
		variablesIn(sel, names, map[string]bool{}, true)
	}
	used := map[string]any{}
	for name := range names {
		used[name] = op.Variables[name]
	}
	text, _ := json.Marshal(used) // with sorted keys
	b.Write(text)
	return sha256.Sum256([]byte(b.String()))
}

// variablesIn collects the variables that a selection uses, but for the arguments of
// the root field.
func variablesIn(sel ast.Selection, names, seen map[string]bool, root bool) {
	directives := func(list ast.DirectiveList) {
		for _, d := range list {
			for _, a := range d.Arguments {
				variablesOf(a.Value, names)
			}
		}
	}
	var below ast.SelectionSet
	switch sel := sel.(type) {
	case *ast.Field:
		if !root {
			for _, a := range sel.Arguments {
				variablesOf(a.Value, names)
			}
		}
		directives(sel.Directives)
		root, below = false, sel.SelectionSet
	case *ast.InlineFragment:
		directives(sel.Directives)
		below = sel.SelectionSet
	case *ast.FragmentSpread:
		directives(sel.Directives)
		if seen[sel.Name] {
			return
		}
		seen[sel.Name] = true
		below = sel.Definition.SelectionSet
	}
	for _, s := range below {
		variablesIn(s, names, seen, root)
	}
}

func variablesOf(v *ast.Value, names map[string]bool) {
	if v.Kind == ast.Variable {
		names[v.Raw] = true
	}
	for _, child := range v.Children {
		variablesOf(child.Value, names)
	}
}

// WithExpiry says until when whoever acts may, by the token.
func WithExpiry(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, expiryKey, at)
}

func expiryFrom(ctx context.Context) time.Time {
	at, _ := ctx.Value(expiryKey).(time.Time)
	return at
}
