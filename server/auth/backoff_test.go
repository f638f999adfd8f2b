package auth

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/graph"
)

// newTimedSessions are sessions whose clock stands still, but for when the test turns it.
func newTimedSessions(t *testing.T) (s *Sessions, after func(time.Duration)) {
	t.Helper()
	var ahead atomic.Int64
	began := time.Now()
	now := func() time.Time { return began.Add(time.Duration(ahead.Load())) }
	tokens, err := NewTokens(TokenConfig{Key: testKey, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s = &Sessions{Store: dbtest.Open(t, func(c *db.Config) { c.Now = now }), Tokens: tokens, Now: now}
	addUser(t, s, proofback.User{Email: "kim@network.example", Role: proofback.RoleAdmin})
	return s, func(d time.Duration) { ahead.Add(int64(d)) }
}

// from is a context of a request from an address.
func from(ctx context.Context, address string) context.Context {
	return graph.WithAddress(ctx, netip.MustParseAddr(address))
}

func TestGuessesAtAnAccountWaitLongerAndLonger(t *testing.T) {
	t.Parallel()
	s, after := newTimedSessions(t)
	try := func(email, password string) proofback.Code {
		_, err := s.SignIn(t.Context(), email, password, "")
		return proofback.CodeOf(err)
	}
	for _, email := range []string{"kim@network.example", "nobody@network.example"} {
		for i := range proofback.TriesOfAccount {
			if got := try(email, "wrong horse"); got != proofback.CodeUnauthenticated {
				t.Fatalf("%s, try %d: %s", email, i, got)
			}
		}
		for wait := time.Second; wait <= 8*time.Second; wait *= 2 {
			for _, password := range []string{"wrong horse", "correct horse"} {
				if got := try(strings.ToUpper(email), password); got != proofback.CodeRateLimited {
					t.Errorf("%s with %s before %v are over: %s", email, password, wait, got)
				}
			}
			after(wait)
			if got := try(email, "wrong horse"); got != proofback.CodeUnauthenticated {
				t.Errorf("%s after %v: %s", email, wait, got)
			}
		}
	}
	after(16 * time.Second)
	if got := try("kim@network.example", "correct horse"); got != "" {
		t.Errorf("the right password, after the wait: %s", got)
	}
	for i := range proofback.TriesOfAccount {
		if got := try("kim@network.example", "wrong horse"); got != proofback.CodeUnauthenticated {
			t.Errorf("after having signed in, try %d: %s", i, got)
		}
	}
}

func TestGuessesFromAnAddressWait(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	here, there := from(t.Context(), "2001:db8:1:2::3"), from(t.Context(), "203.0.113.7")
	own := func() {
		if _, err := s.SignIn(here, "kim@network.example", "correct horse", ""); err != nil {
			t.Fatal(err)
		}
	}
	own()
	for i := range proofback.TriesOfAddress {
		if i%10 == 5 {
			own() // which pays for none of the others
		}
		_, err := s.SignIn(from(t.Context(), "2001:db8:1:2::4"), strings.Repeat("x", i+1)+"@network.example", "wrong horse", "")
		if proofback.CodeOf(err) != proofback.CodeUnauthenticated {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if _, err := s.SignIn(here, "kim@network.example", "correct horse", ""); proofback.CodeOf(err) != proofback.CodeRateLimited {
		t.Errorf("from the same network: %v", err)
	}
	if _, err := s.SignIn(there, "kim@network.example", "correct horse", ""); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// TestGuessesAtOnceAreCounted has many processes asked at the same moment.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	var tried atomic.Int64
	var all sync.WaitGroup
	for range 3 * proofback.TriesOfAccount {
		all.Go(func() {
			if err := s.Store.BeginTry(t.Context(), proofback.System(), db.Try{Account: "kim@network.example"}); err == nil {
				tried.Add(1)
			}
		})
	}
	all.Wait()
	if got := tried.Load(); got != proofback.TriesOfAccount {
		t.Errorf("%d were tried", got)
	}
}

// TestTriesOverHTTPCountForWhereTheyComeFrom goes through the whole API.
func TestTriesOverHTTPCountForWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	var last payload
	for range proofback.TriesOfAccount + 1 {
		last = read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "wrong horse"}), "signIn")
	}
	if len(last.UserErrors) != 1 || last.UserErrors[0].Code != "RATE_LIMITED" {
		t.Errorf("got %+v", last)
	}
	var failed int
	err := s.Store.Pool().QueryRow(t.Context(), `SELECT failed FROM sign_in_tries WHERE key = 'network 127.0.0.1'`).Scan(&failed)
	if err != nil || failed != proofback.TriesOfAccount {
		t.Errorf("%d tries, %v", failed, err)
	}
}
