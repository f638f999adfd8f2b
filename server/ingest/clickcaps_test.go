package ingest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func capClicks(limit proofback.Decimal, fallback string) func(*proofback.Terms) {
	return func(terms *proofback.Terms) {
		terms.FallbackURL = fallback
		terms.Caps = []proofback.Cap{{Metric: proofback.CapClicks, Period: proofback.CapTotal, Limit: limit}}
	}
}

func TestVisitorsOverTheCapAreSentToTheFallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.terms(capClicks("100", "https://other.example/?s={sub1}"))
	other := dbtest.Open(t, func(c *db.Config) { c.URL = w.store.Pool().Config().ConnString() })
	setup, err := other.NewSetup(t.Context())
	w.must(err)
	second := http.NewServeMux()
	w.serveClicks(other, setup, second)

	var landed, fellBack atomic.Int64
	var all sync.WaitGroup
	for _, process := range []*http.ServeMux{w.mux, second} {
		for v := range 8 {
			all.Go(func() {
				for i := range 20 {
					got := httptest.NewRecorder()
					process.ServeHTTP(got, request(http.MethodGet, "/c/"+w.link.Code+fmt.Sprintf("?sub1=%d", v*20+i), ""))
					location := got.Header().Get("Location")
					switch {
					case got.Code == http.StatusFound && strings.HasPrefix(location, "https://shop.example/"):
						landed.Add(1)
					case got.Code == http.StatusFound && location == fmt.Sprintf("https://other.example/?s=%d", v*20+i):
						fellBack.Add(1)
					default:
						t.Errorf("status %d, sent to %q", got.Code, location)
					}
				}
			})
		}
	}
	all.Wait()
	if landed.Load() != 100 || fellBack.Load() != 2*8*20-100 {
		t.Errorf("%d landed, %d fell back, of %d and a cap of 100", landed.Load(), fellBack.Load(), 2*8*20)
	}
	outcomes := map[proofback.ClickOutcome]int{}
	for _, c := range w.stored() {
		outcomes[c.Outcome]++
	}
	if outcomes[proofback.ClickRedirected] != 100 || outcomes[proofback.ClickCapReached] != 2*8*20-100 {
		t.Errorf("stored: %v", outcomes)
	}
}

func TestWithoutAFallbackTheCapIsAPlainPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.terms(capClicks("1", ""))
	for _, want := range []int{http.StatusFound, http.StatusNotFound} {
		if got := w.visit(""); got.StatusCode != want {
			t.Errorf("status %d, want %d", got.StatusCode, want)
		}
	}
	if got := w.visit("", "User-Agent: "+crawler); got.StatusCode != http.StatusFound {
		t.Errorf("a crawler, which counts for no cap: status %d", got.StatusCode)
	}
	body := fmt.Sprintf(`{"link": %q}`, w.link.Code)
	got := httptest.NewRecorder()
	w.mux.ServeHTTP(got, request(http.MethodPost, "/clicks", body))
	if got.Code != http.StatusNotFound || !strings.Contains(got.Body.String(), `"CAP_REACHED"`) {
		t.Errorf("POST /clicks: status %d, %s", got.Code, got.Body)
	}
	w.terms(capClicks("2", "https://other.example/"))
	for _, want := range []string{"https://shop.example/", "https://other.example/"} {
		if location := w.visit("").Header.Get("Location"); !strings.HasPrefix(location, want) {
			t.Errorf("sent to %q, want %s", location, want)
		}
	}
}
