package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHowLongSomebodyListensIsNoLatency(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		upgrade, media  string
		status, counted int
	}{
		"an answer":      {"", "application/json", http.StatusOK, 1},
		"events":         {"", "text/event-stream; charset=utf-8", http.StatusOK, 0},
		"events refused": {"", "text/event-stream; charset=utf-8", http.StatusBadRequest, 1},
		"a socket":       {"websocket", "", http.StatusSwitchingProtocols, 0},
		"no socket":      {"websocket", "", http.StatusBadRequest, 1},
	} {
		m := newMetrics(roleAll)
		h := &observed{metrics: m, log: slog.New(slog.DiscardHandler), mux: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tt.media)
			w.WriteHeader(tt.status)
		})}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql", nil)
		if tt.upgrade != "" {
			r.Header.Set("Upgrade", tt.upgrade)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, f := range families {
			if f.GetName() == "proofback_http_request_duration_seconds" {
				counted = len(f.GetMetric())
			}
		}
		if counted != tt.counted {
			t.Errorf("%s: %d in the histogram", name, counted)
		}
	}
}
