package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

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
		ctx, err := g.admit(r.Context(), token)
		if err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// admit puts whom a credential stands for into a context, and until when.
func (g *Gate) admit(ctx context.Context, credential string) (context.Context, error) {
	actor, err := g.Actor(ctx, credential)
	if err != nil {
		return nil, err
	}
	actor.RequestID = graph.ActorFrom(ctx).RequestID
	return graph.WithExpiry(graph.WithActor(ctx, actor), expiry(credential)), nil
}

// Authenticate puts who acts into a context, by the text of an Authorization header that
// came otherwise, as browsers' WebSockets have to send it. "" is nobody's.
func (g *Gate) Authenticate(ctx context.Context, authorization string) (context.Context, error) {
	token, present, err := bearer(&http.Request{Header: http.Header{"Authorization": {authorization}}})
	if err != nil {
		return nil, err
	}
	if !present {
		return graph.WithActor(ctx, proofback.Actor{RequestID: graph.ActorFrom(ctx).RequestID}), nil
	}
	return g.admit(ctx, token)
}

// expiry is until when an access token that was found good is; zero for API keys, which
// are looked up each time.
func expiry(credential string) time.Time {
	var c jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(credential, &c); err != nil || c.ExpiresAt == nil {
		return time.Time{}
	}
	return c.ExpiresAt.UTC()
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
