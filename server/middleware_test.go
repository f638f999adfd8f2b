package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// through sends a request through the middlewares to a handler.
func through(t *testing.T, log *strings.Builder, h http.HandlerFunc, requestID string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /thing/{id}", h)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	all := &observed{mux: mux, metrics: newMetrics(roleAll), log: logger}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/thing/7?token=secret", nil)
	r.Header.Set(requestIDHeader, requestID)
	w := httptest.NewRecorder()
	all.ServeHTTP(w, r)
	return w.Result()
}

func TestARequestIDIsTakenWhenItIsSaneAndElseMade(t *testing.T) {
	t.Parallel()
	for sent, kept := range map[string]bool{
		"abc-123_X.y": true, strings.Repeat("x", 64): true,
		"": false, "a b": false, "a\nb": false, `"`: false, "ü": false, strings.Repeat("x", 65): false,
	} {
		var log strings.Builder
		seen := ""
		resp := through(t, &log, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get(requestIDHeader) }, sent)
		got := resp.Header.Get(requestIDHeader)
		if got == "" || got != seen || (got == sent) != kept {
			t.Errorf("%q was sent, %q answered, and the handler saw %q", sent, got, seen)
		}
		if !strings.Contains(log.String(), got) {
			t.Errorf("%q is not in the log: %s", got, &log)
		}
	}
}

func TestAPanicIsAnsweredAndLoggedOnce(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	resp := through(t, &log, func(http.ResponseWriter, *http.Request) { panic("oh no") }, "id-1")
	if resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("got %d", resp.StatusCode)
	}
	if n := strings.Count(log.String(), "oh no"); n != 1 || !strings.Contains(log.String(), "request_id=id-1") {
		t.Errorf("the log says: %s", &log)
	}
}

func TestTheAccessLogNamesTheRouteAndNotWhatWasSent(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	through(t, &log, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "")
	if text := log.String(); !strings.Contains(text, `route="GET /thing/{id}"`) || !strings.Contains(text, "status=418") || strings.Contains(text, "secret") {
		t.Errorf("the log says: %s", text)
	}
}

func TestEveryAnswerForbidsSniffingAndFraming(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h := through(t, &log, func(http.ResponseWriter, *http.Request) {}, "").Header
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
		t.Errorf("got %v", h)
	}
}

// Answers are given up on purpose, too, where each would say something wrong.
func TestARequestThatIsGivenUpIsNotInFlightAnyMore(t *testing.T) {
	t.Parallel()
	m := newMetrics(roleAll)
	o := &observed{mux: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), metrics: m, log: slog.New(slog.DiscardHandler)}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it was answered")
			}
		}()
		o.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "proofback_http_requests_in_flight" && f.GetMetric()[0].GetGauge().GetValue() != 0 {
			t.Errorf("in flight: %v", f)
		}
	}
}

// Half a file that ends like a whole one would be taken for it.
func TestAnAnswerThatAPanicBrokeOffIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	all := &observed{
		mux: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "id,amount\n1,10.00\n")
			panic("oh no")
		}),
		metrics: newMetrics(roleAll), log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	server := httptest.NewServer(all)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err == nil {
		defer resp.Body.Close()
		var got []byte
		if got, err = io.ReadAll(resp.Body); err == nil {
			t.Errorf("%q was answered as if that were all", got)
		}
	}
	server.Close()
	if n := strings.Count(log.String(), "oh no"); n != 1 {
		t.Errorf("the log says: %s", &log)
	}
}

// Who asks for nothing but how much goes wrong must hear of what was left unanswered.
func TestARequestThatIsGivenUpIsCountedAsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gone bool // the caller, before it was given up
		want string
	}{
		"the caller waits": {false, "5xx"},
		"nobody waits":     {true, "gone"},
	} {
		m := newMetrics(roleAll)
		mux := http.NewServeMux()
		mux.HandleFunc("GET /thing", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		ctx, cancel := context.WithCancel(t.Context())
		if tt.gone {
			cancel()
		}
		func() {
			defer func() { _ = recover() }()
			o := &observed{mux: mux, metrics: m, log: slog.New(slog.DiscardHandler)}
			o.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/thing", nil))
		}()
		cancel()
		w := httptest.NewRecorder()
		promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		if !strings.Contains(w.Body.String(), `proofback_http_request_duration_seconds_count{outcome="`+tt.want+`",route="GET /thing"} 1`) {
			t.Errorf("%s: it is not counted as %s", name, tt.want)
		}
	}
}

// As where "/postback" was put behind "https://go.example.com/".
func TestAPathThatBeginsWithTwoSlashesIsServedRatherThanRedirected(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/postback/{key}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("key")) })
	for target, want := range map[string]string{
		"//postback/k1?txid=//1":  "k1",
		"///postback/k1":          "k1",
		"//postback/a%2Fb":        "a/b",
		"//elsewhere.example/k1":  "",
		"//postback//k1":          "",
		"//%70ostback/k%31?a=1&b": "k1",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://go.example", nil)
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		(&observed{mux: mux, metrics: newMetrics(roleAll), log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
		if got := w.Body.String(); want != "" && (w.Code != http.StatusOK || got != want) || want == "" && w.Code == http.StatusOK {
			t.Errorf("%s: %d %q", target, w.Code, got)
		}
	}
}

func TestWhatNoRouteIsForIsRefusedInJSON(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /thing/{id}", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	all := &observed{mux: mux, metrics: newMetrics(roleAll), log: slog.New(slog.DiscardHandler)}
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/thingg/7?token=secret", 404, `{"code":"NOT_FOUND","message":"there is nothing at /thingg/7: `},
		{"PUT", "/thing/7", 405, `{"code":"METHOD_NOT_ALLOWED","message":"PUT is not answered here: send GET, HEAD"}`},
		{"GET", "/thing/7", 404, "404 page not found"}, // a handler's own answer stays
	} {
		w := httptest.NewRecorder()
		all.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
		if body := w.Body.String(); w.Code != tt.status || !strings.HasPrefix(body, tt.want) || strings.Contains(body, "secret") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, w.Code, body)
		}
	}
}
