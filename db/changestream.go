package db

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/proofback/proofback"
)

// ChangeStream is what one subscriber is told. Next is called by one goroutine; Close may
// come from another one, while a client that has hung up is still being read for.
type ChangeStream struct {
	changes *Changes
	actor   proofback.Actor
	filter  proofback.ConversionFilter

	// What it was told of when it subscribed, and what the others were told of when it
	// joined them; what is between the two is read for it alone.
	from, ahead changePlace
	joined      bool
	behind      *changePlace // where reading goes on, as long as there is something between
	caught      []*changed   // what was read

	mu      sync.Mutex // over what follows
	waiting []*changed
	why     error         // why it has ended
	word    chan struct{} // holds one: something waits, or it has ended
}

// Change is a conversion that was made, moved or adjusted.
type Change struct {
	// Conversion is as it stands, without what is not the subscriber's to see.
	Conversion *proofback.Conversion
	// Cursor is where the change stands among all: whoever subscribes after it misses
	// nothing and is told nothing twice.
	Cursor string
	// Shared keeps what is made of the change for subscribers who see the same of it.
	Shared *sync.Map
}

// errNoCursor is what a cursor gets that is none.
var errNoCursor = proofback.Invalid([]string{"after"}, "this is not a cursor of a change of this network: look at the list, and subscribe without one")

// errStreamClosed is what is left of a stream that was closed.
var errStreamClosed = errors.New("db: this stream was closed")

// Subscribe begins to tell of changes that match a filter: all to staff, a partner its
// own; from now on, or those after a cursor.
func (c *Changes) Subscribe(ctx context.Context, actor proofback.Actor, filter proofback.ConversionFilter, after string) (*ChangeStream, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	if err := actor.Validate(); err != nil {
		return nil, err
	}
	s := &ChangeStream{changes: c, actor: actor, filter: filter, word: make(chan struct{}, 1)}
	now, err := c.store.snapshotNow(ctx)
	if err != nil {
		return nil, err
	}
	if after != "" {
		p, ok := readChangePlace(after)
		if !ok || p.next > now.next {
			return nil, errNoCursor
		}
		s.from, s.behind = p, &p
	}
	if err := c.enter(s); err != nil {
		return nil, err
	}
	if s.behind == nil {
		if err := c.join(s, now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// enter makes a stream known: from now on it ends with its session, and with the program.
func (c *Changes) enter(s *ChangeStream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return c.closed
	}
	c.all[s] = struct{}{}
	return nil
}

// join has a stream told of changes with the others.
func (c *Changes) join(s *ChangeStream, now changePlace) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return c.closed
	}
	if _, open := c.all[s]; !open {
		return errStreamClosed // and would be told for ever
	}
	if len(c.streams) == 0 {
		c.put(now)
	}
	c.streams[s] = struct{}{}
	s.ahead, s.joined = c.place, true
	return nil
}

// Next waits for the next change. An error of ctx leaves the stream as it is; any
// other is its end.
func (s *ChangeStream) Next(ctx context.Context) (Change, error) {
	for {
		// Whatever was read or waits already is not told any more to whom it may not be.
		if err := s.ended(); err != nil {
			return Change{}, err
		}
		if s.behind != nil && len(s.caught) == 0 {
			if err := s.catchUp(ctx); err != nil {
				return Change{}, err
			}
		}
		if len(s.caught) > 0 {
			next := s.caught[0]
			s.caught = s.caught[1:]
			return s.show(next), nil
		}
		if s.behind != nil {
			continue
		}
		next, err := s.take()
		if err != nil {
			return Change{}, err
		}
		if next != nil {
			return s.show(next), nil
		}
		select {
		case <-s.word:
		case <-ctx.Done():
			return Change{}, ctx.Err()
		}
	}
}

// catchUp reads what changed since, until little is left; then it joins the others,
// and reads on as far as they are.
func (s *ChangeStream) catchUp(ctx context.Context) error {
	store := s.changes.store
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	got, err := store.changesAfter(ctx, s.actor, *s.behind, changesAtOnce)
	if err != nil {
		return err
	}
	if !got.more && !s.joined {
		s.from = *s.behind
		if err := s.changes.join(s, got.snapshot); err != nil {
			return err
		}
		if got, err = store.changesAfter(ctx, s.actor, *s.behind, changesAtOnce); err != nil {
			return err
		}
	}
	from, place := *s.behind, got.place
	if s.joined {
		// What the others were not told of yet comes with them, and is not to be counted
		// as told by any cursor before.
		from, got.snapshot, got.place = s.from, s.ahead, s.ahead
		got.rows = slices.DeleteFunc(got.rows, func(r changeRow) bool { return !s.ahead.told(r.Xact, r.ID) })
		if n := len(got.rows); got.more && n > 0 {
			got.place = from.after(s.ahead, got.rows[n-1].Xact, got.rows[n-1].ID)
		}
	}
	list, err := store.changed(ctx, from, got)
	if err != nil {
		return err
	}
	for _, c := range list {
		if s.maySee(c) && s.filter.Matches(c.filter) {
			s.caught = append(s.caught, c)
		}
	}
	if s.behind = &place; !got.more {
		s.behind = nil
	}
	return nil
}

// wants reports whether the subscriber may see a change, asked for it, and was not told
// of it before.
func (s *ChangeStream) wants(c *changed) bool {
	return s.maySee(c) && s.filter.Matches(c.filter) && !s.from.told(c.xact, c.id)
}

func (s *ChangeStream) maySee(c *changed) bool {
	switch s.actor.Role {
	case proofback.RoleAffiliate:
		return c.row.AffiliateID == s.actor.AffiliateID
	case proofback.RoleAdvertiser:
		return c.row.AdvertiserID == s.actor.AdvertiserID
	}
	return s.actor.IsStaff()
}

func (s *ChangeStream) show(c *changed) Change {
	return Change{Conversion: c.row.value(s.actor), Cursor: c.cursor, Shared: c.answer}
}

// offer adds to what waits for the subscriber.
func (s *ChangeStream) offer(list []*changed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != nil {
		return
	}
	before := len(s.waiting)
	for _, c := range list {
		if s.wants(c) {
			s.waiting = append(s.waiting, c)
		}
	}
	if len(s.waiting) > s.changes.config.MaxWaiting {
		s.waiting, s.why = nil, ErrSlowSubscriber
	} else if len(s.waiting) == before {
		return
	}
	s.wake()
}

// take gives what waits, or why nothing more will.
func (s *ChangeStream) take() (*changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != nil || len(s.waiting) == 0 {
		return nil, s.why
	}
	next := s.waiting[0]
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]
	return next, nil
}

// ended is why nothing more will be told.
func (s *ChangeStream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// fail ends the stream: what waits is not told any more, but can be asked for again by
// the last cursor.
func (s *ChangeStream) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		s.waiting, s.why = nil, why
	}
	s.wake()
}

func (s *ChangeStream) wake() {
	select {
	case s.word <- struct{}{}:
	default: // it has word already
	}
}

// Close ends the subscription.
func (s *ChangeStream) Close() {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	delete(s.changes.streams, s)
	delete(s.changes.all, s)
}

// snapshotNow is the place of somebody who was told of everything up to now.
func (s *Store) snapshotNow(ctx context.Context) (changePlace, error) {
	var text string
	if err := s.pool.QueryRow(ctx, `SELECT pg_current_snapshot()::text`).Scan(&text); err != nil {
		return changePlace{}, domainError(err)
	}
	p, ok := readSnapshot(text)
	if !ok {
		return changePlace{}, proofback.Internal("read a snapshot", errNoCursor)
	}
	return p, nil
}
