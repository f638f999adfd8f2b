package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/embedded"
)

type migrateCommand struct{}

// Run migrates the operator's database, or the embedded one.
func (migrateCommand) Run(s *Settings, out io.Writer) (err error) {
	return s.withDatabase(func(context.Context) error {
		version, err := db.SchemaVersion()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, "the database is at schema", version)
		return err
	})
}

// withDatabase brings the operator's database, or the embedded one, to this
// version's schema, and lets a command work on it.
func (s *Settings) withDatabase(work func(context.Context) error) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	ctx, cancel := interrupted(context.Background())
	defer cancel()
	leave, err := s.reachDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	if err := db.Migrate(ctx, s.DatabaseURL); err != nil {
		return err
	}
	return work(ctx)
}

// reachDatabase makes sure that there is a database at DatabaseURL until leave is
// called. The embedded one is started and stopped, but for one that a program of ours
// is running on.
func (s *Settings) reachDatabase(ctx context.Context) (leave func() error, err error) {
	nothing := func() error { return nil }
	if !s.embedded() {
		return nothing, s.probeDatabase(ctx)
	}
	cluster, err := embedded.Start(ctx, embedded.Config{Dir: s.clusterDir(), Log: newLog(os.Stderr, s.logLevel)})
	if err == nil {
		s.DatabaseURL = cluster.URL()
		return func() error { return cluster.Stop(ctx) }, nil
	}
	if _, inUse := errors.AsType[*embedded.InUseError](err); inUse {
		if url, ok := embedded.Running(ctx, s.clusterDir()); ok {
			s.DatabaseURL = url
			return nothing, nil
		}
	}
	return nil, err
}

// withStore is withDatabase for a command that needs nobody's secrets.
func (s *Settings) withStore(work func(context.Context, *db.Store) error) error {
	return s.withDatabase(func(ctx context.Context) error {
		store, err := db.Open(ctx, db.Config{URL: s.DatabaseURL, Currency: s.Currency})
		if err != nil {
			return err
		}
		defer store.Close()
		if err := s.pinCurrency(ctx, store); err != nil {
			return err
		}
		return work(ctx, store)
	})
}

type tokenCommand struct {
	Role       proofback.Role `required:"" placeholder:"ROLE" help:"ADMIN, MANAGER, AFFILIATE or ADVERTISER."`
	Affiliate  string         `xor:"partner" placeholder:"ID" help:"The affiliate, for AFFILIATE: its id as GraphQL shows it."`
	Advertiser string         `xor:"partner" placeholder:"ID" help:"The advertiser, for ADVERTISER."`
	TTL        time.Duration  `name:"ttl" default:"1h" placeholder:"DURATION" help:"How long it is good (default ${default})."`
}

// Run prints a token.
func (c *tokenCommand) Run(s *Settings, out io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := s.requireSecret(); err != nil {
		return err
	}
	if s.JWTSecret == "" {
		secret, err := s.readKeptSecret()
		if errors.Is(err, fs.ErrNotExist) {
			return wrong("PROOFBACK_JWT_SECRET", "is not set, and none is kept in %s: expected it to be set, or the program to have been started there once", s.DataDir)
		}
		if err != nil {
			return err
		}
		s.JWTSecret = secret
	}
	actor, err := c.actor()
	if err != nil {
		return err
	}
	if c.TTL <= 0 {
		return wrong("--ttl", "is %s: expected more than nothing, such as 1h", c.TTL)
	}
	tokens, err := s.tokens(slog.Default())
	if err != nil {
		return err
	}
	token, _, err := tokens.Sign(actor, c.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, token)
	return err
}

func (c *tokenCommand) actor() (proofback.Actor, error) {
	a := proofback.Actor{Role: c.Role}
	for _, partner := range []struct {
		flag, value string
		kind        proofback.Kind
		id          *uuid.UUID
	}{
		{"--affiliate", c.Affiliate, proofback.KindAffiliate, &a.AffiliateID},
		{"--advertiser", c.Advertiser, proofback.KindAdvertiser, &a.AdvertiserID},
	} {
		if partner.value == "" {
			continue
		}
		id, err := proofback.ParseIDOf(partner.kind, partner.value)
		if err != nil {
			return a, wrong(partner.flag, "cannot be used (%s): expected an id as GraphQL shows it", err)
		}
		*partner.id = id
	}
	if a.Role == proofback.RoleSystem || a.Validate() != nil {
		return a, wrong("--role", "is %s: expected ADMIN or MANAGER, or AFFILIATE with --affiliate, or ADVERTISER with --advertiser", c.Role)
	}
	return a, nil
}

type versionCommand struct{}

// Run prints the version that was linked in, else the module's.
func (versionCommand) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "proofback", versionText())
	return err
}

func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
