package jobs

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// testLanes are lanes that nobody waits in, and their clock.
func testLanes(limit int) (*lanes, *time.Time) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := &now
	return newLanes(Config{
		Now:    func() time.Time { return *clock },
		Random: func() float64 { return 0.5 }, // no jitter
	}, limit), clock
}

func TestLanesBoundEachDestinationByItself(t *testing.T) {
	t.Parallel()
	l, clock := testLanes(2)
	a, b := uuid.UUID{1}, uuid.UUID{2}
	for _, step := range []struct {
		destination uuid.UUID
		want        bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, true}, {b, false}} {
		if wait, ok := l.enter(t.Context(), step.destination); ok != step.want || ok != (wait == 0) {
			t.Errorf("enter(%s) = %s, %t", step.destination, wait, ok)
		}
	}
	entered := *clock
	*clock = clock.Add(time.Second)
	l.leave(a, entered)
	if _, ok := l.enter(t.Context(), a); !ok {
		t.Error("a place that was left is not given")
	}
	if _, ok := l.enter(t.Context(), b); ok {
		t.Error("one destination's place is given to another")
	}
}

func TestLanesForgetWhoIsIdle(t *testing.T) {
	t.Parallel()
	l, clock := testLanes(2)
	entered := *clock
	for i := range byte(100) {
		l.enter(t.Context(), uuid.UUID{i})
	}
	*clock = clock.Add(time.Millisecond)
	for i := range byte(100) {
		if _, ok := l.enter(t.Context(), uuid.UUID{i}); !ok {
			t.Fatal("there is no second place")
		}
		l.enter(t.Context(), uuid.UUID{i}) // in vain
		l.leave(uuid.UUID{i}, entered)
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
		"fast":    {5 * time.Millisecond, minAgain, 100 * time.Millisecond},
		"slow":    {500 * time.Millisecond, 100 * time.Millisecond, time.Second},
		"hanging": {10 * time.Second, 2 * time.Second, 20 * time.Second},
	} {
		l, clock := testLanes(5)
		d := uuid.UUID{1}
		l.enter(t.Context(), d) // somebody stays, so that the lane is not forgotten
		for range 200 {
			entered := *clock
			l.enter(t.Context(), d)
			*clock = clock.Add(test.held)
			l.leave(d, entered)
		}
		for range 4 {
			l.enter(t.Context(), d)
		}
		for i := range 100 {
			wait, ok := l.enter(t.Context(), d)
			if want, asked := map[int]time.Duration{0: test.first, 99: test.hundredth}[i]; asked && (ok || (wait-want).Abs() > want/50) {
				t.Errorf("%s: number %d is to wait %s, want %s", name, i, wait, want)
			}
		}
	}
}

func TestLanesLetABurstToAFastDestinationWait(t *testing.T) {
	t.Parallel()
	c := Config{PerDestination: 1, DeliverWorkers: 400}
	c.setDefaults()
	l, d := newLanes(c, c.PerDestination), uuid.UUID{1}
	var wg sync.WaitGroup
	start := time.Now()
	for range 100 {
		wg.Go(func() {
			again, ok := l.enter(t.Context(), d)
			for !ok {
				<-time.After(again)
				again, ok = l.enter(t.Context(), d)
			}
			l.leave(d, time.Now())
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(l.busy) != 0 {
		t.Errorf("%d lanes are kept", len(l.busy))
	}
}

func TestLanesSendAwayWhoWaitsForAHangingDestination(t *testing.T) {
	t.Parallel()
	c := Config{PerDestination: 1}
	c.setDefaults()
	l, d := newLanes(c, c.PerDestination), uuid.UUID{1}
	if _, ok := l.enter(t.Context(), d); !ok {
		t.Fatal("there is no place")
	}
	start := time.Now()
	if again, ok := l.enter(t.Context(), d); ok || again < minAgain {
		t.Errorf("enter gives %s, %t", again, ok)
	}
	if waited := time.Since(start); waited < patience/2 {
		t.Errorf("nobody waited: %s", waited)
	}
	// That it hangs is known by now.
	for range 3 {
		l.enter(t.Context(), d)
	}
	start = time.Now()
	for range 100 {
		l.enter(t.Context(), d)
	}
	if waited := time.Since(start); waited > patience/2 {
		t.Errorf("the next waited %s", waited)
	}
}
