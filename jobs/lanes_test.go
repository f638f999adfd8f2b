package jobs

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func testLanes(limit int) (*lanes, *time.Time) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := &now
	return newLanes(Config{
		PerDestination: limit,
		Now:            func() time.Time { return *clock },
		Random:         func() float64 { return 0.5 }, // no jitter
	}), clock
}

func TestLanesBoundEachDestinationByItself(t *testing.T) {
	t.Parallel()
	l, clock := testLanes(2)
	a, b := uuid.UUID{1}, uuid.UUID{2}
	for _, step := range []struct {
		destination uuid.UUID
		want        bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, true}, {b, false}} {
		if wait, ok := l.enter(step.destination); ok != step.want || ok != (wait == 0) {
			t.Errorf("enter(%s) = %s, %t", step.destination, wait, ok)
		}
	}
	entered := *clock
	*clock = clock.Add(time.Second)
	l.leave(a, entered)
	if _, ok := l.enter(a); !ok {
		t.Error("a place that was left is not given")
	}
	if _, ok := l.enter(b); ok {
		t.Error("one destination's place is given to another")
	}
}

func TestLanesForgetWhoIsIdle(t *testing.T) {
	t.Parallel()
	l, clock := testLanes(2)
	entered := *clock
	for i := range byte(100) {
		l.enter(uuid.UUID{i})
	}
	*clock = clock.Add(time.Millisecond)
	for i := range byte(100) {
		l.leave(uuid.UUID{i}, entered)
	}
	if len(l.busy) != 0 {
		t.Errorf("%d are kept", len(l.busy))
	}
}

func TestLanesSpreadThoseThatWaitAtTheDestinationsPace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		held             time.Duration
		first, hundredth time.Duration
	}{
		"fast":    {5 * time.Millisecond, minSnooze, 100 * time.Millisecond},
		"slow":    {500 * time.Millisecond, 100 * time.Millisecond, time.Second},
		"hanging": {10 * time.Second, 2 * time.Second, 20 * time.Second},
	} {
		l, clock := testLanes(5)
		d := uuid.UUID{1}
		l.enter(d) // somebody stays, so that the lane is not forgotten
		for range 200 {
			entered := *clock
			l.enter(d)
			*clock = clock.Add(test.held)
			l.leave(d, entered)
		}
		for range 4 {
			l.enter(d)
		}
		for i := range 100 {
			wait, ok := l.enter(d)
			if want, asked := map[int]time.Duration{0: test.first, 99: test.hundredth}[i]; asked && (ok || (wait-want).Abs() > want/50) {
				t.Errorf("%s: number %d is to wait %s, want %s", name, i, wait, want)
			}
		}
	}
}
