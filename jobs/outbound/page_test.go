package outbound

import (
	"net/http"
	"strings"
	"testing"

	"github.com/proofback/proofback"
)

func TestAPageTellsWhereToGoOn(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Accept") != "text/html" {
			t.Errorf("sent %v", r.Header)
		}
		w.Header().Set("Set-Cookie", "a=b")
		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", "/next?x=1")
			w.WriteHeader(http.StatusFound)
		case "/refresh":
			w.Header().Set("Refresh", "0; url=/next")
		case "/page":
			_, _ = w.Write([]byte("<html>" + strings.Repeat("x", maxPage)))
		case "/image":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("<html>"))
		}
	})
	c := newClient(t, Config{Allow: loopback})
	visit := func(path string) Page {
		t.Helper()
		p, err := c.Visit(t.Context(), base+path, http.Header{"Accept": {"text/html"}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := visit("/redirect"); p.Status != http.StatusFound || p.Location != "/next?x=1" || p.Outcome != proofback.OutcomeRedirect {
		t.Errorf("%+v", p)
	}
	if p := visit("/refresh"); p.Refresh != "0; url=/next" || p.Error != "" {
		t.Errorf("%+v", p)
	}
	if p := visit("/page"); len(p.HTML) != maxPage || p.Body != "" {
		t.Errorf("%d bytes of a page", len(p.HTML))
	}
	if p := visit("/image"); p.HTML != "" {
		t.Errorf("%q of an image", p.HTML)
	}
	if p, err := newClient(t, Config{}).Visit(t.Context(), base, nil); err != nil || p.Outcome != proofback.OutcomeBlocked {
		t.Errorf("loopback: %+v, %v", p, err)
	}
}
