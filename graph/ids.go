package graph

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// idReader takes global ids of an input apart and collects what is wrong with
// them, so that a caller learns of all of it at once.
type idReader struct{ problems proofback.Problems }

// one reads a required id of kind k at path.
func (r *idReader) one(k proofback.Kind, id string, path ...string) uuid.UUID {
	u, err := proofback.ParseIDOf(k, id)
	if err != nil {
		r.problems.Add(path, "%s", err.Error())
	}
	return u
}

// maybe reads an id that may be left out: uuid.Nil.
func (r *idReader) maybe(k proofback.Kind, id *string, path ...string) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return r.one(k, *id, path...)
}

// list reads ids of kind k.
func (r *idReader) list(k proofback.Kind, ids []string, path ...string) []uuid.UUID {
	out := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		out[i] = r.one(k, id, append(path[:len(path):len(path)], strconv.Itoa(i))...)
	}
	return out
}

// err gives what was wrong, or nil.
func (r *idReader) err() error { return r.problems.Err() }

// orNull is how an empty value of ours reads in GraphQL: null.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// orZero is the reverse: what was left out is the zero value.
func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}

// orElse gives a default for what was left out.
func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}
