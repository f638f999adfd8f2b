package fields_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback/graph/fields"
)

// world is an answer of rows, of which each has a child with a child of its own.
type world struct {
	ctx     context.Context
	plans   fields.Plans
	oc      graphql.OperationContext
	queue   fields.Queue
	fetched []int // how many things each time

	asked, known map[string]bool
	failing      map[string]error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{asked: map[string]bool{}, known: map[string]bool{}, failing: map[string]error{}}
	w.queue.Fetch = func(context.Context) bool {
		if len(w.asked) == 0 {
			return false
		}
		w.fetched = append(w.fetched, len(w.asked))
		for name := range w.asked {
			w.known[name] = true
		}
		clear(w.asked)
		return true
	}
	ctx := graphql.WithResponseContext(t.Context(), graphql.DefaultErrorPresenter, graphql.DefaultRecover)
	w.ctx = graphql.WithFieldContext(fields.WithQueue(ctx, &w.queue), &graphql.FieldContext{Object: "Query"})
	return w
}

func selection(names ...string) ast.SelectionSet {
	var set ast.SelectionSet
	for _, name := range names {
		set = append(set, &ast.Field{Alias: name, Name: name})
	}
	return set
}

var implementors = []string{"Row"}

// load is a loader: what is not known is asked for.
func (w *world) load(name string) (string, error) {
	if !w.known[name] {
		if !w.queue.Waiting() {
			return "", errors.New("nobody waits")
		}
		w.asked[name] = true
		return "", fields.ErrWaiting
	}
	return name, w.failing[name]
}

// row is an object with a name, and a child until it is deep enough. A child may be null
// only where soft says so.
func (w *world) row(ctx context.Context, name string, depth int, sel []ast.SelectionSet, soft bool) graphql.Marshaler {
	out := fields.New(&w.plans, &w.oc, sel[depth], implementors)
	for i, field := range out.Fields() {
		switch field.Name {
		case "name":
			out.Put(i, graphql.MarshalString(name), true)
		case "child":
			fields.Later(ctx, out, i, !soft, func(_ context.Context, f graphql.CollectedField) (*graphql.FieldContext, error) {
				return &graphql.FieldContext{Object: "Row", Field: f}, nil
			}, func(context.Context) (string, error) {
				return w.load(name + ".child")
			}, func(ctx context.Context, child string) graphql.Marshaler {
				if child == "boom.child" {
					panic("boom")
				}
				return w.row(ctx, child, depth+1, sel, false)
			})
		}
	}
	return out.Done()
}

func (w *world) answer(names []string, soft bool) string {
	sel := []ast.SelectionSet{selection("name", "child", "name"), selection("child"), selection("name")}
	list := fields.List(w.ctx, len(names), true, func(ctx context.Context, i int) graphql.Marshaler {
		return w.row(ctx, names[i], 0, sel, soft)
	})
	var b strings.Builder
	fields.Settle(w.ctx, list).MarshalGQL(&b)
	return b.String()
}

func (w *world) errors() (list []string) {
	for _, e := range graphql.GetErrors(w.ctx) {
		list = append(list, e.Path.String()+": "+e.Message)
	}
	return list
}

func TestRelationsAreFetchedLevelByLevel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint("r", i))
	}
	got := w.answer(names, false)
	if diff := cmp.Diff([]int{100, 100}, w.fetched); diff != "" {
		t.Error(diff)
	}
	const first = `[{"name":"r0","child":{"child":{"name":"r0.child.child"}}},{"name":"r1",`
	if !strings.HasPrefix(got, first) || w.errors() != nil {
		t.Errorf("%.200s, %v", got, w.errors())
	}
}

func TestNullGoesUpToWhereItMayBe(t *testing.T) {
	t.Parallel()
	late := errors.New("too late")
	for name, c := range map[string]struct {
		failing string
		soft    bool
		want    string
		errors  []string
	}{
		"nowhere": {soft: true, want: `[{"name":"a","child":{"child":{"name":"a.child.child"}}},{"name":"b","child":{"child":{"name":"b.child.child"}}}]`},
		"to the child of a row": {
			failing: "a.child.child", soft: true,
			want:   `[{"name":"a","child":null},{"name":"b","child":{"child":{"name":"b.child.child"}}}]`,
			errors: []string{"[0].child.child: too late"},
		},
		"to the list": {failing: "b.child.child", want: `null`, errors: []string{"[1].child.child: too late"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.failing[c.failing] = late
			if diff := cmp.Diff(c.want, w.answer([]string{"a", "b"}, c.soft)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.errors, w.errors()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPanicIsTheFailureOfItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.answer([]string{"boom", "b"}, true)
	if want := `[{"name":"boom","child":null},{"name":"b","child":{"child":{"name":"b.child.child"}}}]`; got != want {
		t.Error(got)
	}
	if diff := cmp.Diff([]string{"[0].child: internal system error"}, w.errors()); diff != "" {
		t.Error(diff)
	}
}

func TestEachGoesOnWhenWhatItWaitsForIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := make([]string, 3)
	err := w.queue.Each(w.ctx, len(got), func(i int) (err error) {
		got[i], err = w.load(fmt.Sprint(i))
		return err
	})
	if err != nil || cmp.Diff([]string{"0", "1", "2"}, got) != "" || cmp.Diff([]int{3}, w.fetched) != "" {
		t.Error(got, w.fetched, err)
	}
	w.failing["1"] = errors.New("one fails")
	err = w.queue.Each(w.ctx, len(got), func(i int) error {
		_, err := w.load(fmt.Sprint(i))
		return err
	})
	if err == nil || err.Error() != "one fails" {
		t.Error(err)
	}
}

func TestWhoWaitsForNothingIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer func() {
		if recover() == nil {
			t.Error("it would wait for ever")
		}
	}()
	_ = w.queue.Each(w.ctx, 1, func(int) error { return fields.ErrWaiting })
}
