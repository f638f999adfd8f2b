package db_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestADatabaseKeepsItsCurrency(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	open := func(currency string) *db.Store {
		return dbtest.Open(t, func(c *db.Config) { c.URL, c.Currency = url, currency })
	}
	for range 2 {
		if err := open("USD").PinCurrency(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
	}
	if err := open("EUR").PinCurrency(t.Context(), proofback.System()); proofback.CodeOf(err) != proofback.CodeConflict {
		t.Errorf("got %v", err)
	}
}

func TestOnceIsOnceHoweverManyStart(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	var times atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		s := dbtest.Open(t, func(c *db.Config) { c.URL = url })
		wg.Go(func() {
			err := s.Once(t.Context(), proofback.System(), "work", func(context.Context, time.Time) error {
				times.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := times.Load(); n != 1 {
		t.Errorf("done %d times", n)
	}
}

func TestOnceGoesOnAfterAnInterruption(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	interrupted := errors.New("interrupted")
	var first time.Time
	err := s.Once(t.Context(), proofback.System(), "work", func(_ context.Context, began time.Time) error {
		first = began
		return interrupted
	})
	if !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	err = s.Once(t.Context(), proofback.System(), "work", func(_ context.Context, began time.Time) error {
		if !began.Equal(first) {
			t.Errorf("it began at %s, and then at %s", first, began)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheSystemPins(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	admin := proofback.Actor{Role: proofback.RoleAdmin}
	if err := s.PinCurrency(t.Context(), admin); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("got %v", err)
	}
	if err := s.Once(t.Context(), admin, "work", nil); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("got %v", err)
	}
}
