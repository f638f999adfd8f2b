package db

import (
	"cmp"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// ledgerOfChanges is what Postgres would know of transactions and their changes.
type ledgerOfChanges struct {
	next    int64
	running []int64
	rows    []changeRow // of transactions that have ended
}

func (l *ledgerOfChanges) snapshot() changePlace {
	return changePlace{next: l.next, running: slices.Clone(l.running)}
}

// after is what changesAfter reads of it.
func (l *ledgerOfChanges) after(p changePlace, limit int) changesSince {
	got := changesSince{snapshot: l.snapshot()}
	for _, r := range l.rows {
		if !p.told(r.Xact, r.ID) {
			got.rows = append(got.rows, r)
		}
	}
	slices.SortFunc(got.rows, func(a, b changeRow) int {
		switch {
		case a.Xact == b.Xact:
			return slices.Compare(a.ID[:], b.ID[:])
		case a.Xact == p.partly:
			return -1
		case b.Xact == p.partly:
			return 1
		}
		return cmp.Compare(a.Xact, b.Xact)
	})
	if got.place = got.snapshot; len(got.rows) >= limit {
		got.rows = got.rows[:limit]
		last := got.rows[limit-1]
		got.more, got.place = true, p.after(got.snapshot, last.Xact, last.ID)
	}
	return got
}

// Whenever transactions begin and end, and wherever somebody who is told of changes
// breaks off and goes on: each change is told once.
func TestEachChangeIsToldOnceWheneverItCommits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &ledgerOfChanges{next: 100}
		told := map[uuid.UUID]int{}
		place, made := l.snapshot(), 0
		look := func() {
			got := l.after(place, rapid.IntRange(1, 4).Draw(t, "limit"))
			stopAt := rapid.IntRange(0, len(got.rows)).Draw(t, "told before it breaks off")
			reached := place
			for i, r := range got.rows[:stopAt] {
				told[r.ID]++
				reached = place.after(got.snapshot, r.Xact, r.ID)
				if i == len(got.rows)-1 {
					reached = got.place
				}
			}
			if stopAt == len(got.rows) {
				reached = got.place
			}
			again, ok := readChangePlace(reached.String())
			if !ok || again.String() != reached.String() {
				t.Fatalf("%+v reads as %+v", reached, again)
			}
			place = again
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 2).Draw(t, "step"); {
			case step == 0:
				l.running = append(l.running, l.next)
				l.next++
			case step == 1 && len(l.running) > 0:
				i := rapid.IntRange(0, len(l.running)-1).Draw(t, "which ends")
				for range rapid.IntRange(0, 3).Draw(t, "changes") {
					made++
					id := uuid.UUID{}
					binary.BigEndian.PutUint32(id[:], rapid.Uint32().Draw(t, "id"))
					binary.BigEndian.PutUint32(id[12:], uint32(made))
					l.rows = append(l.rows, changeRow{Xact: l.running[i], ID: id})
				}
				l.running = slices.Delete(l.running, i, i+1)
			default:
				look()
			}
		}
		for range 3 * (made + 1) {
			got := l.after(place, 2)
			for _, r := range got.rows {
				told[r.ID]++
			}
			place = got.place
		}
		for _, r := range l.rows {
			if told[r.ID] != 1 {
				t.Fatalf("%v was told %d times", r, told[r.ID])
			}
		}
	})
}

func TestWhatIsNoPlaceIsRefused(t *testing.T) {
	t.Parallel()
	good := changePlace{next: 1000, running: []int64{990, 995}, partly: 995, upTo: uuid.New()}
	if got, ok := readChangePlace(good.String()); !ok || got.String() != good.String() {
		t.Fatalf("%+v, %v", got, ok)
	}
	for _, text := range []string{"", "x", "!!!!", good.String()[:10], good.String() + "AAAA", "gICAgICAgICAgICAgIABAA"} {
		if p, ok := readChangePlace(text); ok {
			t.Errorf("%q is %+v", text, p)
		}
	}
	for _, text := range []string{"", "1", "1:2", "1:x:", "1:2:3,x"} {
		if p, ok := readSnapshot(text); ok {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

func FuzzReadChangePlace(f *testing.F) {
	f.Add(changePlace{next: 7, running: []int64{3}}.String())
	f.Add(changePlace{next: 7, running: []int64{3}, partly: 3, upTo: uuid.New()}.String())
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := readChangePlace(text)
		if !ok {
			return
		}
		if again, ok := readChangePlace(p.String()); !ok || again.String() != p.String() {
			t.Errorf("%q: %+v, then %+v", text, p, again)
		}
	})
}
