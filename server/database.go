package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/embedded"
)

const (
	connectTimeout = 10 * time.Second
	minPostgres    = 150000 // server_version_num of the oldest that the schema works on
)

// openDatabase starts Postgres where none is given, and makes the Store. That a
// Postgres of the operator's cannot be reached is kept in unreached, and is no
// error yet.
func (p *program) openDatabase(ctx context.Context) error {
	s := p.settings
	if s.embedded() {
		cluster, err := embedded.Start(ctx, embedded.Config{Dir: s.clusterDir(), Log: p.log, KeepUp: true})
		if err != nil {
			return err
		}
		p.life.onStop("postgres", cluster.Stop)
		s.DatabaseURL = cluster.URL()
		if err := s.keepSecret(); err != nil {
			return fmt.Errorf("keep a JWT secret in the data folder: %w", err)
		}
	} else if err := s.probeDatabase(ctx); err != nil {
		if !isUnreached(err) {
			return err
		}
		p.unreached = err
	}
	if err := s.deriveKeys(); err != nil {
		return err
	}
	c, err := s.storeConfig()
	if err != nil {
		return err
	}
	c.Log, c.Tracer, c.CheckURL = p.log, s.slowLog(p.log), p.outbound().Checker()
	if p.store, err = db.OpenAway(ctx, c); err != nil {
		return err
	}
	p.life.onStop("database", func(context.Context) error {
		p.store.Close()
		return nil
	})
	p.ready.ping, p.ready.away = p.store.Ping, p.store.Away
	p.metrics.away(p.ready.lost)
	p.metrics.add(&pools{p.store.PoolStats})
	p.vitals = &vitals{away: p.store.Away, log: p.log, ask: func(ctx context.Context) (*db.Vitals, error) {
		return p.store.Vitals(ctx, proofback.System())
	}}
	p.metrics.add(p.vitals)
	p.ready.warning = p.vitals.warning
	return nil
}

// prepareDatabase brings the schema up to date, and makes sure that the database
// is the right one.
func (p *program) prepareDatabase(ctx context.Context) error {
	if err := db.Migrate(ctx, p.settings.DatabaseURL); err != nil {
		return err
	}
	return p.settings.pinCurrency(ctx, p.store)
}

// findNetwork finds out what the database holds.
func (p *program) findNetwork(ctx context.Context) error {
	var err error
	p.network, err = p.store.Network(ctx, proofback.System())
	return err
}

func (s *Settings) storeConfig() (db.Config, error) {
	sealer, err := db.NewSealer(s.secretsKey)
	return db.Config{URL: s.DatabaseURL, Currency: s.Currency, Sealer: sealer}, err
}

func (s *Settings) pinCurrency(ctx context.Context, store *db.Store) error {
	err := store.PinCurrency(ctx, proofback.System())
	if proofback.CodeOf(err) == proofback.CodeConflict {
		return wrong("PROOFBACK_CURRENCY", "is %s, but %s: expected the one it was first started with", s.Currency, err)
	}
	return err
}

// probeDatabase makes sure that a Postgres of the operator's answers and is new
// enough, so that what is wrong is told by the setting's name.
func (s *Settings) probeDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	const expected = "expected a Postgres 15 or newer that can be reached"
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return &unreachedError{wrong("DATABASE_URL", "does not work (%s): %s", oneLine(err), expected)}
	}
	defer func() { _ = conn.Close(ctx) }()
	var version int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return &unreachedError{wrong("DATABASE_URL", "does not work (%s): %s", oneLine(err), expected)}
	}
	if version < minPostgres {
		return wrong("DATABASE_URL", "leads to a Postgres %d: %s", version/10000, expected)
	}
	return nil
}

// unreachedError is that a Postgres cannot be reached, which may change.
type unreachedError struct{ error }

func (e *unreachedError) Unwrap() error { return e.error }

func isUnreached(err error) bool {
	_, ok := errors.AsType[*unreachedError](err)
	return ok
}
