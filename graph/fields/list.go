package fields

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"
)

// elements are a list in an answer.
type elements struct {
	list    []graphql.Marshaler
	nonNull bool // null among them makes null of the list
	open    bool
}

// List is a list of what one gives, which is told where in the answer it is.
func List(ctx context.Context, length int, nonNull bool, one func(ctx context.Context, i int) graphql.Marshaler) graphql.Marshaler {
	return list(length, nonNull, func(i int) graphql.Marshaler {
		return one(graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i}), i)
	})
}

// PlainList is List of what cannot fail.
func PlainList(ctx context.Context, length int, nonNull bool, one func(ctx context.Context, i int) graphql.Marshaler) graphql.Marshaler {
	return list(length, nonNull, func(i int) graphql.Marshaler { return one(ctx, i) })
}

func list(length int, nonNull bool, one func(i int) graphql.Marshaler) graphql.Marshaler {
	e := &elements{list: make([]graphql.Marshaler, length), nonNull: nonNull}
	for i := range e.list {
		e.list[i] = one(i)
		e.open = e.open || isOpen(e.list[i])
	}
	return e.done()
}

// done is the list, or null where an element is null that may not be.
func (e *elements) done() graphql.Marshaler {
	if e.nonNull && !e.open {
		for _, m := range e.list {
			if isNull(m) {
				return graphql.Null
			}
		}
	}
	return e
}

// settle is done, once everything is known.
func (e *elements) settle() graphql.Marshaler {
	if !e.open {
		return e
	}
	for i, m := range e.list {
		e.list[i] = settled(m)
	}
	e.open = false
	return e.done()
}

// MarshalGQL writes the list.
func (e *elements) MarshalGQL(w io.Writer) {
	_, _ = w.Write(openBracket)
	for i, m := range e.list {
		if i > 0 {
			_, _ = w.Write(comma)
		}
		m.MarshalGQL(w)
	}
	_, _ = w.Write(closeBracket)
}
