package main_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
)

// testClickKeys are keys of which a test knows the secret, and the setting that
// gives them to the program.
func testClickKeys(t *testing.T) (keys *proofback.ClickKeys, setting string) {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return keys, "PROOFBACK_CLICK_KEYS=1:" + base64.StdEncoding.EncodeToString(secret)
}

// visitors clicks from many connections at a rate a second until the program
// ends or the context does, and gives the ids of the clicks that got a redirect.
// enough is closed when there are as many as wanted.
type visitors struct {
	perSecond int
	wanted    int
	enough    chan struct{}

	mu  sync.Mutex
	ids []string
}

func (v *visitors) run(ctx context.Context, base string) []string {
	limit := rate.NewLimiter(rate.Limit(v.perSecond), v.perSecond/10)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			c, err := dial(ctx, base)
			if err != nil {
				return
			}
			defer c.Close()
			for limit.Wait(ctx) == nil {
				a, err := c.get("/c/demo?sub1=load")
				if err != nil {
					return // the program has ended
				}
				if a.status == 302 {
					v.add(a.clickID())
				}
			}
		})
	}
	wg.Wait()
	return v.ids
}

func (v *visitors) add(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids = append(v.ids, id)
	if len(v.ids) == v.wanted {
		close(v.enough)
	}
}

// A visitor who was sent on has been stored, whatever happens to the program
// right after. The program has no say in being killed; Postgres goes on.
func TestAKilledServerHasStoredEveryClickThatWasAnswered(t *testing.T) {
	t.Parallel()
	keys, setting := testClickKeys(t)
	p, databaseURL := startOnNewDatabase(t, setting)
	v := &visitors{perSecond: 2000, wanted: 4000, enough: make(chan struct{})}
	done := make(chan []string)
	go func() { done <- v.run(t.Context(), p.url) }()
	select {
	case <-v.enough:
	case <-time.After(patience):
		t.Error("too few clicks were answered")
	}
	p.kill()
	wantStored(t, databaseURL, keys, <-done)
}

// Who is told to end answers everybody who came before, and stores their clicks.
func TestAnInterruptedServerDrains(t *testing.T) {
	t.Parallel()
	keys, setting := testClickKeys(t)
	p, databaseURL := startOnNewDatabase(t, setting)
	v := &visitors{perSecond: 1000, wanted: 500, enough: make(chan struct{})}
	done := make(chan []string)
	go func() { done <- v.run(t.Context(), p.url) }()
	select {
	case <-v.enough:
	case <-time.After(patience):
		t.Error("too few clicks were answered")
	}
	p.stop()
	wantStored(t, databaseURL, keys, <-done)
}
