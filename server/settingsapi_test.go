package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proofback/proofback/graph"
)

func TestSettingsOfTheAPI(t *testing.T) {
	t.Parallel()
	s := &Settings{CORSOrigins: []string{" https://App.example.com/ ", ""}}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	if len(s.corsOrigins) != 1 || s.corsOrigins[0] != "https://app.example.com" || s.limits.Budget != 1_000_000 || s.limits.Introspection != graph.IntrospectionForAll {
		t.Errorf("%v %+v", s.corsOrigins, s.limits)
	}
	elsewhere := &Settings{DatabaseURL: "postgres://x/y", Introspection: ""}
	if err := elsewhere.check(); err != nil || elsewhere.limits.Introspection != graph.IntrospectionForSignedIn {
		t.Errorf("%v, %+v", err, elsewhere.limits)
	}
	good := filepath.Join(t.TempDir(), "good.json")
	if err := os.WriteFile(good, []byte(`{"abc": "{ viewer { id } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	strict := &Settings{Operations: good, QueryBudget: "0", Introspection: "none"}
	if err := strict.check(); err != nil || strict.limits.Manifest["abc"] == "" || strict.limits.Budget != 0 || strict.limits.Introspection != graph.IntrospectionForNobody {
		t.Errorf("%v, %+v", err, strict.limits)
	}
	for name, wrong := range map[string]*Settings{
		"PROOFBACK_CORS_ORIGINS":  {CORSOrigins: []string{"app.example.com"}},
		"PROOFBACK_QUERY_BUDGET":  {QueryBudget: "much"},
		"PROOFBACK_INTROSPECTION": {Introspection: "yes"},
		"PROOFBACK_OPERATIONS":    {Operations: filepath.Join(t.TempDir(), "none.json")},
	} {
		if err := wrong.check(); err == nil || !strings.HasPrefix(err.Error(), name+" ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
