package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPagesOfOtherOriginsAreLetInByName(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for name, tt := range map[string]struct {
		origins           []string
		method, origin    string
		preflight, served bool
		allowed           string
	}{
		"nobody is named":     {nil, "POST", app, false, true, ""},
		"by name":             {[]string{app}, "POST", app, false, true, app},
		"asked before":        {[]string{app}, "OPTIONS", app, true, false, app},
		"another":             {[]string{app}, "POST", "https://evil.example", false, true, ""},
		"another, asked":      {[]string{app}, "OPTIONS", "https://evil.example", true, true, ""},
		"a name with more":    {[]string{app}, "POST", app + ".evil.example", false, true, ""},
		"all":                 {[]string{"*"}, "POST", "https://evil.example", false, true, "*"},
		"no page":             {[]string{app}, "POST", "", false, true, ""},
		"OPTIONS of a client": {[]string{app}, "OPTIONS", app, false, true, app},
	} {
		served := false
		h := cors(tt.origins, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/graphql", nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if tt.preflight {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if served != tt.served || w.Header().Get("Access-Control-Allow-Origin") != tt.allowed {
			t.Errorf("%s: served %v, %v", name, served, w.Header())
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are let through", name)
		}
		if tt.origins != nil && tt.origins[0] != "*" && w.Header().Get("Vary") != "Origin" {
			t.Errorf("%s: caches are not told", name)
		}
	}
}
