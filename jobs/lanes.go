package jobs

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// lanes bounds how many requests are in flight to each destination from this
// process, so that one that hangs holds few workers. Another one bounds those to
// all destinations of each affiliate: it may have any number of them, and they may
// hang together.
//
// Who finds no place waits for one while places get free quickly, so that a
// burst to a fast endpoint goes through at its speed. Otherwise it is told when
// to come back, at the pace at which places have been getting free: what waits
// for a slow endpoint holds no worker, and asks seldom.
type lanes struct {
	limit      int // in flight, for each destination
	maxWaiting int // for a place, for each destination
	now        func() time.Time
	random     func() float64

	mu   sync.Mutex
	busy map[uuid.UUID]*lane
}

type lane struct {
	places  chan struct{} // as many as are in flight are in it
	users   int           // in flight or waiting; a lane without is forgotten
	waiting int
	held    time.Duration // for how long places have been held lately
	moved   time.Time     // when somebody last entered or left
	free    time.Time     // when the last one that came should find a place
	slot    time.Time     // when the next one may come, where the rate is bounded
}

const (
	// firstHeld is believed of a destination that nothing is known of.
	firstHeld = 20 * time.Millisecond
	// patience is how long a worker may wait for a place.
	patience = 250 * time.Millisecond
	// minAgain is the shortest time to stay away; a queue is polled less often.
	minAgain = 20 * time.Millisecond
	// maxPace is the longest time to stay away because of a bounded rate, which may
	// be changed.
	maxPace = time.Minute
)

func newLanes(c Config, limit int) *lanes {
	return &lanes{
		limit:      limit,
		maxWaiting: c.DeliverWorkers / 4,
		now:        c.Now,
		random:     c.Random,
		busy:       map[uuid.UUID]*lane{},
	}
}

// enter takes one of the destination's places. When there is none it gives the
// time after which to ask again.
func (l *lanes) enter(ctx context.Context, destination uuid.UUID) (again time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.busy[destination], l.now()
	if s == nil {
		s = &lane{places: make(chan struct{}, l.limit), held: firstHeld}
		l.busy[destination] = s
	}
	select {
	case s.places <- struct{}{}:
		s.users, s.moved = s.users+1, now
		return 0, true
	default:
	}
	// Places that nobody has left for long are held for at least that long.
	held := max(s.held, now.Sub(s.moved))
	if s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(held / time.Duration(l.limit))
	wait := s.free.Sub(now)
	if wait <= patience && s.waiting < l.maxWaiting && l.wait(ctx, s) {
		s.moved = l.now()
		return 0, true
	}
	// The pace may change: come back before long, and not all at once.
	wait = min(wait, max(2*held, time.Second), 30*time.Second)
	return max(minAgain, time.Duration(float64(wait)*(0.75+l.random()/2))), false
}

// wait waits for a place, for as long as patience lasts. l.mu is held by the
// caller, and not meanwhile.
func (l *lanes) wait(ctx context.Context, s *lane) bool {
	s.users++
	s.waiting++
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	took := false
	select {
	case s.places <- struct{}{}:
		took = true
	case <-ctx.Done():
	}
	l.mu.Lock()
	s.waiting--
	if !took {
		s.users--
	}
	return took
}

// leave gives back a place that enter gave at a moment.
func (l *lanes) leave(destination uuid.UUID, entered time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.busy[destination], l.now()
	<-s.places
	s.moved = now
	s.held += (now.Sub(entered) - s.held) / 8
	if s.users--; s.users == 0 && !s.slot.After(now) {
		delete(l.busy, destination)
	}
}

// pace gives the time after which to ask again for a destination that takes one
// request each gap, the next one at a moment.
func (l *lanes) pace(destination uuid.UUID, next time.Time, gap time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.busy[destination], l.now()
	if s.slot.Before(next) {
		s.slot = next
	}
	wait := s.slot.Sub(now)
	s.slot = s.slot.Add(gap)
	return min(max(minAgain, wait), maxPace)
}

// behind is how long the last one that was told to come back is to stay away.
func (l *lanes) behind(destination uuid.UUID) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.busy[destination]
	if s == nil {
		return 0
	}
	return min(s.free.Sub(l.now()), maxPace)
}
