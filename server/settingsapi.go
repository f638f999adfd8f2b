package main

import (
	"cmp"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/proofback/proofback/graph"
)

// checkAPI reads what is said of GraphQL and of browsers.
func (s *Settings) checkAPI() error {
	for _, origin := range s.CORSOrigins {
		origin = strings.TrimRight(strings.TrimSpace(origin), "/")
		if origin == "" {
			continue
		}
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.User != nil) {
			return wrong("PROOFBACK_CORS_ORIGINS", "names %q: expected origins separated by commas, such as https://app.example.com, or *", origin)
		}
		s.corsOrigins = append(s.corsOrigins, strings.ToLower(origin))
	}
	budget, err := strconv.Atoi(cmp.Or(s.QueryBudget, "1000000"))
	if err != nil || budget < 0 || budget > 1_000_000_000 {
		return wrong("PROOFBACK_QUERY_BUDGET", "is %q: expected what operations may cost in a minute, or 0 for any number", s.QueryBudget)
	}
	s.limits.Budget = budget
	switch s.Introspection {
	case "":
		if !s.embedded() {
			s.limits.Introspection = graph.IntrospectionForSignedIn
		}
	case "all":
	case "signed-in":
		s.limits.Introspection = graph.IntrospectionForSignedIn
	case "none":
		s.limits.Introspection = graph.IntrospectionForNobody
	default:
		return wrong("PROOFBACK_INTROSPECTION", "is %q: expected all, signed-in or none", s.Introspection)
	}
	if s.Operations == "" {
		return nil
	}
	text, err := os.ReadFile(s.Operations)
	if err == nil {
		s.limits.Manifest, err = graph.ReadManifest(text)
	}
	if err != nil {
		return wrong("PROOFBACK_OPERATIONS", "is %q, which cannot be used (%s): expected a manifest of operations", s.Operations, oneLine(err))
	}
	return nil
}
