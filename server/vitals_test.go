package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback/db"
)

func TestReadinessWarnsOfWhatShouldBeLookedAfterAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	v := &vitals{
		away: func() bool { return false },
		log:  slog.New(slog.DiscardHandler),
		ask: func(context.Context) (*db.Vitals, error) {
			<-answered
			return &db.Vitals{Partitions: []db.Partitions{{Table: "clicks", DaysAhead: 7, Strays: 3}, {Table: "postbacks"}}}, nil
		},
	}
	r := &readiness{role: roleWorker, ping: func(context.Context) error { return nil }, warning: v.warning}
	mux := http.NewServeMux()
	r.register(mux)
	readyz := func() string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
		return w.Body.String()
	}
	if got := readyz(); strings.Contains(got, "warning") {
		t.Errorf("before anything is known: %s", got)
	}
	close(answered)
	v.look(t.Context()) // after whoever asks already
	got := readyz()
	for _, want := range []string{"role worker", "rows of clicks are in the default partition", "no partition of postbacks for tomorrow"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing is said of %q: %s", want, got)
		}
	}
}

func TestVitalsAreAskedForSeldomAndNotWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	asked, away := 0, true
	v := &vitals{away: func() bool { return away }, log: slog.New(slog.DiscardHandler), ask: func(context.Context) (*db.Vitals, error) {
		asked++
		return &db.Vitals{}, nil
	}}
	if v.look(t.Context()) != nil || asked != 0 {
		t.Error("they were asked for")
	}
	away = false
	v.asked = time.Time{}
	for range 5 {
		if v.look(t.Context()) == nil {
			t.Error("they are not told")
		}
	}
	if asked != 1 {
		t.Errorf("they were asked for %d times", asked)
	}
}
