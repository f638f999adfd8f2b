package proofback

import (
	"sync"
	"time"
)

// Clock tells the time in UTC, and never goes back: each time that it tells is
// after all that it told before. While the clock on the wall has been set back,
// it stands, but for a tick each time it is looked at, until the wall has caught
// up. So ids sort as they were made, no sale is told before its click, and what
// came twice within a window is found to have, however clocks are set.
//
// It holds for one process. What two processes tell differs by as much as their
// machines' clocks do.
type Clock struct {
	wall   func() time.Time
	onBack func(by time.Duration)

	mu     sync.Mutex
	last   time.Time
	behind bool // onBack has been told
}

const (
	// clockTick is the least that a UUIDv7 can tell apart.
	clockTick = 250 * time.Nanosecond
	// clockSlack is by how much a wall may be behind before anybody is told.
	clockSlack = time.Second
)

// NewClock makes a clock that follows a wall's. onBack is told when that has been
// set back by more than a second, once each time; nil for nobody.
func NewClock(wall func() time.Time, onBack func(by time.Duration)) *Clock {
	return &Clock{wall: wall, onBack: onBack}
}

// Now tells the time.
func (c *Clock) Now() time.Time {
	wall := c.wall().Round(0).UTC() // without the monotonic reading, which hides that the wall was set
	now, back := c.tell(wall)
	if back > clockSlack && c.onBack != nil {
		c.onBack(back)
	}
	return now
}

// tell gives the time, and by how much the wall was set back when that is news.
func (c *Clock) tell(wall time.Time) (now time.Time, back time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wall.After(c.last) {
		c.last, c.behind = wall, false
		return wall, 0
	}
	behind := c.last.Sub(wall)
	c.last = c.last.Add(clockTick)
	if behind > clockSlack && !c.behind {
		c.behind, back = true, behind
	}
	return c.last, back
}
