package graph_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph"
)

// newAPIWith is newAPI with a resolver of another kind.
func newAPIWith(t *testing.T, change func(*graph.Resolver)) *api {
	t.Helper()
	a := newAPI(t)
	change(a.resolver)
	a.serve()
	return a
}

// reply is an answer as it went over the wire.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a query as a client does that knows the specification.
func (a *api) send(actor proofback.Actor, query string) *reply {
	a.t.Helper()
	return a.sendBody(actor, map[string]any{"query": query})
}

func (a *api) sendBody(actor proofback.Actor, body any) *reply {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.request(actor, http.MethodPost, "", bytes.NewReader(text), http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"},
	})
}

func (a *api) request(actor proofback.Actor, method, query string, body io.Reader, header http.Header) *reply {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+query, body)
	if err != nil {
		a.t.Fatal(err)
	}
	who, err := json.Marshal(actor)
	if err != nil {
		a.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set(actorHeader, string(who))
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return &reply{resp.StatusCode, resp.Header, string(text)}
}

func hash(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// byHash is a request for an operation by its hash.
func byHash(query, hash string) map[string]any {
	m := map[string]any{"extensions": vars{"persistedQuery": vars{"version": 1, "sha256Hash": hash}}}
	if query != "" {
		m["query"] = query
	}
	return m
}

func TestOperationsAreKnownByTheirHashesOnceTheyWereSent(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const good, broken = `{ viewer { role } }`, `{ viewer { nothing } }`
	for i, step := range []struct {
		body any
		want string
	}{
		{byHash("", hash(good)), `"PERSISTED_QUERY_NOT_FOUND"`},
		{byHash(good, hash(broken)), `"BAD_USER_INPUT"`},
		{byHash("", hash(good)), `"PersistedQueryNotFound"`},
		{byHash(good, hash(good)), `"role":"MANAGER"`},
		{byHash("", hash(good)), `"role":"MANAGER"`},
		{map[string]any{"documentId": "sha256:" + hash(good)}, `"role":"MANAGER"`},
		{byHash(broken, hash(broken)), `"BAD_USER_INPUT"`},
		{byHash("", hash(broken)), `"PERSISTED_QUERY_NOT_FOUND"`},
		{map[string]any{"extensions": vars{"persistedQuery": vars{"version": 2, "sha256Hash": hash(good)}}}, `"BAD_USER_INPUT"`},
		{map[string]any{"extensions": vars{"persistedQuery": "x"}}, `"BAD_USER_INPUT"`},
	} {
		if got := a.sendBody(manager, step.body); !strings.Contains(got.body, step.want) {
			t.Errorf("step %d: %s, want %s", i, got.body, step.want)
		}
	}
}

func TestWithAManifestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	const listed, other = `{ viewer { role } }`, `{ viewer { id } }`
	for name, text := range map[string]string{
		"plain":  `{"` + hash(listed) + `": "` + listed + `"}`,
		"Apollo": `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "` + hash(listed) + `", "name": "Q", "type": "query", "body": "` + listed + `"}]}`,
	} {
		m, err := graph.ReadManifest([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		a := newAPIWith(t, func(r *graph.Resolver) { r.Limits.Manifest = m })
		for _, body := range []any{byHash("", hash(listed)), byHash(listed, hash(listed)), vars{"query": listed}, vars{"documentId": hash(listed)}} {
			if got := a.sendBody(manager, body); !strings.Contains(got.body, `"role":"MANAGER"`) {
				t.Errorf("%s: %v: %s", name, body, got.body)
			}
		}
		for _, body := range []any{byHash("", hash(other)), byHash(other, hash(other)), byHash(other, hash(listed)), vars{"query": other}, vars{"query": "{ __typename }"}} {
			if got := a.sendBody(manager, body); got.status != http.StatusForbidden || !strings.Contains(got.body, `"FORBIDDEN"`) {
				t.Errorf("%s: %v: %d %s", name, body, got.status, got.body)
			}
		}
	}
	for _, text := range []string{"", "[]", "{}", `{"a": 1}`, `{"format": "apollo-persisted-query-manifest", "operations": []}`} {
		if m, err := graph.ReadManifest([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
}
