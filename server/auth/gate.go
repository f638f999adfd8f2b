package auth

import (
	"context"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Gate tells who acts, by what somebody brings along.
type Gate struct {
	Tokens *Tokens
	Store  *db.Store
}

// Actor gives whom a credential stands for, now: an API key, or an access token. A token that was right when it was
// given out is refused once its session has ended, or its user may not sign in or has
// other rights. CodeUnauthenticated for whatever is not good.
func (g *Gate) Actor(ctx context.Context, credential string) (proofback.Actor, error) {
	if strings.HasPrefix(credential, proofback.APIKeyPrefix) {
		return g.Store.UseAPIKey(ctx, proofback.System(), credential)
	}
	actor, err := g.Tokens.Verify(ctx, credential)
	if err != nil {
		return proofback.Actor{}, err
	}
	if err := g.Store.Standing(ctx, proofback.System(), actor); err != nil {
		return proofback.Actor{}, err
	}
	return actor, nil
}
