package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Setup keeps a Snapshot of the set-up in memory, so that a click needs no
// query before it is stored. Run keeps it fresh: Postgres tells of each change,
// so that it shows within a fraction of a second. What a click or postback names
// and the snapshot does not know is looked up once before it is called unknown,
// so that a link works at once wherever it was made.
type Setup struct {
	store   *Store
	terms   *termsCache
	unknown *unknownNames

	zones sync.Map // of *time.Location, by name

	current atomic.Pointer[Snapshot]
	changed chan struct{} // holds one: something changed since it was last read
	file    *setupFile    // where it is kept; nil for nowhere
	unkept  chan struct{} // holds one: it was read since it was last kept

	// loading holds one while a snapshot is being read; whoever holds it may use
	// what follows.
	loading chan struct{}
	began   time.Time // when the read of the current snapshot began
	took    time.Duration
}

// loadTimeout bounds one reading of the set-up, and one look-up.
const loadTimeout = 10 * time.Second

// NewSetup reads the first snapshot. It stays as it is unless Run runs.
func (s *Store) NewSetup(ctx context.Context) (*Setup, error) {
	u := s.newSetup()
	return u, u.Refresh(ctx)
}

func (s *Store) newSetup() *Setup {
	u := &Setup{
		store:   s,
		terms:   newTermsCache(),
		unknown: newUnknownNames(),
		changed: make(chan struct{}, 1),
		unkept:  make(chan struct{}, 1),
		loading: make(chan struct{}, 1),
	}
	u.current.Store(&Snapshot{})
	return u
}

// Snapshot gives the current one. Whoever needs several things that agree takes
// them from the same Snapshot.
func (u *Setup) Snapshot() *Snapshot { return u.current.Load() }

// Refresh sees to it that the snapshot is no older than the call. Callers at the
// same time share a read. On an error the old snapshot stays.
func (u *Setup) Refresh(ctx context.Context) error {
	asked := time.Now()
	select {
	case u.loading <- struct{}{}:
		defer func() { <-u.loading }()
	case <-ctx.Done():
		return domainError(ctx.Err())
	}
	if u.began.After(asked) {
		return nil
	}
	// Others may be waiting for this read: it does not end with its caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	began := time.Now()
	err := u.store.readTx(ctx, proofback.System(), func(ctx context.Context, tx *tx) error {
		n, err := u.read(ctx, tx)
		if err == nil {
			u.current.Store(n)
		}
		return err
	})
	if err == nil {
		u.began, u.took = began, time.Since(began)
		select {
		case u.unkept <- struct{}{}:
		default: // that it is to be kept is known
		}
	}
	return err
}

// Link gives the link of a code, or NOT_FOUND; UNAVAILABLE when the code is not
// known here and the database could not be asked.
func (u *Setup) Link(ctx context.Context, code string) (*Link, error) {
	return look(ctx, u, code, lookup[Link]{
		what:   "tracking link",
		find:   (*Snapshot).Link,
		exists: `SELECT EXISTS (SELECT FROM tracking_links WHERE code = $1)`,
	})
}

// AdvertiserByKey gives the advertiser whose own endpoint ends in key, with
// errors as of Link.
func (u *Setup) AdvertiserByKey(ctx context.Context, key string) (*proofback.Advertiser, error) {
	return look(ctx, u, key, lookup[proofback.Advertiser]{
		what:   "postback endpoint",
		find:   (*Snapshot).AdvertiserByKey,
		exists: `SELECT EXISTS (SELECT FROM advertisers WHERE postback_key = $1)`,
	})
}

// TermsByID gives terms, in force or of old, by their ids. Ids that no terms
// have are absent from what it gives.
func (u *Setup) TermsByID(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*proofback.Terms, error) {
	found, err := u.terms.load(ctx, u.store.bun, ids, u.Snapshot())
	return found, domainError(err)
}

// atHand gives terms and their advertiser, if nobody must be asked for them.
func (u *Setup) atHand(terms uuid.UUID) (*proofback.Terms, *proofback.Advertiser, bool) {
	n := u.Snapshot()
	t, ok := n.Terms(terms)
	if !ok {
		t, ok = u.terms.lru.Get(terms)
	}
	if !ok {
		return nil, nil, false
	}
	a, ok := n.Advertiser(t.AdvertiserID)
	return t, a, ok
}

// advertiser gives an advertiser that is known to exist: one that the snapshot
// does not have yet was made a moment ago.
func (u *Setup) advertiser(ctx context.Context, id uuid.UUID) (*proofback.Advertiser, error) {
	if a, ok := u.Snapshot().Advertiser(id); ok {
		return a, nil
	}
	if err := u.Refresh(ctx); err != nil {
		return nil, err
	}
	if a, ok := u.Snapshot().Advertiser(id); ok {
		return a, nil
	}
	return nil, proofback.Internal("find an advertiser", fmt.Errorf("%s is not in the set-up", id))
}

// zone gives a time zone by its name; it is read from the system once.
func (u *Setup) zone(name string) (*time.Location, error) {
	if z, ok := u.zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, proofback.Internal("find a time zone", err)
	}
	u.zones.Store(name, z)
	return z, nil
}
