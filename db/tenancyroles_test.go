package db_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// ownedBy makes a user with some rights who owns an empty database, and gives the URL
// that it connects with.
func ownedBy(t *testing.T, super *pgxpool.Pool, base, rights string) (user, at string) {
	t.Helper()
	name := "proofback_test_db_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	user = name + "_owner"
	for _, sql := range []string{
		"CREATE ROLE " + user + " LOGIN PASSWORD 'x' " + rights,
		"CREATE DATABASE " + name + " OWNER " + user,
	} {
		if _, err := super.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, sql := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "DROP ROLE " + user} {
			if _, err := super.Exec(context.Background(), sql); err != nil {
				t.Error(err)
			}
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword(user, "x"), "/"+name
	return user, u.String()
}

func TestAUserWhoIsNoSuperuserOwnsADatabase(t *testing.T) {
	t.Parallel()
	base := dbtest.URL(t)
	super, err := pgxpool.New(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(super.Close)

	works := func(t *testing.T, at string) {
		t.Helper()
		if err := db.Migrate(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		store := dbtest.Open(t, func(c *db.Config) { c.URL = at })
		err := store.ReadAs(t.Context(), proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: uuid.New()}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT FROM clicks`)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := store.Clicks(t.Context(), proofback.System(), proofback.ClickFilter{}, all); err != nil {
			t.Error(err)
		}
	}
	t.Run("that may make roles", func(t *testing.T) {
		var version int
		if err := super.QueryRow(t.Context(), `SELECT current_setting('server_version_num')::integer`).Scan(&version); err != nil {
			t.Fatal(err)
		}
		_, at := ownedBy(t, super, base, "CREATEROLE")
		if version < 160000 { // since then only roles that it has made itself
			works(t, at)
		}
	})
	t.Run("that was given the roles", func(t *testing.T) {
		user, at := ownedBy(t, super, base, "")
		err := db.Migrate(t.Context(), at)
		want := fmt.Sprintf("let a superuser run CREATE ROLE proofback_affiliate NOLOGIN; CREATE ROLE proofback_advertiser NOLOGIN; GRANT proofback_affiliate, proofback_advertiser TO %s", user)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := super.Exec(t.Context(), "GRANT proofback_affiliate, proofback_advertiser TO "+user); err != nil {
			t.Fatal(err)
		}
		works(t, at)
	})
}

// TestRolesAreMadeByManyAtTheSameTime has them meet, as databases of one cluster do
// that are migrated for the first time.
func TestRolesAreMadeByManyAtTheSameTime(t *testing.T) {
	t.Parallel()
	base := dbtest.URL(t)
	super, err := pgxpool.New(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(super.Close)
	_, at := ownedBy(t, super, base, "CREATEROLE")
	pool, err := pgxpool.New(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	role := "proofback_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	t.Cleanup(func() {
		if _, err := super.Exec(context.Background(), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	const many = 4
	made := make(chan error, many)
	for range many {
		go func() { made <- db.EnsureRole(t.Context(), pool, role) }()
	}
	for range many {
		if err := <-made; err != nil {
			t.Error(err)
		}
	}
}
