package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"github.com/proofback/proofback"
)

// counters sees to it that counters are there before a click, or a postback, needs
// them. Counting what is stored may take seconds: only the visitors of that offer
// wait for it, or the batches that it limits, and no transaction does.
type counters struct {
	pool    *pgxpool.Pool
	make    func(context.Context, *pgxpool.Pool, capSet) error
	made    *lru.Cache[capKey, struct{}]
	flights singleflight.Group

	calendars sync.Map // by offer: the *time.Location that it was last counted by
}

const (
	// knownCounters is how many counters are remembered as made.
	knownCounters = 1 << 14
	// makeCountersTimeout bounds one counting. Visitors give up before, and find the
	// counter made when they come again.
	makeCountersTimeout = time.Minute
)

func newCounters(pool *pgxpool.Pool, how func(context.Context, *pgxpool.Pool, capSet) error) *counters {
	return &counters{pool: pool, make: how, made: newLRU[capKey, struct{}](knownCounters)}
}

// ensure makes the counters of set that are not known to be there.
func (m *counters) ensure(ctx context.Context, set capSet) error {
	if m.has(set) {
		return nil
	}
	made := m.flights.DoChan(fmt.Sprint(set), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeCountersTimeout)
		defer cancel()
		return nil, m.make(ctx, m.pool, set)
	})
	select {
	case r := <-made:
		if r.Err != nil {
			return r.Err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	for k := range set {
		m.made.Add(k, struct{}{})
	}
	return nil
}

// has takes those that are known to be there out of a set, and reports whether that is all.
func (m *counters) has(set capSet) bool {
	for k := range set {
		if _, ok := m.made.Get(k); ok {
			delete(set, k)
		}
	}
	return len(set) == 0
}

// forget has every counter looked for again.
func (m *counters) forget() { m.made.Purge() }

// under notes the calendar that an offer is counted by. Where it is another one than before,
// counters that are known to be there may have been passed by since (recountPassedBy).
func (m *counters) under(offer uuid.UUID, zone *time.Location) {
	if last, ok := m.calendars.Load(offer); ok && last == zone {
		return
	}
	if _, known := m.calendars.Swap(offer, zone); known {
		m.forget()
	}
}

// isCounted reports whether a click counts for anything.
func (w *ClickWriter) isCounted(c *proofback.Click) bool {
	return c.Counts() && w.setup.Snapshot().counted[c.OfferID]
}

// counted says what a click counts for, nil for nothing, and has the counters made.
func (w *ClickWriter) counted(ctx context.Context, c *proofback.Click) (*countedClick, error) {
	if !w.isCounted(c) {
		return nil, nil //nolint:nilnil // nil is a click that counts for nothing
	}
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	terms, err := w.setup.TermsByID(ctx, []uuid.UUID{c.TermsID})
	if err != nil {
		return nil, err
	}
	if terms[c.TermsID] == nil {
		return nil, proofback.Internal("judge a click", fmt.Errorf("there are no terms %s", c.TermsID))
	}
	a, err := w.setup.advertiser(ctx, c.AdvertiserID)
	if err != nil {
		return nil, err
	}
	zone, err := w.setup.zone(a.TimeZone)
	if err != nil {
		return nil, err
	}
	w.counters.under(c.OfferID, zone)
	n := newCountedClick(c, terms[c.TermsID].Caps, zone)
	return n, domainError(w.counters.ensure(ctx, n.needed()))
}

// countedClicks says what each of clicks counts for, nil for nothing, and makes the
// counters.
func (s *Store) countedClicks(ctx context.Context, clicks []proofback.Click) ([]*countedClick, error) {
	counted := make([]*countedClick, len(clicks))
	terms := map[uuid.UUID]countedTerms{}
	for i := range clicks {
		if clicks[i].Counts() {
			terms[clicks[i].TermsID] = countedTerms{}
		}
	}
	if err := s.findCountedTerms(ctx, terms); err != nil {
		return nil, err
	}
	needed := capSet{}
	for i := range clicks {
		t := terms[clicks[i].TermsID]
		if t.zone == nil || !clicks[i].Counts() {
			continue
		}
		counted[i] = newCountedClick(&clicks[i], t.caps, t.zone)
		for k, ends := range counted[i].needed() {
			needed[k] = ends
		}
	}
	return counted, makeClickCounters(ctx, s.pool, needed)
}

// countedTerms is what terms say of clicks; no zone says that nobody counts them.
type countedTerms struct {
	caps []proofback.Cap
	zone *time.Location
}

// findCountedTerms fills in those of terms whose offers' clicks are counted.
func (s *Store) findCountedTerms(ctx context.Context, terms map[uuid.UUID]countedTerms) error {
	if len(terms) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(terms))
	for id := range terms {
		ids = append(ids, id)
	}
	rows, err := s.pool.Query(ctx, `
		SELECT t.id, t.body, a.time_zone
		FROM terms AS t
		JOIN advertisers AS a ON a.id = t.advertiser_id
		WHERE t.id = ANY ($1)
		AND t.offer_id IN (SELECT offer_id FROM terms WHERE `+countsClicks+`)`, ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var body proofback.Terms
	var zone string
	_, err = pgx.ForEachRow(rows, []any{&id, &body, &zone}, func() error {
		at, err := time.LoadLocation(zone)
		terms[id] = countedTerms{body.Caps, at}
		body = proofback.Terms{}
		return err
	})
	return err
}
