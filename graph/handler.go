package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/transport"
)

// What one request may ask for. The largest operation of partner UIs, a hundred
// conversions with all that belongs to them, is well within.
const (
	maxBody       = 1 << 20
	maxTokens     = 10_000
	maxComplexity = 50_000
	maxTime       = 30 * time.Second
	maxAtOnce     = 50    // operations of one client
	maxFollowed   = 2_000 // subscriptions of one client

	// maxAtOnceOfAll is how many operations run at a time, whoever asks and over whatever:
	// more would wait for a connection to Postgres without end.
	maxAtOnceOfAll = 256
)

// Query answers the root fields that read.
func (r *Resolver) Query() generated.QueryResolver { return (*query)(r) }

// Mutation answers the root fields that write.
func (r *Resolver) Mutation() generated.MutationResolver { return (*mutation)(r) }

// Endpoint serves the API.
type Endpoint struct {
	*Resolver
	exec   *executor.Executor
	wire   *transport.Handler
	asking *clients
}

// Handler serves the API over HTTP, server-sent events and WebSocket. Who acts is taken
// from the request's context (WithActor), or told when a WebSocket is opened
// (Resolver.Authenticate).
func (r *Resolver) Handler() *Endpoint {
	exec := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: r, Complexity: complexities()}))
	known := shortQueries{lru.New[*ast.QueryDocument](cachedQueries)}
	asking := newClients(r.Limits.Budget, maxAtOnce, cmp.Or(r.Limits.Subscriptions, maxFollowed))
	exec.SetQueryCache(known)
	exec.SetParserTokenLimit(maxTokens)
	exec.Use(newPersisted(r.Limits.Manifest))
	exec.Use(documentLimit{known})
	exec.Use(&costLimit{clients: asking})
	exec.Use(introspection{r.Limits.Introspection})
	exec.AroundResponses(tellCost)
	exec.SetErrorPresenter(r.present)
	exec.SetRecoverFunc(func(_ context.Context, v any) error {
		return proofback.Internal("graphql", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	})
	exec.AroundRootFields(r.aroundRootField)
	e := &Endpoint{Resolver: r, exec: exec, asking: asking}
	e.wire = transport.New(transport.Config{
		Exec:         exec,
		Subscribe:    e.subscribe,
		Authenticate: r.authenticate,
		Stands:       r.stands,
		Expires:      expiryFrom,
		Errors:       e.errors,
		Admit:        asking.admit,
		Headers:      budgetHeaders,
		Timeout:      maxTime,
		Origins:      r.Origins,
	})
	return e
}

func (e *Endpoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx := WithAddress(withRequestID(req.Context()), e.addressOf(req))
	w.Header().Set("X-Request-Id", ActorFrom(ctx).RequestID)
	req.Body = http.MaxBytesReader(w, req.Body, maxBody)
	e.wire.ServeHTTP(w, req.WithContext(ctx))
}

// addressOf is where a request comes from.
func (r *Resolver) addressOf(req *http.Request) netip.Addr {
	if r.Address != nil {
		return r.Address(req)
	}
	peer, _ := netip.ParseAddrPort(req.RemoteAddr)
	return peer.Addr()
}

// Refuse answers a request that is not even looked at, in GraphQL's form.
func (e *Endpoint) Refuse(w http.ResponseWriter, req *http.Request, err error) {
	ctx := withRequestID(req.Context())
	w.Header().Set("X-Request-Id", ActorFrom(ctx).RequestID)
	e.wire.Refuse(w, req, e.errors(ctx, err))
}

// Shutdown ends all WebSockets, and takes no more of them.
func (e *Endpoint) Shutdown(ctx context.Context) error { return e.wire.Shutdown(ctx) }

// errors is what a client is told of an error outside of any field.
func (e *Endpoint) errors(ctx context.Context, err error) gqlerror.List {
	switch {
	case errors.Is(err, transport.ErrGone):
		err = db.ErrSignedOut
	case errors.Is(err, context.DeadlineExceeded):
		return gqlerror.List{{Message: "this took too long: ask for less", Extensions: map[string]any{"code": codeComplexity}}}
	}
	return gqlerror.List{e.present(ctx, err)}
}

// authenticate tells who acts on a WebSocket.
func (r *Resolver) authenticate(ctx context.Context, authorization string) (context.Context, error) {
	if r.Authenticate == nil {
		return nil, proofback.ErrUnauthenticated
	}
	return r.Authenticate(ctx, authorization)
}

// stands asks whether who acts on a WebSocket still may.
func (r *Resolver) stands(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	err := r.Store.StillStanding(ctx, proofback.System(), ActorFrom(ctx))
	if errors.Is(err, db.ErrSignedOut) {
		return transport.ErrGone
	}
	return err
}

// aroundRootField lets nobody but signed-in users past signing in, and gives
// each root field loaders of its own, so that a mutation is not answered with
// what was read before it.
func (r *Resolver) aroundRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	field := graphql.GetRootFieldContext(ctx).Field.Name
	open := slices.Contains(openFields, field) || strings.HasPrefix(field, "__")
	if err := ActorFrom(ctx).RequireSignedIn(); err != nil && !open {
		graphql.AddError(ctx, err)
		return graphql.Null
	}
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		actor := ActorFrom(ctx)
		if err := actor.RequireChange(); err != nil {
			graphql.AddError(ctx, err)
			return graphql.Null
		}
		actor.Operation = field
		ctx = WithActor(ctx, actor)
	}
	answer := next(r.withLoaders(ctx))
	if changesTerms[field] && r.Setup != nil {
		// The next click at this process is judged by what was just answered. Others
		// hear of it from Postgres within a moment.
		if err := r.Setup.Refresh(ctx); err != nil {
			r.log().Warn("the set-up is not read again yet", "field", field, "error", err)
		}
	}
	return answer
}

// openFields are those that go without an access token.
var openFields = []string{"signIn", "refreshSession", "acceptInvitation", "requestPasswordReset", "resetPassword"}

// changesTerms are the mutations that change how clicks and postbacks of things
// that exist are judged. What is new is looked up when it is first named.
var changesTerms = map[string]bool{
	"updateAdvertiser": true, "rotateAdvertiserSecret": true, "updateAffiliate": true, "updateOffer": true,
	"setPayout": true, "requestOfferAccess": true, "decideOfferAccess": true, "updateTrackingLink": true,
}

// withRequestID makes sure that the actor has the id under which the log has
// this request.
func withRequestID(ctx context.Context) context.Context {
	a := ActorFrom(ctx)
	if a.RequestID == "" {
		a.RequestID = uuid.NewString()
	}
	return WithActor(ctx, a)
}
