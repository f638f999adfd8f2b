package graph

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
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

// err gives what was wrong, or nil.
func (r *idReader) err() error { return r.problems.Err() }

// namedIDs are the ids of an input of which each is dealt with on its own: one
// that cannot be read is a problem of its own, and the others go on.
type namedIDs struct {
	keys     []uuid.UUID
	at       []int // their positions in the input
	problems proofback.Problems
}

// nameIDs reads the input field ids: 1 to proofback.MaxPage of kind k.
func nameIDs(k proofback.Kind, ids []string) (*namedIDs, error) {
	n := &namedIDs{}
	if len(ids) == 0 || len(ids) > proofback.MaxPage {
		return n, proofback.Invalid([]string{"ids"}, "name from 1 to %d", proofback.MaxPage)
	}
	for i, id := range ids {
		key, err := proofback.ParseIDOf(k, id)
		if err != nil {
			n.problems.Add([]string{"ids", strconv.Itoa(i)}, "%s", err.Error())
			continue
		}
		n.keys, n.at = append(n.keys, key), append(n.at, i)
	}
	if len(n.keys) == 0 {
		return n, n.problems
	}
	return n, nil
}

// add takes up what the Store said of single keys, under ["ids", position].
func (n *namedIDs) add(problems proofback.Problems) {
	for _, p := range problems {
		if i, err := strconv.Atoi(p.Field[1]); err == nil {
			p.Field = []string{"ids", strconv.Itoa(n.at[i])}
		}
		n.problems = append(n.problems, p)
	}
}

// mistakes are all that could not be done, in the order of the input, unless err
// says that nothing could.
func (n *namedIDs) mistakes(err error) ([]*model.UserError, error) {
	if err != nil {
		return userErrors(err)
	}
	slices.SortStableFunc(n.problems, func(a, b *proofback.Error) int {
		return cmp.Or(cmp.Compare(len(a.Field[1]), len(b.Field[1])), cmp.Compare(a.Field[1], b.Field[1]))
	})
	return userErrors(n.problems.Err())
}

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
