package auth

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph"
)

// graphQL is what came back of a request.
type graphQL struct {
	Data   map[string]json.RawMessage
	Errors []struct {
		Extensions struct{ Code string }
	}
}

func (g *graphQL) code() string {
	if len(g.Errors) == 0 {
		return ""
	}
	return g.Errors[0].Extensions.Code
}

// serveURL puts sessions before the real API, and says where that is.
func serveURL(t *testing.T, s *Sessions) string {
	t.Helper()
	setup, err := s.Store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &graph.Resolver{Store: s.Store, Setup: setup, Sessions: s, Accounts: s, Log: slog.New(slog.DiscardHandler)}
	api := r.Handler()
	srv := httptest.NewServer(Middleware(&Gate{Tokens: s.Tokens, Store: s.Store}, api.Refuse, api))
	t.Cleanup(srv.Close)
	return srv.URL
}

// serve is serveURL with what sends a query there.
func serve(t *testing.T, s *Sessions) func(token, query string, input any) *graphQL {
	t.Helper()
	url := serveURL(t, s)
	return func(token, query string, input any) *graphQL {
		t.Helper()
		body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		got := &graphQL{}
		if err := json.NewDecoder(resp.Body).Decode(got); err != nil || resp.Header.Get("X-Request-Id") == "" {
			t.Fatalf("status %d, %v, %v", resp.StatusCode, resp.Header, err)
		}
		return got
	}
}

const (
	signIn  = `mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken expiresAt } userErrors { code } } }`
	refresh = `mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken } userErrors { code } } }`
	viewer  = `{ viewer { email role } }`
	signOut = `mutation { signOut { userErrors { code } } }`
)

// payload is what signing in and refreshing answer.
type payload struct {
	Session *struct {
		AccessToken, RefreshToken string
		ExpiresAt                 time.Time
	}
	UserErrors []struct{ Code string }
}

func read(t *testing.T, g *graphQL, field string) payload {
	t.Helper()
	var p payload
	if err := json.Unmarshal(g.Data[field], &p); err != nil {
		t.Fatalf("%v: %+v", err, g)
	}
	return p
}

func TestASessionOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	wrong := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "wrong horse"}), "signIn")
	if wrong.Session != nil || len(wrong.UserErrors) != 1 || wrong.UserErrors[0].Code != "UNAUTHENTICATED" {
		t.Errorf("got %+v", wrong)
	}
	in := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "correct horse"}), "signIn")
	if in.Session == nil || time.Until(in.Session.ExpiresAt) < 10*time.Minute {
		t.Fatalf("got %+v", in)
	}
	if got := do(in.Session.AccessToken, viewer, nil); string(got.Data["viewer"]) != `{"email":"kim@network.example","role":"ADMIN"}` {
		t.Errorf("got %s %+v", got.Data["viewer"], got.Errors)
	}
	next := read(t, do("", refresh, map[string]string{"refreshToken": in.Session.RefreshToken}), "refreshSession")
	if next.Session == nil {
		t.Fatalf("got %+v", next)
	}
	if got := do(next.Session.AccessToken, signOut, nil); got.code() != "" {
		t.Errorf("got %+v", got)
	}
	over := read(t, do("", refresh, map[string]string{"refreshToken": next.Session.RefreshToken}), "refreshSession")
	if over.Session != nil || len(over.UserErrors) != 1 || over.UserErrors[0].Code != "UNAUTHENTICATED" {
		t.Errorf("got %+v", over)
	}
}

func TestABadTokenIsRefusedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	forger, err := NewTokens(TokenConfig{Key: []byte("another key of thirty-two bytes!")})
	if err != nil {
		t.Fatal(err)
	}
	forged, _, err := forger.Sign(proofback.Actor{Role: proofback.RoleAdmin}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{viewer, signOut, signIn, "{ __typename }", "not GraphQL"} {
		if got := do(forged, query, nil); got.code() != "UNAUTHENTICATED" || got.Data != nil {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}

func TestSigningInIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	in := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "correct horse"}), "signIn")
	next := read(t, do("", refresh, map[string]string{"refreshToken": in.Session.RefreshToken}), "refreshSession")
	do("", refresh, map[string]string{"refreshToken": in.Session.RefreshToken}) // a copy
	do("", refresh, map[string]string{"refreshToken": "nobody's"})
	if next.Session == nil {
		t.Fatalf("got %+v", next)
	}
	w, err := s.Store.AuditLog(t.Context(), proofback.System(), proofback.AuditLogFilter{}, proofback.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range w.Items {
		if e.Role != proofback.RoleAdmin || e.UserID == uuid.Nil || e.RequestID == "" {
			t.Errorf("got %+v", e)
		}
		told = append(told, e.Operation)
	}
	if want := []string{"refreshSession", "refreshSession", "signIn"}; !slices.Equal(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}
