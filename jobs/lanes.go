package jobs

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// lanes bounds how many requests are in flight to each destination from this
// process, so that one that hangs holds few workers. Who finds no place is told
// when to come back: at the pace at which places have been getting free, so that
// a burst to a fast endpoint goes through quickly and what waits for a slow one
// asks seldom.
type lanes struct {
	limit  int
	now    func() time.Time
	random func() float64

	mu   sync.Mutex
	busy map[uuid.UUID]*lane // without those that nobody is in or waits for
}

type lane struct {
	inFlight int
	held     time.Duration // for how long a place is, lately
	free     time.Time     // when the last of those that wait should find a place
}

const (
	firstHeld = 20 * time.Millisecond // before anything is known
	minSnooze = 20 * time.Millisecond
)

func newLanes(c Config) *lanes {
	return &lanes{limit: c.PerDestination, now: c.Now, random: c.Random, busy: map[uuid.UUID]*lane{}}
}

// enter takes one of the destination's places. When there is none it gives the
// time to wait before asking again, without having waited.
func (l *lanes) enter(destination uuid.UUID) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.busy[destination]
	if s == nil {
		s = &lane{held: firstHeld}
		l.busy[destination] = s
	}
	if s.inFlight < l.limit {
		s.inFlight++
		return 0, true
	}
	now := l.now()
	if s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(s.held / time.Duration(l.limit))
	// What was believed of the pace may be wrong: come back before long, and not
	// all at once.
	longest := min(max(2*s.held, time.Second), 30*time.Second)
	wait = min(s.free.Sub(now), longest)
	return max(minSnooze, time.Duration(float64(wait)*(0.75+l.random()/2))), false
}

// leave gives back a place that enter took at a moment.
func (l *lanes) leave(destination uuid.UUID, entered time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.busy[destination], l.now()
	s.held += (now.Sub(entered) - s.held) / 8
	if s.inFlight--; s.inFlight == 0 && s.free.Before(now) {
		delete(l.busy, destination)
	}
}
