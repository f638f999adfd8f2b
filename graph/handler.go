package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
)

// What one request may ask for. The largest operation of partner UIs, a hundred
// conversions with all that belongs to them, is well within.
const (
	maxBody       = 1 << 20
	maxTokens     = 10_000
	maxComplexity = 50_000
	maxTime       = 30 * time.Second
	cachedQueries = 1000
)

// Query answers the root fields that read.
func (r *Resolver) Query() generated.QueryResolver { return (*query)(r) }

// Mutation answers the root fields that write.
func (r *Resolver) Mutation() generated.MutationResolver { return (*mutation)(r) }

// Handler serves GraphQL over HTTP: POST with JSON, and GET for queries. Who
// acts is taken from the request's context (WithActor).
func (r *Resolver) Handler() http.Handler {
	config := generated.Config{Resolvers: r, Complexity: complexities()}
	srv := handler.New(generated.NewExecutableSchema(config))
	srv.AddTransport(transport.Options{})
	srv.AddTransport(transport.GET{})
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(lru.New[*ast.QueryDocument](cachedQueries))
	srv.SetParserTokenLimit(maxTokens)
	srv.Use(fieldLimit{})
	srv.Use(extension.FixedComplexityLimit(maxComplexity))
	srv.Use(extension.Introspection{})
	srv.SetErrorPresenter(r.present)
	srv.SetRecoverFunc(func(_ context.Context, v any) error {
		return proofback.Internal("graphql", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	})
	srv.AroundRootFields(r.aroundRootField)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(withRequestID(req.Context()), maxTime)
		defer cancel()
		w.Header().Set("X-Request-Id", ActorFrom(ctx).RequestID)
		w.Header().Set("Cache-Control", "no-store")
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		srv.ServeHTTP(w, req.WithContext(ctx))
	})
}

// aroundRootField lets nobody but signed-in users past signing in, and gives
// each root field loaders of its own, so that a mutation is not answered with
// what was read before it.
func (r *Resolver) aroundRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	field := graphql.GetRootFieldContext(ctx).Field.Name
	open := field == "signIn" || field == "refreshSession" || strings.HasPrefix(field, "__")
	if err := ActorFrom(ctx).RequireSignedIn(); err != nil && !open {
		graphql.AddError(ctx, err)
		return graphql.Null
	}
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		if err := ActorFrom(ctx).RequireChange(); err != nil {
			graphql.AddError(ctx, err)
			return graphql.Null
		}
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

// Refuse answers a request that is not even looked at, in GraphQL's form: as any
// other GraphQL error, it comes with status 200.
func (r *Resolver) Refuse(w http.ResponseWriter, req *http.Request, err error) {
	ctx := withRequestID(req.Context())
	w.Header().Set("X-Request-Id", ActorFrom(ctx).RequestID)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(graphql.Response{Errors: gqlerror.List{r.present(ctx, err)}})
}
