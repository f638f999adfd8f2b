package db

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// ChangesConfig says how changes are told; zero fields take the defaults.
type ChangesConfig struct {
	// MaxWaiting is how many changes wait for one subscriber; whoever lets more gather
	// is let go. Default 5000.
	MaxWaiting int
	// LookEvery is how often changes are looked for without word of them, in case that
	// the word was lost. Default 1 s.
	LookEvery time.Duration
	// CheckEvery is how often it is looked whether subscribers are still signed in.
	// Default 10 s.
	CheckEvery time.Duration
}

// Changes tells subscribers of conversions that were made, moved or adjusted. One
// connection listens for word of changes, whoever made them and wherever; what changed
// is then read once for all subscribers.
type Changes struct {
	store  *Store
	config ChangesConfig
	word   chan struct{} // holds one: something changed since it was last looked

	mu      sync.Mutex // over what follows
	place   changePlace
	placed  int                        // how often place was set, to tell when it was
	streams map[*ChangeStream]struct{} // which are told together
	all     map[*ChangeStream]struct{} // with those that still catch up
	closed  error                      // what subscribers get once nothing more is told
}

// changesAtOnce bounds how many changes are read together.
const changesAtOnce = 1000

// Why a subscription ended, other than by its subscriber.
var (
	// ErrSlowSubscriber is what a subscriber gets who lets too many changes wait.
	ErrSlowSubscriber = proofback.Errorf(proofback.CodeRateLimited, "too many changes wait for this subscriber, who reads too slowly: subscribe again after the last cursor")
	// ErrSubscriptionsEnd is what subscribers get when the program ends.
	ErrSubscriptionsEnd = proofback.Errorf(proofback.CodeUnavailable, "the server is shutting down: subscribe again after the last cursor")
	// ErrSignedOut is what subscribers get whose session has ended, or who may not
	// sign in any more.
	ErrSignedOut = proofback.Errorf(proofback.CodeUnauthenticated, "this session has ended: sign in again")
)

// NewChanges makes what tells of changes; nothing is told until Run runs.
func (s *Store) NewChanges(c ChangesConfig) *Changes {
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 5000
	}
	if c.LookEvery <= 0 {
		c.LookEvery = time.Second
	}
	if c.CheckEvery <= 0 {
		c.CheckEvery = 10 * time.Second
	}
	return &Changes{store: s, config: c, word: make(chan struct{}, 1), streams: map[*ChangeStream]struct{}{}, all: map[*ChangeStream]struct{}{}}
}

// Subscribers is how many there are.
func (c *Changes) Subscribers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams)
}

// Run tells of changes until ctx ends; then subscribers get ErrSubscriptionsEnd. While
// Postgres is away nothing changes; what did in the moment it was lost is told of when
// it is back.
func (c *Changes) Run(ctx context.Context) {
	var listening sync.WaitGroup
	listening.Go(func() { c.store.listenForever(ctx, changesChannel, c.word) })
	defer listening.Wait()
	defer c.End()
	look, check := time.NewTicker(c.config.LookEvery), time.NewTicker(c.config.CheckEvery)
	defer look.Stop()
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.word:
		case <-look.C:
		case <-check.C:
			c.check(ctx)
			continue
		}
		for c.tell(ctx) {
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// tell tells of what changed, and reports whether there is more.
func (c *Changes) tell(ctx context.Context) (more bool) {
	c.mu.Lock()
	place, placed, nobody := c.place, c.placed, len(c.streams) == 0
	c.mu.Unlock()
	if nobody {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	got, err := c.store.changesAfter(ctx, proofback.System(), place, changesAtOnce)
	var list []*changed
	if err == nil {
		list, err = c.store.changed(ctx, place, got)
	}
	if err != nil {
		if ctx.Err() == nil {
			c.store.log.LogAttrs(ctx, slog.LevelWarn, "changes cannot be read; subscribers wait", slog.Any("error", err))
		}
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.placed != placed { // meanwhile all have left, and somebody has come
		return true
	}
	c.put(got.place)
	for s := range c.streams {
		s.offer(list)
	}
	return got.more
}

// put sets the place up to which subscribers were told; c.mu is held.
func (c *Changes) put(p changePlace) {
	c.place = p
	c.placed++
}

// check ends the subscriptions of those who are not signed in any more.
func (c *Changes) check(ctx context.Context) {
	c.mu.Lock()
	streams := make([]*ChangeStream, 0, len(c.all))
	for s := range c.all {
		streams = append(streams, s)
	}
	c.mu.Unlock()
	if len(streams) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	actors := make([]proofback.Actor, len(streams))
	for i, s := range streams {
		actors[i] = s.actor
	}
	gone, err := c.store.notStanding(ctx, actors)
	if err != nil {
		c.store.log.LogAttrs(ctx, slog.LevelWarn, "it cannot be looked whether subscribers are still signed in", slog.Any("error", err))
		return
	}
	for _, n := range gone {
		streams[n].fail(ErrSignedOut)
	}
}

// End ends all subscriptions with ErrSubscriptionsEnd, and those that begin later.
func (c *Changes) End() {
	c.mu.Lock()
	c.closed = ErrSubscriptionsEnd
	streams := c.all
	c.streams, c.all = map[*ChangeStream]struct{}{}, map[*ChangeStream]struct{}{}
	c.mu.Unlock()
	for s := range streams {
		s.fail(ErrSubscriptionsEnd)
	}
}

// changed is a change as all subscribers share it.
type changed struct {
	row    *conversionRow
	filter *proofback.Conversion // the conversion with all that filters look at
	cursor string
	xact   int64
	id     uuid.UUID
	answer *sync.Map // what was made of it, for whoever sees the same
}

// changed reads the conversions that changed: each once, however often it did.
func (s *Store) changed(ctx context.Context, place changePlace, got changesSince) ([]*changed, error) {
	last := make(map[uuid.UUID]int, len(got.rows))
	ids := make([]uuid.UUID, 0, len(got.rows))
	for i, r := range got.rows {
		if _, known := last[r.ConversionID]; !known {
			ids = append(ids, r.ConversionID)
		}
		last[r.ConversionID] = i
	}
	rows, err := s.conversionsNow(ctx, ids)
	if err != nil {
		return nil, err
	}
	at := make([]int, 0, len(last))
	for _, i := range last {
		at = append(at, i)
	}
	slices.Sort(at)
	list := make([]*changed, 0, len(at))
	for n, i := range at {
		r := got.rows[i]
		row, ok := rows[r.ConversionID]
		if !ok {
			continue
		}
		reached := got.place
		if n < len(at)-1 {
			reached = place.after(got.snapshot, r.Xact, r.ID)
		}
		list = append(list, &changed{row, row.value(proofback.System()), reached.String(), r.Xact, r.ID, &sync.Map{}})
	}
	return list, nil
}
