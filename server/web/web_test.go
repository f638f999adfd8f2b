package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestThePageNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	resp, page := get(t, "/")
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("got %d %v", resp.StatusCode, resp.Header)
	}
	parts := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(parts) != 6 {
		t.Errorf("the page has %d parts", len(parts))
	}
	for _, part := range parts {
		if !strings.HasPrefix(part[1], "/assets/") {
			t.Errorf("%s is not ours", part[1])
			continue
		}
		if resp, body := get(t, part[1]); resp.StatusCode != http.StatusOK || body == "" {
			t.Errorf("%s: status %d, %d bytes", part[1], resp.StatusCode, len(body))
		}
	}
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") {
		t.Errorf("policy %q", policy)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/assets/", "/assets/none.js", "/index.html", "/assets/../web.go"} {
		if resp, _ := get(t, path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}
