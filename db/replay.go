package db

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Replay names logged requests that are to be put through today's rules again:
// those of IDs, or a page of those that Filter matches, oldest first, replays
// themselves left out.
type Replay struct {
	IDs    []uuid.UUID
	Filter *proofback.PostbackFilter
	After  *proofback.Cursor // with Filter: where the page before ended
	// DryRun tells what would be decided, and stores nothing.
	DryRun bool
}

// Replayed is what came of a Replay.
type Replayed struct {
	// Postbacks are the new log records; of a dry run, what they would be.
	Postbacks []*proofback.Postback
	Problems  proofback.Problems // requests that could not be replayed, by ["ids", position]
	Next      *proofback.Cursor  // with Filter: where to go on, nil at the end
}

// ReplayPostbacks puts logged requests through today's rules again, on the word
// of staff. Each is replayed or named in Problems on its own. An event counts as
// having happened when it was first received, unless the request says when.
// Nothing is credited twice: to the rules a replay is one more request about the
// same event.
func (s *Store) ReplayPostbacks(ctx context.Context, actor proofback.Actor, setup *Setup, keys *proofback.ClickKeys, r Replay) (*Replayed, error) {
	if err := cmp.Or(actor.RequireStaff(), actor.RequireChange()); err != nil {
		return nil, err
	}
	logged, next, err := s.toReplay(ctx, actor, &r)
	if err != nil {
		return nil, err
	}
	done := &Replayed{Next: next}
	var batch []*Incoming
	named := make(map[uuid.UUID]bool, len(r.IDs))
	for i, id := range r.IDs {
		if named[id] {
			continue
		}
		named[id] = true
		in, problem := s.replay(setup, keys, logged[id])
		if problem != nil {
			problem.Field = []string{"ids", strconv.Itoa(i)}
			done.Problems = append(done.Problems, problem)
			continue
		}
		batch = append(batch, in)
	}
	if len(batch) == 0 {
		return done, nil
	}
	decide := s.Decide
	if r.DryRun {
		decide = s.preview
	}
	log, err := decide(ctx, setup, batch)
	if err != nil {
		return nil, err
	}
	for i := range log {
		done.Postbacks = append(done.Postbacks, &log[i])
	}
	if r.DryRun {
		return done, nil
	}
	return done, s.noteDone(ctx, actor, proofback.KindPostback, r.IDs...)
}

// toReplay brings the requests that r names; those of a filter become its IDs.
func (s *Store) toReplay(ctx context.Context, actor proofback.Actor, r *Replay) (map[uuid.UUID]*proofback.Postback, *proofback.Cursor, error) {
	if r.Filter == nil {
		if len(r.IDs) == 0 || len(r.IDs) > proofback.MaxPage {
			return nil, nil, proofback.Invalid([]string{"ids"}, "name from 1 to %d requests", proofback.MaxPage)
		}
		logged, err := s.PostbacksByID(ctx, actor, r.IDs)
		return logged, nil, err
	}
	// The log is listed newest first: its oldest are the last page.
	w, err := s.Postbacks(ctx, actor, *r.Filter, proofback.Page{Limit: proofback.MaxPage, Backward: true, Before: r.After})
	if err != nil {
		return nil, nil, err
	}
	logged := make(map[uuid.UUID]*proofback.Postback, len(w.Items))
	for _, p := range slices.Backward(w.Items) {
		if p.ReplayOf == uuid.Nil {
			r.IDs = append(r.IDs, p.ID)
			logged[p.ID] = p
		}
	}
	if !w.HasMore {
		return logged, nil, nil
	}
	return logged, &proofback.Cursor{ID: w.Items[0].ID}, nil
}

// errPreview ends the transaction of a decision that is only looked at.
var errPreview = errors.New("db: only a preview")

// preview decides a batch as Decide does, and stores nothing.
func (s *Store) preview(ctx context.Context, setup *Setup, batch []*Incoming) ([]proofback.Postback, error) {
	b, err := s.gather(ctx, setup, batch)
	if err != nil {
		return nil, domainError(err)
	}
	b.preview = true
	log, err := b.decideOnce(ctx)
	if !errors.Is(err, errPreview) {
		return nil, domainError(err)
	}
	for i := range b.items {
		if b.items[i].decision.Made != nil {
			log[i].ConversionID = uuid.Nil // it is not there
		}
	}
	return log, nil
}

// replay makes a request of a log record; nil is one that there is not.
func (s *Store) replay(setup *Setup, keys *proofback.ClickKeys, p *proofback.Postback) (*Incoming, *proofback.Error) {
	switch {
	case p == nil:
		return nil, proofback.NotFound("request in the log")
	case p.ReplayOf != uuid.Nil:
		return nil, proofback.Errorf(proofback.CodeConflict, "this is a replay itself: name the request that was sent")
	}
	advertiser, known := setup.Snapshot().Advertiser(p.AdvertiserID)
	raw, problem := p.Again(advertiser)
	if problem != nil {
		return nil, problem
	}
	in := &Incoming{
		ID:         newID(),
		ReceivedAt: s.clock(),
		Method:     p.Method,
		URL:        p.URL,
		RemoteIP:   p.RemoteIP,
		ReplayOf:   p.ID,
		Read: func(sender proofback.Sender) proofback.Reading {
			sender.Guard = nil // its proof was checked when it came, and not kept
			reading := proofback.ReadRequest(raw, proofback.Credentials{}, sender, keys)
			reading.FirstReceivedAt = p.ReceivedAt
			if reading.Claim.EventAt.IsZero() {
				reading.Claim.EventAt = p.ReceivedAt
			}
			return reading
		},
	}
	if known && strings.HasPrefix(p.URL, "/postback/") {
		in.Endpoint = advertiser // its own endpoint was called
	}
	return in, nil
}
