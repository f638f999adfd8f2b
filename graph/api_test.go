package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/jackc/pgx/v5"
	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/graph"
)

// api is a GraphQL server on a database of the test's own.
type api struct {
	t     testing.TB
	store *db.Store
	setup *db.Setup
	keys  *proofback.ClickKeys
	url   string
	log   *bytes.Buffer // what is logged; read it after the request

	resolver *graph.Resolver
	endpoint *graph.Endpoint
}

// actorHeader is how these tests say who acts: tokens are package auth's, and
// tested there.
const actorHeader = "Test-Actor"

func newAPI(t testing.TB, change ...func(*db.Config)) *api {
	t.Helper()
	a := &api{t: t, store: dbtest.Open(t, change...), log: &bytes.Buffer{}}
	var err error
	if a.setup, err = a.store.NewSetup(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.keys, err = proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	r := &graph.Resolver{
		Store:     a.store,
		Setup:     a.setup,
		ClickKeys: a.keys,
		Sessions:  noSessions{},
		Accounts:  noSessions{},
		Auditor:   shortWalk{a.store},
		Tester:    echo{a.store},
		PublicURL: "https://go.network.example",

		EnqueueReportRuns: func(context.Context, pgx.Tx, []uuid.UUID) error { return nil },

		Log: slog.New(slog.NewTextHandler(a.log, nil)),
	}
	a.resolver = r
	a.serve()
	return a
}

// serve serves the API as the resolver is now.
func (a *api) serve() {
	h := a.resolver.Handler()
	a.endpoint = h
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var actor proofback.Actor
		if err := json.Unmarshal([]byte(req.Header.Get(actorHeader)), &actor); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, req.WithContext(graph.WithActor(req.Context(), actor)))
	}))
	a.t.Cleanup(srv.Close)
	a.url = srv.URL
}

// vars are an operation's variables, and objects in them.
type vars = map[string]any

// answer is what came back.
type answer struct {
	t      testing.TB
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct {
			Code      string
			RequestID string
		}
	}
}

// do sends a query as an actor.
func (a *api) do(actor proofback.Actor, query string, v vars) *answer {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.post(actor, bytes.NewReader(body))
}

func (a *api) post(actor proofback.Actor, body io.Reader) *answer {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url, body)
	if err != nil {
		a.t.Fatal(err)
	}
	who, err := json.Marshal(actor)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set(actorHeader, string(who))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got := &answer{t: a.t}
	if err := json.NewDecoder(resp.Body).Decode(got); err != nil {
		a.t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return got
}

// run sends one of the operations of partner UIs, as it stands.
func (a *api) run(actor proofback.Actor, operation string, v vars) *answer {
	a.t.Helper()
	return a.do(actor, operationText(a.t, operation), v)
}

// must is run where nothing may go wrong, neither in errors nor in userErrors.
func (a *api) must(actor proofback.Actor, operation string, v vars) *answer {
	a.t.Helper()
	got := a.run(actor, operation, v)
	if len(got.Errors) > 0 {
		a.t.Fatalf("%s: %+v\n%s", operation, got.Errors, a.log)
	}
	for _, payload := range got.Data {
		if p, ok := payload.(map[string]any); ok {
			if mistakes, ok := p["userErrors"].([]any); ok && len(mistakes) > 0 {
				a.t.Fatalf("%s: %v", operation, mistakes)
			}
		}
	}
	return got
}

// operationText prints one operation with the fragments that it uses.
func operationText(t testing.TB, name string) string {
	t.Helper()
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(only(t, name))
	return b.String()
}

// at reads a value of the answer: at("offers", "edges", 0, "node", "id").
func (a *answer) at(path ...any) any {
	a.t.Helper()
	var v any = a.Data
	for i, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				a.t.Fatalf("%v is %v, in %v %+v", path[:i], v, a.Data, a.Errors)
			}
			v = m[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				a.t.Fatalf("%v is %v, in %v %+v", path[:i], v, a.Data, a.Errors)
			}
			v = list[step]
		}
	}
	return v
}

// id is at for a string.
func (a *answer) id(path ...any) string {
	a.t.Helper()
	s, ok := a.at(path...).(string)
	if !ok {
		a.t.Fatalf("%v is %v, in %v %+v", path, a.at(path...), a.Data, a.Errors)
	}
	return s
}

// code is the first top-level error's; "" when there is none.
func (a *answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// mistake is a payload's first user error as "CODE field.path"; "" when there is
// none.
func (a *answer) mistake(payload string) string {
	a.t.Helper()
	list, _ := a.at(payload, "userErrors").([]any)
	if len(list) == 0 {
		return ""
	}
	m, _ := list[0].(map[string]any)
	var path []string
	for _, step := range m["field"].([]any) {
		path = append(path, step.(string))
	}
	return m["code"].(string) + " " + strings.Join(path, ".")
}

var (
	admin   = proofback.Actor{Role: proofback.RoleAdmin}
	manager = proofback.Actor{Role: proofback.RoleManager}
	nobody  = proofback.Actor{}
)

// actorOf makes a partner's actor of its global id.
func actorOf(t testing.TB, id string) proofback.Actor {
	t.Helper()
	kind, key, err := proofback.ParseGlobalID(id)
	if err != nil {
		t.Fatal(err)
	}
	if kind == proofback.KindAdvertiser {
		return proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: key}
	}
	return proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: key}
}

// mustKey is the key in a global id.
func mustKey(t testing.TB, id string) uuid.UUID {
	t.Helper()
	_, key, err := proofback.ParseGlobalID(id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func unknownID(k proofback.Kind) string { return proofback.GlobalID(k, uuid.New()) }
