package auth

import (
	"net/http"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph"
)

// Middleware puts who acts into the context of each request to next. A request
// without a token is nobody's; one with a token that is not good is given to
// refuse at once, with CodeUnauthenticated.
func Middleware(g *Gate, refuse func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, present, err := bearer(r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		if !present {
			next.ServeHTTP(w, r)
			return
		}
		actor, err := g.Actor(r.Context(), token)
		if err != nil {
			refuse(w, r, err)
			return
		}
		actor.RequestID = graph.ActorFrom(r.Context()).RequestID
		next.ServeHTTP(w, r.WithContext(graph.WithActor(r.Context(), actor)))
	})
}

// bearer reads the Authorization header (RFC 6750, section 2.1).
func bearer(r *http.Request) (token string, present bool, err error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", false, nil
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", false, proofback.Errorf(proofback.CodeUnauthenticated, "the Authorization header must be: Bearer <token>")
	}
	return strings.TrimSpace(token), true, nil
}
