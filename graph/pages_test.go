package graph

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestPageArguments(t *testing.T) {
	t.Parallel()
	n := func(i int) *int { return &i }
	s := func(s string) *string { return &s }
	at := proofback.Cursor{At: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC), ID: uuid.MustParse("0195529c-9f00-7000-8000-000000000001")}
	byID := proofback.Cursor{ID: at.ID}
	for _, tt := range []struct {
		name          string
		first, last   *int
		after, before *string
		want          proofback.Page
		wantField     string
	}{
		{name: "nothing asked", want: proofback.Page{Limit: 20}},
		{name: "first", first: n(100), want: proofback.Page{Limit: 100}},
		{name: "last", last: n(3), want: proofback.Page{Limit: 3, Backward: true}},
		{name: "after a moment", first: n(1), after: s(at.String()), want: proofback.Page{Limit: 1, After: &at}},
		{name: "before an id", last: n(1), before: s(byID.String()), want: proofback.Page{Limit: 1, Before: &byID, Backward: true}},
		{name: "first and last", first: n(1), last: n(1), wantField: "last"},
		{name: "none", first: n(0), wantField: "first"},
		{name: "negative", last: n(-1), wantField: "last"},
		{name: "too many", first: n(101), wantField: "first"},
		{name: "no cursor", after: s("x"), wantField: "after"},
		{name: "an empty cursor", before: s(""), wantField: "before"},
		{name: "a cursor of no time", before: s("f_________________________________________"[:32]), wantField: "before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := page(tt.first, tt.after, tt.last, tt.before)
			if tt.wantField != "" {
				if e, ok := errors.AsType[*proofback.Error](err); !ok || e.Code != proofback.CodeInvalid || e.Field[0] != tt.wantField {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEdgesTellWhereAPageStands(t *testing.T) {
	t.Parallel()
	row := proofback.Window[int]{Items: []int{1, 2}, HasMore: true}
	place := func(int) proofback.Cursor { return proofback.Cursor{ID: uuid.Max} }
	self := func(_ string, i int) int { return i }
	c := &proofback.Cursor{}

	_, info := edges(proofback.Page{After: c}, row, place, self)
	if !info.HasNextPage || !info.HasPreviousPage || *info.StartCursor == "" {
		t.Errorf("forward: %+v", info)
	}
	_, info = edges(proofback.Page{Backward: true}, row, place, self)
	if info.HasNextPage || !info.HasPreviousPage {
		t.Errorf("backward from the end: %+v", info)
	}
	list, info := edges(proofback.Page{}, proofback.Window[int]{}, place, self)
	if list == nil || info.StartCursor != nil || info.EndCursor != nil || info.HasNextPage {
		t.Errorf("empty: %v %+v", list, info)
	}
}
