package dbtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			s := dbtest.Open(t)
			if _, err := s.Pool().Exec(t.Context(), `CREATE TABLE mine (v int)`); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDatabasesComeMigrated(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	s := dbtest.Open(t, func(c *db.Config) { c.URL = url })
	var clicks, jobs int
	err := s.Pool().QueryRow(t.Context(), `
		SELECT
			(SELECT count(*) FROM clicks),
			(SELECT count(*) FROM river_job)`).Scan(&clicks, &jobs)
	if err != nil || clicks+jobs != 0 {
		t.Errorf("got %d clicks, %d jobs, %v", clicks, jobs, err)
	}
	if err := db.Migrate(t.Context(), url); err != nil {
		t.Errorf("migrating again: %v", err)
	}
}

func TestADatabaseGoesWithItsTestEvenWhenItIsInUse(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("", func(t *testing.T) {
		url = dbtest.URL(t)
		if _, err := pgx.Connect(t.Context(), url); err != nil { // and left open
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		_ = conn.Close(context.Background())
		t.Error("it is still there")
	}
}

func BenchmarkURL(b *testing.B) {
	for b.Loop() {
		b.Run("", func(b *testing.B) { dbtest.URL(b) })
	}
}
