package proofback

import (
	"bytes"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAClockNeverGoesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wall := anyMoment.Draw(t, "start")
		c := NewClock(func() time.Time { return wall }, nil)
		last, newest := time.Time{}, time.Time{}
		for range rapid.IntRange(1, 50).Draw(t, "looks") {
			wall = wall.Add(time.Duration(rapid.Int64Range(-int64(2*time.Hour), int64(time.Hour)).Draw(t, "set by")))
			now := c.Now()
			if !now.After(last) {
				t.Fatalf("%v after %v", now, last)
			}
			if wall.After(newest) {
				newest = wall
			}
			if ahead := now.Sub(newest); ahead < 0 || ahead > 50*clockTick {
				t.Fatalf("%v is told, and the wall has shown %v at most", now, newest)
			}
			last = now
		}
	})
}

func TestIDsSortAsTheyWereMadeWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := NewClock(func() time.Time { return wall }, nil)
	var made [][]byte
	for i := range 10_000 {
		if i == 5000 {
			wall = wall.Add(-time.Hour)
		}
		id, err := NewUUIDv7(c.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, id[:])
	}
	if !slices.IsSortedFunc(made, bytes.Compare) {
		t.Error("they do not")
	}
}

func TestItIsToldOnceThatTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var told []time.Duration
	c := NewClock(func() time.Time { return wall }, func(by time.Duration) { told = append(told, by.Round(time.Millisecond)) })
	for _, step := range []time.Duration{0, -500 * time.Millisecond, time.Second, -time.Hour, time.Minute, 2 * time.Hour, -time.Minute} {
		wall = wall.Add(step)
		for range 3 {
			c.Now()
		}
	}
	if want := []time.Duration{time.Hour, time.Minute}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

func TestAClockMayBeLookedAtByMany(t *testing.T) {
	t.Parallel()
	c := NewClock(time.Now, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for last, i := c.Now(), 0; i < 1000; i++ {
				now := c.Now()
				if !now.After(last) {
					t.Errorf("%v after %v", now, last)
				}
				last = now
			}
		})
	}
	all.Wait()
}
