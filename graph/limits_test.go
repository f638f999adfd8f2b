package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback/graph"
)

// attacks are documents that are small to send and large to work on.
func attacks() map[string]string {
	var bomb, loops strings.Builder
	bomb.WriteString("{ viewer { ...F0 } }")
	for i := range 60 {
		fmt.Fprintf(&bomb, " fragment F%d on Viewer { ...F%d ...F%d }", i, i+1, i+1)
	}
	bomb.WriteString(" fragment F60 on Viewer { id }")
	unused := strings.Replace(bomb.String(), "{ viewer { ...F0 } }", "{ viewer { id } }", 1)
	for i := range 200 {
		fmt.Fprintf(&loops, " fragment L%d on Viewer { id ...L%d }", i, (i+1)%200)
	}
	aliases := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d: %s ", i, field)
		}
		return b.String()
	}
	return map[string]string{
		"a bomb of fragments":       bomb.String(),
		"one that nobody spreads":   unused,
		"fragments in a circle":     "{ viewer { ...L0 } }" + loops.String(),
		"aliases of one field":      "{ " + aliases(31, "viewer { id }") + "}",
		"thousands of them":         "{ viewer { " + aliases(3000, "id") + "} }",
		"one field again and again": "{ viewer { " + strings.Repeat("id ", 9000) + "} }",
		"directives":                "{ viewer { id " + strings.Repeat("@skip(if: false) ", 101) + "} }",
		"directives nobody knows":   "{ viewer { id " + strings.Repeat("@a ", 4000) + "} }",
		"depth":                     "{ " + strings.Repeat("offers { edges { node { advertiser { id } } } } ", 1) + strings.Repeat("node(id: 1) { ... on Offer { goals { ", 1) + strings.Repeat("a { ", 30) + "id" + strings.Repeat(" }", 30) + " } } } }",
		"nested fragments":          "{ viewer { " + strings.Repeat("... { ", 2000) + "id" + strings.Repeat(" }", 2000) + " } }",
		"nested introspection":      "{ __schema { types { " + strings.Repeat("fields { type { ", 12) + "name" + strings.Repeat(" } }", 12) + " } } }",
		"fields that nobody knows":  "{ viewer { " + unknownFields(1500) + "} }",
		"a list within lists":       "{ nodes(ids: " + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + ") { id } }",
	}
}

func unknownFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%d ", i)
	}
	return b.String()
}

func TestAttacksAreAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for name, query := range attacks() {
		best := time.Hour
		for range 5 { // on a busy machine some may be late
			began := time.Now()
			got := a.do(nobody, query, nil)
			best = min(best, time.Since(began))
			if code := got.code(); code != "COMPLEXITY_LIMIT_EXCEEDED" && code != "BAD_USER_INPUT" {
				t.Errorf("%s: %.300v %.300v", name, got.Data, got.Errors)
			}
			if len(got.Errors) > 20 {
				t.Errorf("%s: %d errors", name, len(got.Errors))
			}
		}
		limit := 5 * answeredWithin
		if strings.Contains(query, "fragment") {
			limit = answeredWithin
		}
		if best > limit {
			t.Errorf("%s: it took %v", name, best)
		}
	}
}

func TestABudgetIsSpentAndComesBack(t *testing.T) {
	t.Parallel()
	a := newAPIWith(t, func(r *graph.Resolver) { r.Limits.Budget = 60 })
	const query = `{ offers(first: 10) { edges { node { id name } } } }` // costs 41
	first := a.send(manager, query)
	if first.header.Get("RateLimit-Limit") != "60" || !strings.Contains(first.body, `"cost":{"cost":`) || !strings.Contains(first.body, `"remaining":`) {
		t.Errorf("%v %s", first.header, first.body)
	}
	var refused *reply
	for range 4 {
		if got := a.send(manager, query); strings.Contains(got.body, `"RATE_LIMITED"`) {
			refused = got
		}
	}
	if refused == nil || refused.status != http.StatusTooManyRequests || refused.header.Get("Retry-After") == "" {
		t.Fatalf("%+v", refused)
	}
	if got := a.send(admin, query); got.status != http.StatusOK {
		t.Errorf("somebody else is refused: %s", got.body)
	}
	deadline := time.Now().Add(soon)
	for a.send(manager, query).status != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the budget does not come back")
		}
		<-time.After(100 * time.Millisecond)
	}
}

func TestTheSchemaIsShownToWhomItMayBe(t *testing.T) {
	t.Parallel()
	const learn, mistake = `{ __schema { queryType { name } } __type(name: "Offer") { name } }`, `{ viewer { emai } }`
	for who, tt := range map[graph.Introspection]struct{ nobody, signedIn bool }{
		graph.IntrospectionForAll: {true, true}, graph.IntrospectionForSignedIn: {false, true}, graph.IntrospectionForNobody: {false, false},
	} {
		a := newAPIWith(t, func(r *graph.Resolver) { r.Limits.Introspection = who })
		for actor, want := range map[string]bool{"nobody": tt.nobody, "staff": tt.signedIn} {
			by := nobody
			if actor == "staff" {
				by = manager
			}
			if got := a.send(by, learn); strings.Contains(got.body, `"Query"`) != want {
				t.Errorf("%v, %s: %s", who, actor, got.body)
			}
			if got := a.send(by, mistake); strings.Contains(got.body, "Did you mean") != want || !strings.Contains(got.body, "emai") {
				t.Errorf("%v, %s: %s", who, actor, got.body)
			}
		}
		if got := a.send(nobody, `{ __typename }`); !strings.Contains(got.body, `"__typename":"Query"`) {
			t.Errorf("%v: %s", who, got.body)
		}
	}
}
