package db

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
)

// Bounds of what names that nobody made may cost the database.
const (
	maxNameBytes    = 100  // longer ones are nobody's
	unknownNamesMax = 4096 // remembered as unknown …
	unknownFor      = 2 * time.Second
	lookupsASecond  = 500 // … and others looked up, with as many more in a burst
)

// unknownNames guards the database against names that do not exist.
type unknownNames struct {
	since   *lru.Cache[string, time.Time]
	limit   *rate.Limiter
	flights singleflight.Group
}

func newUnknownNames() *unknownNames {
	return &unknownNames{
		since: newLRU[string, time.Time](unknownNamesMax),
		limit: rate.NewLimiter(lookupsASecond, lookupsASecond),
	}
}

// lookup says how a thing is found by its name.
type lookup[T any] struct {
	what   string
	find   func(*Snapshot, string) (*T, bool)
	exists string // SQL: is there such a name?
}

// look finds a thing in the snapshot, or in a fresh one when the database says
// that it exists.
func look[T any](ctx context.Context, u *Setup, name string, l lookup[T]) (*T, error) {
	if v, ok := l.find(u.Snapshot(), name); ok {
		return v, nil
	}
	if name == "" || len(name) > maxNameBytes || !storable(name) {
		return nil, proofback.NotFound(l.what)
	}
	key := l.exists + name
	if at, ok := u.unknown.since.Get(key); ok && time.Since(at) < unknownFor {
		return nil, proofback.NotFound(l.what)
	}
	if u.store.Away() {
		return nil, ErrAway
	}
	if !u.unknown.limit.Allow() {
		return nil, proofback.Errorf(proofback.CodeUnavailable, "too many unknown names are being asked for: try again")
	}
	_, err, _ := u.unknown.flights.Do(key, func() (any, error) {
		return nil, u.meet(context.WithoutCancel(ctx), name, l.exists, key)
	})
	if err != nil {
		return nil, err
	}
	if v, ok := l.find(u.Snapshot(), name); ok {
		return v, nil
	}
	return nil, proofback.NotFound(l.what)
}

// meet takes a name into the snapshot if it exists, and else remembers for a
// moment that it does not.
func (u *Setup) meet(ctx context.Context, name, query, key string) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var exists bool
	if err := u.store.pool.QueryRow(ctx, query, name).Scan(&exists); err != nil {
		return domainError(err)
	}
	if !exists {
		u.unknown.since.Add(key, time.Now())
		return nil
	}
	return u.Refresh(ctx)
}

// storable reports whether Postgres can keep s as text: UTF-8 without NUL.
func storable(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}
