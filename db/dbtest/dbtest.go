// Package dbtest gives each test a Postgres database of its own, migrated and empty.
//
// The databases live in the Postgres that PROOFBACK_TEST_DATABASE_URL names, as
// under make test, else in one that the first test program starts and the others
// find (package shared). They are copies of a template that is migrated once, so
// one costs tens of milliseconds. The shared Postgres does without fsync:
// a test that kills Postgres itself starts its own with package embedded.
package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db"
)

// URL makes a database for the test and returns its URL, for a program under
// test or for more than one Store. The database goes when the test ends,
// whoever is still connected to it.
func URL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := connect()
	if err != nil {
		t.Fatalf("no Postgres for tests: %v", err)
	}
	name := fmt.Sprintf("%s%016x", testPrefix, rand.Uint64())
	if err := s.create(ctx, name); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := s.admin.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(s.url, name)
}

// Open opens a Store on a database of the test's own, and closes it when the test
// ends. The functions given may change how: a URL that they set is used as it is.
func Open(t testing.TB, change ...func(*db.Config)) *db.Store {
	t.Helper()
	sealer, err := db.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	c := db.Config{Sealer: sealer, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	if c.URL == "" {
		c.URL = URL(t)
	}
	s, err := db.Open(t.Context(), c)
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// withDatabase names another database in a connection URL.
func withDatabase(in, name string) string {
	u, err := url.Parse(in)
	if err != nil {
		return in // connecting with it has worked, so this does not happen
	}
	u.Path = "/" + name
	return u.String()
}
