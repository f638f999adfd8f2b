// Package demo fills an empty network with partners, offers and a month of
// believable traffic, and plays the outside world for it: a landing page that
// shows the click id it was given, and a sink that shows which outbound postbacks
// came in.
//
// Nothing is written past the rules. The set-up (network.go) goes through the
// Store's methods on behalf of staff; clicks (visits.go) are judged as a visitor's
// are; events (events.go) are postbacks, many of them faulty (faults.go), that are
// read and decided like any other. The month is told day by day (history.go) by a
// Store whose clock is turned back, from a seed, so that it is the same each time.
// It is loaded once for a database; what else is there is left alone.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Config says where the demo network is loaded.
type Config struct {
	// DB is how Store was opened; the past is told through another Store on it.
	DB db.Config
	// Store is the network's, with its Enqueuer.
	Store *db.Store
	Keys  *proofback.ClickKeys
	// Hash makes what is stored of a password.
	Hash func(ctx context.Context, password string) (string, error)
	// PublicURL is the base of the landing page, SinkURL that of the sink, both
	// without a slash at the end.
	PublicURL string
	SinkURL   string
	Log       *slog.Logger
}

// days is how long the network has been running when it is loaded.
const days = 30

// seed makes every demo network the same.
const seed = "proofback's demonstration network" // 32 bytes are used

// loader loads the network.
type loader struct {
	Config
	past  *db.Store // with a clock of our own
	clock clock
	setup *db.Setup // of past
	rand  *rand.Rand
	bits  *rand.ChaCha8 // beneath rand
	began time.Time

	names   map[string]uuid.UUID // of partners, offers and users, by name or e-mail
	manager proofback.Actor
	links   []link
	fresh   []*visit // of the last days, of which nothing has come yet

	partitions chan error // tells when those of the month are there
}

// clock is a clock that stands where it is put.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) set(t time.Time) { c.at.Store(&t) }
func (c *clock) now() time.Time  { return *c.at.Load() }

// Load loads the demo network, unless this database has had it. Whatever
// interrupts it, the next call goes on.
func Load(ctx context.Context, c Config) error {
	err := c.Store.Once(ctx, proofback.System(), "demo network", c.load)
	if err == nil {
		err = c.follow(ctx)
	}
	if err != nil {
		return fmt.Errorf("demo network: %w", err)
	}
	return nil
}

func (c Config) load(ctx context.Context, began time.Time) error {
	start := time.Now()
	l := &loader{Config: c, began: began.UTC(), names: map[string]uuid.UUID{}}
	l.bits = rand.NewChaCha8([32]byte([]byte(seed)[:32]))
	l.rand = rand.New(l.bits) //nolint:gosec // the same network each time is what is wanted
	l.clock.set(l.day(0).AddDate(0, 0, -7))
	c.DB.Now, c.DB.MaxConns = l.clock.now, pastConns
	var err error
	if l.past, err = db.Open(ctx, c.DB); err != nil {
		return err
	}
	defer l.past.Close()
	l.partitions = make(chan error, 1)
	go func() { // while passwords are hashed
		_, err := l.past.MakePartitions(ctx, l.day(0), l.began)
		l.partitions <- err
	}()
	for _, step := range []func(context.Context) error{l.network, l.history, l.today} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	c.Log.InfoContext(ctx, "the demo network is loaded", "took_ms", time.Since(start).Milliseconds())
	return nil
}

// pastConns is how many connections tell the past: as many as passwords are
// hashed at once.
const pastConns = 6

// day is the UTC midnight that begins a day of the history, counted from 0.
func (l *loader) day(n int) time.Time {
	return l.began.Truncate(24*time.Hour).AddDate(0, 0, n-days)
}

// id makes a UUIDv7 of a moment.
func (l *loader) id(at time.Time) uuid.UUID {
	id, err := proofback.NewUUIDv7(at, l.bits)
	if err != nil {
		panic(err) // ChaCha8 does not fail, and the month is not before 1970
	}
	return id
}

// chance is true with probability p.
func (l *loader) chance(p float64) bool { return l.rand.Float64() < p }

// pick gives one of a list.
func pick[T any](l *loader, list []T) T { return list[l.rand.IntN(len(list))] }
