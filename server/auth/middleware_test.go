package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/graph"
)

func TestMiddlewareTellsWhoActs(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t)
	token, _, err := tokens.Sign(proofback.Actor{Role: proofback.RoleManager}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var got proofback.Actor
	h := Middleware(&Gate{Tokens: tokens, Store: dbtest.Open(t)},
		func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		},
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = graph.ActorFrom(r.Context()) }))
	for _, tt := range []struct {
		name   string
		header []string
		status int
		role   proofback.Role
	}{
		{"no header", nil, 200, ""},
		{"an empty header", []string{""}, 200, ""},
		{"a token", []string{"Bearer " + token}, 200, proofback.RoleManager},
		{"in lower case", []string{"bearer " + token}, 200, proofback.RoleManager},
		{"a bad token", []string{"Bearer x"}, 401, ""},
		{"no token", []string{"Bearer "}, 401, ""},
		{"another scheme", []string{"Basic YTpi"}, 401, ""},
		{"no scheme", []string{token}, 401, ""},
		{"two tokens", []string{"Bearer " + token, "Bearer " + token}, 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got = proofback.Actor{}
			r := httptest.NewRequestWithContext(graph.WithActor(t.Context(), proofback.Actor{RequestID: "r1"}), http.MethodPost, "/graphql", nil)
			r.Header["Authorization"] = tt.header
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || got.Role != tt.role {
				t.Errorf("status %d, actor %+v", w.Code, got)
			}
			if tt.status == 200 && got.RequestID != "r1" {
				t.Error("the request's id was lost")
			}
		})
	}
}
