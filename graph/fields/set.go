package fields

import (
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Set is the answer's object for one of ours, field by field.
type Set struct {
	plan   *plan
	values []graphql.Marshaler
	null   bool // a field that may not be null is
	open   []open
}

// open is a field of which it is not known yet whether it is null.
type open struct {
	i       int
	nonNull bool
}

// New begins an object of a type that satisfies what implementors names.
func New(plans *Plans, oc *graphql.OperationContext, sel ast.SelectionSet, implementors []string) *Set {
	p := plans.of(oc, sel, implementors)
	return &Set{plan: p, values: make([]graphql.Marshaler, len(p.fields))}
}

// Fields are those that are asked for.
func (s *Set) Fields() []graphql.CollectedField { return s.plan.fields }

// Put sets the value of the field at place i.
func (s *Set) Put(i int, value graphql.Marshaler, nonNull bool) {
	s.values[i] = value
	if isOpen(value) {
		s.open = append(s.open, open{i, nonNull})
		return
	}
	s.null = s.null || nonNull && isNull(value)
}

// Done is the object, or null where a field is null that may not be.
func (s *Set) Done() graphql.Marshaler {
	if s.null && len(s.open) == 0 {
		return graphql.Null
	}
	return s
}

// settle is Done, once everything is known.
func (s *Set) settle() graphql.Marshaler {
	for _, o := range s.open {
		value := settled(s.values[o.i])
		s.values[o.i] = value
		s.null = s.null || o.nonNull && isNull(value)
	}
	s.open = nil
	return s.Done()
}

var (
	openBrace, closeBrace     = []byte{'{'}, []byte{'}'}
	openBracket, closeBracket = []byte{'['}, []byte{']'}
	comma                     = []byte{','}
)

// MarshalGQL writes the object.
func (s *Set) MarshalGQL(w io.Writer) {
	_, _ = w.Write(openBrace)
	for i, value := range s.values {
		if key := s.plan.keys[i]; key != nil {
			_, _ = w.Write(key)
			value.MarshalGQL(w)
		}
	}
	_, _ = w.Write(closeBrace)
}

func isNull(m graphql.Marshaler) bool { return m == graphql.Null || m == graphql.RequiredNull }

// isOpen reports whether a value has relations that are not resolved yet.
func isOpen(m graphql.Marshaler) bool {
	switch m := m.(type) {
	case *Set:
		return len(m.open) > 0
	case *elements:
		return m.open
	}
	return false
}

// settled is a value when all relations are resolved: null, where something below it
// makes it so.
func settled(m graphql.Marshaler) graphql.Marshaler {
	switch v := m.(type) {
	case *Set:
		return v.settle()
	case *elements:
		return v.settle()
	}
	return m
}
