package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Introspection says who may learn the schema from the server, by asking for it or from
// what error messages suggest.
type Introspection int

const (
	IntrospectionForAll      Introspection = iota // whoever asks
	IntrospectionForSignedIn                      // whoever acts
	IntrospectionForNobody
)

// open reports whether the actor of a context may learn the schema.
func (i Introspection) open(ctx context.Context) bool {
	return i == IntrospectionForAll || i == IntrospectionForSignedIn && !ActorFrom(ctx).IsAnonymous()
}

type introspection struct{ who Introspection }

var _ graphql.OperationContextMutator = introspection{}

func (introspection) ExtensionName() string                   { return "Introspection" }
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

func (i introspection) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = !i.who.open(ctx)
	return nil
}

// withoutHints takes what validation suggests out of a message.
func withoutHints(message string) string {
	message, _, _ = strings.Cut(message, " Did you mean ")
	return message
}
