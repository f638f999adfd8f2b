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
	r := &readiness{ping: func(context.Context) error { asked++; return down }}
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
	r := &readiness{ping: func(context.Context) error { return nil }}
	r.leaving.Store(true)
	if got := r.answer(t, "/readyz"); got != 503 {
		t.Errorf("got %d", got)
	}
}
