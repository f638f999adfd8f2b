package graph_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	mediaJSON     = "application/json; charset=utf-8"
	mediaResponse = "application/graphql-response+json; charset=utf-8"
)

// The npm package graphql-http audits the same from outside; this is what it does not
// look at.
func TestStatusesAndMediaTypes(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const query = `{"query": "{ viewer { role } }"}`
	ask := func(text string) string { return "?query=" + url.QueryEscape(text) }
	for name, tt := range map[string]struct {
		method, query, accept, contentType, body string
		status                                   int
		media                                    string
	}{
		"by default":              {"POST", "", "", "application/json", query, 200, mediaJSON},
		"as specified":            {"POST", "", "application/graphql-response+json", "application/json", query, 200, mediaResponse},
		"the better of two":       {"POST", "", "application/json;q=0.5, application/graphql-response+json", "application/json", query, 200, mediaResponse},
		"as a browser":            {"POST", "", "text/html, */*;q=0.1", "application/json", query, 200, mediaJSON},
		"nothing that we have":    {"POST", "", "text/html", "application/json", query, 406, mediaJSON},
		"a form":                  {"POST", "", "", "application/x-www-form-urlencoded", "query=%7Bviewer%7Bid%7D%7D", 415, mediaJSON},
		"a form of parts":         {"POST", "", "", "multipart/form-data; boundary=x", "--x--", 415, mediaJSON},
		"plain text":              {"POST", "", "", "text/plain", query, 415, mediaJSON},
		"no type":                 {"POST", "", "", "", query, 415, mediaJSON},
		"another encoding":        {"POST", "", "", "application/json; charset=latin-1", query, 415, mediaJSON},
		"a list of operations":    {"POST", "", "", "application/json", "[" + query + "]", 400, mediaJSON},
		"null":                    {"POST", "", "", "application/json", "null", 400, mediaJSON},
		"too large":               {"POST", "", "", "application/json", `{"query": "` + strings.Repeat(" ", 1<<20) + `"}`, 413, mediaJSON},
		"a mistake, specified":    {"POST", "", "application/graphql-response+json", "application/json", `{"query": "{ nothing }"}`, 400, mediaResponse},
		"a mistake, of old":       {"POST", "", "application/json", "application/json", `{"query": "{ nothing }"}`, 200, mediaJSON},
		"a query by GET":          {"GET", ask("{ viewer { role } }"), "", "", "", 200, mediaJSON},
		"a mutation by GET":       {"GET", ask("mutation { signOut { userErrors { code } } }"), "", "", "", 405, mediaJSON},
		"a mutation by GET, SSE":  {"GET", ask("mutation { signOut { userErrors { code } } }"), "text/event-stream", "", "", 405, mediaResponse},
		"a mutation by HEAD":      {"HEAD", ask("mutation { signOut { userErrors { code } } }"), "", "", "", 405, mediaJSON},
		"a query twice":           {"GET", ask("{ viewer { role } }") + "&query=x", "", "", "", 400, mediaJSON},
		"variables that are none": {"GET", ask("{ viewer { role } }") + "&variables=x", "", "", "", 400, mediaJSON},
		"nothing":                 {"GET", "", "", "", "", 400, mediaJSON},
		"another method":          {"PUT", "", "", "application/json", query, 405, mediaJSON},
	} {
		header := http.Header{}
		if tt.accept != "" {
			header.Set("Accept", tt.accept)
		}
		if tt.contentType != "" {
			header.Set("Content-Type", tt.contentType)
		}
		got := a.request(manager, tt.method, tt.query, strings.NewReader(tt.body), header)
		if got.status != tt.status || got.header.Get("Content-Type") != tt.media {
			t.Errorf("%s: %d %s %.200s, want %d %s", name, got.status, got.header.Get("Content-Type"), got.body, tt.status, tt.media)
		}
		if got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", name)
		}
		if got.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
			t.Errorf("%s: it is not said what is allowed", name)
		}
	}
}

func TestACompressedRequestIsToldSo(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for encoding, want := range map[string]int{"gzip": 415, "identity": 200} {
		header := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {encoding}}
		got := a.request(manager, "POST", "", strings.NewReader(`{"query": "{ viewer { role } }"}`), header)
		if got.status != want || want == 415 && !strings.Contains(got.body, "without Content-Encoding") {
			t.Errorf("%s: %d %s", encoding, got.status, got.body)
		}
	}
}

func TestWhoAsksAgainIsToldThatNothingHasChanged(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	query := "?query=" + url.QueryEscape(`{ affiliates(first: 50) { edges { node { id name } } } }`)
	first := m.request(manager, http.MethodGet, query, nil, http.Header{})
	tag := first.header.Get("ETag")
	if tag == "" || !strings.Contains(first.header.Get("Cache-Control"), "private") {
		t.Fatalf("%v", first.header)
	}
	asked := http.Header{"If-None-Match": {tag}}
	if again := m.request(manager, http.MethodGet, query, nil, asked); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("%d %q", again.status, again.body)
	}
	if other := m.request(m.asBlog, http.MethodGet, query, nil, asked); other.status != http.StatusOK {
		t.Errorf("somebody else is told that nothing has changed: %d", other.status)
	}
	m.must(admin, "CreateAffiliate", vars{"input": vars{"name": "New"}})
	if after := m.request(manager, http.MethodGet, query, nil, asked); after.status != http.StatusOK || !strings.Contains(after.body, "New") {
		t.Errorf("%d %s", after.status, after.body)
	}
}

func TestLongAnswersAreCompressedForWhoTakesThat(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const learn = `{ __schema { types { name description } } }`
	body := fmt.Sprintf(`{"query": %q}`, learn)
	send := func(encoding string) *reply {
		return a.request(manager, http.MethodPost, "", strings.NewReader(body), http.Header{
			"Content-Type": {"application/json"}, "Accept-Encoding": {encoding},
		})
	}
	plain := send("identity")
	for encoding, zips := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "br": false} {
		got := send(encoding)
		text := got.body
		if zips {
			z, err := gzip.NewReader(strings.NewReader(got.body))
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			text = string(all)
		}
		if text != plain.body || (got.header.Get("Content-Encoding") == "gzip") != zips {
			t.Errorf("%s: %v, %d bytes", encoding, got.header, len(got.body))
		}
	}
	if short := a.request(manager, http.MethodPost, "", strings.NewReader(`{"query": "{ viewer { role } }"}`), http.Header{
		"Content-Type": {"application/json"}, "Accept-Encoding": {"gzip"},
	}); short.header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
}
