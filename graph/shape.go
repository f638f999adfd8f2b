package graph

import (
	"context"
	"fmt"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// What a document may look like. It is looked at before it is validated: validating
// compares fields with each other, and computing a cost walks into each spread of a
// fragment anew, so that a small text could keep a processor busy for long.
const (
	// maxFields is how many fields an operation may have once its fragments are put in
	// their places. The query that GraphiQL learns the schema with has 250.
	maxFields = 2_000
	// maxDepth is how deep fields may stand in each other; GraphiQL's query has 15 levels.
	maxDepth = 20
	// maxNested is maxDepth with the fragments between fields counted as well.
	maxNested = 60
	// maxSame is how often a field may stand in one selection, under whatever aliases.
	maxSame = 30
	// maxDirectives is how many directives a document may have.
	maxDirectives = 100
)

// tooMuch refuses an operation for what it would cost.
func tooMuch(format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": codeComplexity}}
}

// documentLimit refuses documents that are too large, unless they are known to be good.
type documentLimit struct {
	known graphql.Cache[*ast.QueryDocument]
}

var _ graphql.OperationParameterMutator = documentLimit{}

func (documentLimit) ExtensionName() string                   { return "DocumentLimit" }
func (documentLimit) Validate(graphql.ExecutableSchema) error { return nil }

func (l documentLimit) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, ok := l.known.Get(ctx, params.Query); ok {
		return nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, maxTokens)
	if err != nil {
		return nil //nolint:nilerr // whoever runs the document says it
	}
	return checkShape(doc)
}

func checkShape(doc *ast.QueryDocument) *gqlerror.Error {
	w := shapes{doc: doc, fragments: map[string]*shape{}}
	total := shape{}
	for _, op := range doc.Operations {
		w.directives += len(op.Directives)
		total = total.and(w.of(op.SelectionSet))
	}
	for _, f := range doc.Fragments {
		total = total.and(w.fragment(f.Name)) // also those that nobody spreads are validated
	}
	switch {
	case total.fields > maxFields:
		return tooMuch("the operation has more than %d fields", maxFields)
	case total.depth > maxDepth || total.nested > maxNested:
		return tooMuch("fields stand in each other more than %d deep", maxDepth)
	case w.same > maxSame:
		return tooMuch("a field stands more than %d times in one selection", maxSame)
	case w.directives > maxDirectives:
		return tooMuch("the document has more than %d directives", maxDirectives)
	}
	return nil
}

// shape is what matters of a selection.
type shape struct {
	fields, depth, nested int
}

// and is the shape of two selections beside each other.
func (s shape) and(t shape) shape {
	return shape{capped(s.fields, t.fields), max(s.depth, t.depth), max(s.nested, t.nested)}
}

// shapes measures selections, each fragment once.
type shapes struct {
	doc        *ast.QueryDocument
	fragments  map[string]*shape
	same       int // most often a field stands in one selection
	directives int
}

func (w *shapes) of(set ast.SelectionSet) shape {
	total := shape{}
	times := make(map[string]int, len(set))
	for _, sel := range set {
		var s shape
		switch sel := sel.(type) {
		case *ast.Field:
			times[sel.Name]++
			w.same = max(w.same, times[sel.Name])
			w.directives += len(sel.Directives)
			s = w.of(sel.SelectionSet)
			s = shape{capped(1, s.fields), s.depth + 1, s.nested + 1}
		case *ast.InlineFragment:
			w.directives += len(sel.Directives)
			s = w.of(sel.SelectionSet)
			s.nested++
		case *ast.FragmentSpread:
			w.directives += len(sel.Directives)
			s = w.fragment(sel.Name)
			s = shape{capped(1, s.fields), s.depth, s.nested + 1} // a spread is something to be walked, too
		}
		total = total.and(s)
	}
	return total
}

// fragment measures a fragment. One that is not there, or spreads itself, is for
// validation to refuse: it counts as nothing.
func (w *shapes) fragment(name string) shape {
	if s, ok := w.fragments[name]; ok {
		return *s
	}
	s := &shape{}
	w.fragments[name] = s
	if f := w.doc.Fragments.ForName(name); f != nil {
		w.directives += len(f.Directives)
		*s = w.of(f.SelectionSet)
	}
	return *s
}

// capped adds without overflowing.
func capped(n int, more ...int) int {
	for _, m := range more {
		n = min(n+m, math.MaxInt32)
	}
	return n
}
