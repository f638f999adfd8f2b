package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func (r *readiness) answer(t *testing.T, path string) int {
	t.Helper()
	mux := http.NewServeMux()
	r.register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code
}

func TestReadinessFollowsPostgresAndAsksItSeldom(t *testing.T) {
	t.Parallel()
	asked := 0
	var down error
	r := &readiness{role: roleAll, ping: func(context.Context) error { asked++; return down }}
	for range 10 {
		if got := r.answer(t, "/readyz"); got != 200 {
			t.Fatalf("got %d", got)
		}
	}
	if asked != 1 {
		t.Errorf("Postgres was asked %d times", asked)
	}
	down = errors.New("away")
	r.asked = r.asked.Add(-pingEvery)
	if got := r.answer(t, "/readyz"); got != 503 {
		t.Errorf("got %d without Postgres", got)
	}
	if got := r.answer(t, "/healthz"); got != 200 {
		t.Errorf("the process lives, and %d is answered", got)
	}
}

func TestAProgramThatIsLeavingIsNotReady(t *testing.T) {
	t.Parallel()
	r := &readiness{role: roleAll, ping: func(context.Context) error { return nil }}
	r.leaving.Store(true)
	if got := r.answer(t, "/readyz"); got != 503 {
		t.Errorf("got %d", got)
	}
}

// Postgres may answer a moment before it is found back: until then postbacks are refused.
func TestAProgramThatRefusesPostbacksIsNotReady(t *testing.T) {
	t.Parallel()
	refused := true
	r := &readiness{role: roleAll, ping: func(context.Context) error { return nil }, away: func() bool { return refused }, room: func() error { return nil }}
	if all, clicks := r.answer(t, "/readyz"), r.answer(t, "/readyz/clicks"); all != 503 || clicks != 200 {
		t.Errorf("got %d, and %d for clicks", all, clicks)
	}
	refused = false
	if got := r.answer(t, "/readyz"); got != 200 {
		t.Errorf("got %d once they are taken", got)
	}
}

func TestReadinessTellsClicksAndPostbacksApart(t *testing.T) {
	t.Parallel()
	away := func(context.Context) error { return errors.New("away") }
	for _, test := range []struct {
		name        string
		r           *readiness
		all, clicks int
	}{
		{"everything is there", &readiness{role: roleAll, ping: func(context.Context) error { return nil }}, 200, 200},
		{"the spool has room", &readiness{role: roleAll, ping: away, room: func() error { return nil }}, 503, 200},
		{"the spool is full", &readiness{role: roleAll, ping: away, room: func() error { return errors.New("full") }}, 503, 503},
		{"there is no spool", &readiness{role: roleAll, ping: away}, 503, 503},
	} {
		if all, clicks := test.r.answer(t, "/readyz"), test.r.answer(t, "/readyz/clicks"); all != test.all || clicks != test.clicks {
			t.Errorf("%s: %d, and %d for clicks", test.name, all, clicks)
		}
	}
	leaving := &readiness{role: roleAll, ping: away, room: func() error { return nil }}
	leaving.leaving.Store(true)
	if got := leaving.answer(t, "/readyz/clicks"); got != 503 {
		t.Errorf("leaving: %d", got)
	}
}
