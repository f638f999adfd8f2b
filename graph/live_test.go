package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

const changesQuery = `subscription($filter: ConversionFilter, $after: String) {
	conversionChanged(filter: $filter, after: $after) { id status payout { amount } revenue { amount } offer { name } changeCursor }
}`

func TestSubscribersAreToldOfTheirConversions(t *testing.T) {
	t.Parallel()
	w := newTenants(t)
	w.tellChanges()
	staff := w.subscribe(manager, changesQuery, nil)
	affiliate := w.subscribe(w.own.affiliate, changesQuery, nil)
	advertiser := w.subscribe(w.own.advertiser, changesQuery, nil)
	contract := w.subscribe(w.own.affiliate, operationText(t, "ConversionChanges"), vars{"filter": vars{"statuses": []string{"REJECTED"}}})
	foreign := []*eventStream{
		w.subscribe(w.foreign.affiliate, changesQuery, nil),
		w.subscribe(w.foreign.advertiser, changesQuery, nil),
		w.subscribe(w.own.affiliate, changesQuery, vars{"filter": vars{"statuses": []string{"PENDING"}}}),
	}
	id := w.own.ids[proofback.KindConversion]
	reject := func() {
		t.Helper()
		w.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{id}, "reason": "kept after all"}})
		w.must(manager, "RejectConversions", vars{"input": vars{"ids": []string{id}, "reason": "returned"}})
	}
	reject()
	var cursor string
	for name, tt := range map[string]struct {
		stream          *eventStream
		payout, revenue bool
	}{"staff": {staff, true, true}, "the affiliate": {affiliate, true, false}, "the advertiser": {advertiser, false, true}} {
		got := tt.stream.next()
		if got.at("conversionChanged", "id") != id || got.at("conversionChanged", "offer", "name") == nil ||
			(got.at("conversionChanged", "payout") != nil) != tt.payout || (got.at("conversionChanged", "revenue") != nil) != tt.revenue {
			t.Errorf("%s is told %v %+v", name, got.Data, got.Errors)
		}
		if name == "the affiliate" {
			cursor = got.id("conversionChanged", "changeCursor")
		}
	}
	if got := contract.next(); got.at("conversionChanged", "status") != "REJECTED" || got.at("conversionChanged", "revenue") != nil {
		t.Errorf("the contract's subscription is told %v %+v", got.Data, got.Errors)
	}
	affiliate.close()
	reject()
	resumed := w.subscribe(w.own.affiliate, changesQuery, vars{"after": cursor}).next()
	if resumed.at("conversionChanged", "id") != id || resumed.id("conversionChanged", "changeCursor") == cursor {
		t.Errorf("whoever comes back is told %v %+v", resumed.Data, resumed.Errors)
	}
	for _, s := range foreign {
		if text, _ := s.text(100 * time.Millisecond); text != "" {
			t.Errorf("told to somebody else: %s", text)
		}
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if got := a.subscribe(admin, changesQuery, nil).next(); got.code() != "INTERNAL" {
		t.Errorf("where nothing is told: %+v", got.Errors)
	}
	a.tellChanges()
	for name, tt := range map[string]struct {
		actor proofback.Actor
		vars  vars
		want  string
	}{
		"nobody":            {nobody, nil, "UNAUTHENTICATED"},
		"a wrong cursor":    {admin, vars{"after": "x"}, "BAD_USER_INPUT"},
		"a wrong id":        {admin, vars{"filter": vars{"offerId": "x"}}, "BAD_USER_INPUT"},
		"a wrong variable":  {admin, vars{"filter": vars{"x": "x"}}, "BAD_USER_INPUT"},
		"a cursor of later": {admin, vars{"after": "gICAgICAgIABAA"}, "BAD_USER_INPUT"},
	} {
		if got := a.subscribe(tt.actor, changesQuery, tt.vars).next(); got.code() != tt.want {
			t.Errorf("%s: %+v", name, got.Errors)
		}
	}
	if got := a.do(admin, changesQuery, nil); got.code() != "BAD_USER_INPUT" {
		t.Errorf("by an ordinary POST: %+v", got.Errors)
	}
}

// What a change shows is fetched once for all who see the same of it.
func TestManySubscribersCostTheStatementsOfOne(t *testing.T) {
	t.Parallel()
	sent := &counter{}
	w := newTenants(t, func(c *db.Config) { c.Tracer = sent })
	w.tellChanges()
	query := operationText(t, "ConversionChanges")
	id := w.own.ids[proofback.KindConversion]
	w.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{id}, "reason": "kept after all"}})
	var streams []*eventStream
	cost := func(subscribers int) int64 {
		for i := len(streams); i < subscribers; i++ {
			// What they are told of is not what it looks like.
			streams = append(streams, w.subscribe(w.own.affiliate, query, vars{"filter": vars{"from": fmt.Sprintf("2020-01-%02dT00:00:00Z", i+1)}}))
		}
		w.settled(subscribers)
		before := sent.Load()
		w.must(manager, "RejectConversions", vars{"input": vars{"ids": []string{id}, "reason": "returned"}})
		for _, s := range streams {
			s.next()
		}
		spent := sent.Load() - before
		w.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{id}, "reason": "kept after all"}})
		for _, s := range streams {
			s.next()
		}
		return spent
	}
	// Changes are looked for on the quarter, and whoever is signed in, as well.
	if one, many := cost(1), cost(25); many > one+20 {
		t.Errorf("one subscriber costs %d statements, 25 cost %d", one, many)
	}
}

// settled waits until there are so many subscribers.
func (a *api) settled(subscribers int) {
	a.t.Helper()
	deadline := time.Now().Add(soon)
	for a.resolver.Changes.Subscribers() != subscribers {
		if time.Now().After(deadline) {
			a.t.Fatalf("%d subscribers", a.resolver.Changes.Subscribers())
		}
		<-time.After(time.Millisecond)
	}
}

// What waits for a subscription is bounded; so is how many of them one client has.
func TestAClientHasOnlySoManySubscriptions(t *testing.T) {
	t.Parallel()
	a := newAPIWith(t, func(r *graph.Resolver) { r.Limits.Subscriptions = 3 })
	a.tellChanges()
	s := a.open(t, manager)
	for _, id := range []string{"1", "2"} {
		s.ask(id, changesQuery, nil)
	}
	events := a.subscribe(manager, changesQuery, nil)
	a.settled(3)
	s.ask("4", changesQuery, nil)
	if f := s.expect("error"); f.ID != "4" || !strings.Contains(string(f.Payload), `"RATE_LIMITED"`) {
		t.Errorf("one too many: %s %s", f.ID, f.Payload)
	}
	if got := a.subscribe(manager, changesQuery, nil).next(); got.code() != "RATE_LIMITED" {
		t.Errorf("one too many: %+v", got.Errors)
	}
	other := a.open(t, admin)
	other.ask("1", changesQuery, nil)
	a.settled(4)
	events.close()
	a.settled(3)
	s.say(`{"type":"complete","id":"1"}`)
	a.settled(2)
	for _, id := range []string{"5", "6"} {
		s.ask(id, changesQuery, nil)
	}
	a.settled(4)
}
