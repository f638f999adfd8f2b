package db

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// ReplayPostbacks puts logged requests through today's rules again, on the word
// of staff, and gives the new log records. Each is replayed or named in problems
// on its own, under ["ids", its position]. An event counts as having happened
// when it was first received, unless the request says when. Nothing is credited
// twice: to the rules a replay is one more request about the same event.
func (s *Store) ReplayPostbacks(ctx context.Context, actor proofback.Actor, setup *Setup, keys *proofback.ClickKeys, ids []uuid.UUID) ([]*proofback.Postback, proofback.Problems, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, nil, err
	}
	if len(ids) == 0 || len(ids) > proofback.MaxPage {
		return nil, nil, proofback.Invalid([]string{"ids"}, "name from 1 to %d requests", proofback.MaxPage)
	}
	logged, err := s.PostbacksByID(ctx, actor, ids)
	if err != nil {
		return nil, nil, err
	}
	var problems proofback.Problems
	var batch []*Incoming
	named := make(map[uuid.UUID]bool, len(ids))
	for i, id := range ids {
		if named[id] {
			continue
		}
		named[id] = true
		in, problem := s.replay(setup, keys, logged[id])
		if problem != nil {
			problem.Field = []string{"ids", strconv.Itoa(i)}
			problems = append(problems, problem)
			continue
		}
		batch = append(batch, in)
	}
	if len(batch) == 0 {
		return nil, problems, nil
	}
	log, err := s.Decide(ctx, setup, batch)
	if err != nil {
		return nil, nil, err
	}
	replays := make([]*proofback.Postback, len(log))
	for i := range log {
		replays[i] = &log[i]
	}
	return replays, problems, nil
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
