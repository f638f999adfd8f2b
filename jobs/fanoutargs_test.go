package jobs

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback/db"
)

func TestFanOutArgumentsSurviveJSON(t *testing.T) {
	t.Parallel()
	to := []uuid.UUID{newID(t), newID(t), newID(t)}
	for _, n := range []int{0, 1, 2, 7, 1000} {
		keys := make([]db.DeliveryKey, n)
		want := map[db.DeliveryKey]bool{}
		for i := range keys {
			keys[i] = db.DeliveryKey{ID: newID(t), DestinationID: to[i%len(to)]}
			want[keys[i]] = true
		}
		given := slices.Clone(keys)
		raw, err := json.Marshal(newFanOutArgs(keys))
		if err != nil || !slices.Equal(keys, given) {
			t.Fatalf("%v, or the keys are in another order", err)
		}
		var read fanOutArgs
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		if most := min(n, len(to)); len(read.To) != most {
			t.Errorf("%d destinations, want %d", len(read.To), most)
		}
		back, err := read.keys()
		got := map[db.DeliveryKey]bool{}
		for _, k := range back {
			got[k] = true
		}
		if err != nil || len(back) != n || !maps.Equal(got, want) {
			t.Errorf("%d keys, %v, -want +got:\n%s", n, err, cmp.Diff(want, got))
		}
	}
}

func TestFanOutArgumentsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{"ids": "AAAA"}`, `{"ids": "?"}`, `{"ids": 1}`} {
		if err := json.Unmarshal([]byte(raw), new(fanOutArgs)); err == nil {
			t.Errorf("%s is read", raw)
		}
	}
	two, one := packedIDs{newID(t), newID(t)}, packedIDs{newID(t)}
	for name, args := range map[string]fanOutArgs{
		"too few":                 {IDs: two, To: one, Each: []int{1}},
		"too many":                {IDs: two, To: one, Each: []int{3}},
		"without numbers":         {IDs: two, To: one},
		"without a number":        {IDs: two, To: two, Each: []int{2}},
		"without a destination":   {IDs: two, To: one, Each: []int{1, 1}},
		"nothing to one of two":   {IDs: two, To: two, Each: []int{2, 0}},
		"less than nothing":       {IDs: two, To: two, Each: []int{-1, 3}},
		"more than there is left": {IDs: one, To: two, Each: []int{1, 1}},
	} {
		if keys, err := args.keys(); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}
	if keys, err := (fanOutArgs{IDs: two}).keys(); keys != nil || err != nil {
		t.Errorf("of an earlier version: %v, %v", keys, err)
	}
}
