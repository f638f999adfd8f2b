package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serve answers with a handler and gives its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestEveryRequestIsCountedByWhatCameOfIt(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var n atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, twice := seen.LoadOrStore(r.URL.Query().Get("sub2"), true); twice {
			t.Errorf("%s came twice", r.URL)
		}
		if n.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"request_id":"1","result":"rejected"}`))
			return
		}
		w.Header().Set("Location", "https://shop.example/")
		w.WriteHeader(http.StatusFound)
	})
	result, err := Run(t.Context(), Job{
		Addr: addr, Connections: 4, Warmup: 50 * time.Millisecond, Duration: 200 * time.Millisecond, First: 1000,
		Clicks: &ClickTraffic{Codes: []string{"a", "b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	served := int(n.Load())
	if result.Requests() != served || result.Outcomes["400 rejected"] != served/3 || result.Outcomes["302"] != served-served/3 {
		t.Errorf("%d requests were served, and counted as %v", served, result.Outcomes)
	}
	if result.Measured == 0 || result.Measured >= served || result.Latency.Quantile(0.5) == 0 {
		t.Errorf("%d of %d were measured", result.Measured, served)
	}
}

// A server that stalls does not get out of what was due meanwhile.
func TestAnOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	var first sync.Once
	var gate sync.RWMutex
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		first.Do(func() {
			gate.Lock()
			time.AfterFunc(stall, gate.Unlock)
		})
		gate.RLock()
		defer gate.RUnlock()
		w.WriteHeader(http.StatusFound)
	})
	result, err := Run(t.Context(), Job{
		Addr: addr, Connections: 2, Rate: 100, Duration: 500 * time.Millisecond,
		Clicks: &ClickTraffic{Codes: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Requests() < 45 || result.Requests() > 51 {
		t.Errorf("%d requests in half a second at 100 a second", result.Requests())
	}
	if p := result.Latency.Quantile(0.75); p < stall/4 {
		t.Errorf("three quarters waited for %s at most, behind a stall of %s", p, stall)
	}
}

func TestABrokenServerEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"hangs up":                 func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"answers without a length": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"answers at length":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := Run(ctx, Job{Addr: serve(t, h), Connections: 1, Duration: 5 * time.Second, Clicks: &ClickTraffic{Codes: []string{"a"}}})
		if err == nil || ctx.Err() != nil {
			t.Errorf("a server that %s: %v", name, err)
		}
		cancel()
	}
}

func TestAnAnswerIsWholeWhenItsBodyIs(t *testing.T) {
	t.Parallel()
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello"
	for n := range len(answer) {
		want := -1
		if n >= strings.Index(answer, "hello") {
			want = len(answer)
		}
		if got, err := answerLength([]byte(answer[:n])); got != want || err != nil {
			t.Errorf("after %d bytes: %d, %v", n, got, err)
		}
	}
	for _, broken := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"} {
		if _, err := answerLength([]byte(broken)); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}
