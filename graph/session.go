package graph

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type viewer Resolver

// Viewer answers the fields of Viewer.
func (r *Resolver) Viewer() generated.ViewerResolver { return (*viewer)(r) }

func (m *mutation) SignIn(ctx context.Context, in model.SignInInput) (*model.SignInPayload, error) {
	s, err := m.Sessions.SignIn(ctx, in.Email, in.Password, orZero(in.Code))
	session, mistakes, err := started(s, err)
	if err != nil {
		return nil, err
	}
	return &model.SignInPayload{Session: session, UserErrors: mistakes}, nil
}

func (m *mutation) RefreshSession(ctx context.Context, in model.RefreshSessionInput) (*model.RefreshSessionPayload, error) {
	s, err := m.Sessions.Refresh(ctx, in.RefreshToken)
	session, mistakes, err := started(s, err)
	if err != nil {
		return nil, err
	}
	return &model.RefreshSessionPayload{Session: session, UserErrors: mistakes}, nil
}

// started makes the payload of a session's beginning. Here alone is a refusal
// to believe somebody a mistake in the input, not a request without a session.
func started(s Session, err error) (*model.Session, []*model.UserError, error) {
	mistakes, err := tryErrors(err)
	if err != nil || len(mistakes) > 0 {
		return nil, mistakes, err
	}
	return &model.Session{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, ExpiresAt: s.ExpiresAt}, mistakes, nil
}

// tryErrors is userErrors for what has to be known or may be tried too often.
func tryErrors(err error) ([]*model.UserError, error) {
	if e, ok := errors.AsType[*proofback.Error](err); ok {
		switch e.Code {
		case proofback.CodeUnauthenticated, proofback.CodeRateLimited, proofback.CodeSecondFactor:
			return []*model.UserError{userError(e)}, nil
		}
	}
	return userErrors(err)
}

func (m *mutation) SignOutEverywhere(ctx context.Context) (*model.SignOutEverywherePayload, error) {
	mistakes, err := userErrors(m.Store.EndSessions(ctx, ActorFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return &model.SignOutEverywherePayload{UserErrors: mistakes}, nil
}

func (m *mutation) SignOut(ctx context.Context) (*model.SignOutPayload, error) {
	mistakes, err := userErrors(m.Store.EndSession(ctx, ActorFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return &model.SignOutPayload{UserErrors: mistakes}, nil
}

func (q *query) Viewer(ctx context.Context) (*model.Viewer, error) {
	a := ActorFrom(ctx)
	if err := a.RequireSignedIn(); err != nil {
		return nil, err
	}
	v := &model.Viewer{
		ID:           proofback.GlobalID(proofback.KindUser, a.UserID),
		Role:         a.Role,
		AffiliateID:  a.AffiliateID,
		AdvertiserID: a.AdvertiserID,
	}
	key, err := find(ctx, loadersFrom(ctx).apiKeys, a.APIKeyID)
	if err != nil {
		return nil, err
	}
	if key != nil {
		v.APIKey = showAPIKey(key)
	}
	user, err := find(ctx, loadersFrom(ctx).users, a.UserID)
	if err != nil {
		return nil, err
	}
	if user != nil {
		v.Email = &user.Email
	}
	return v, nil
}

func (r *viewer) Affiliate(ctx context.Context, v *model.Viewer) (*model.Affiliate, error) {
	return affiliateOrNull(ctx, v.AffiliateID)
}

func (r *viewer) Advertiser(ctx context.Context, v *model.Viewer) (*model.Advertiser, error) {
	return advertiserOrNull(ctx, r.PublicURL, v.AdvertiserID)
}

// affiliateOrNull answers a relation that may be none.
func affiliateOrNull(ctx context.Context, id uuid.UUID) (*model.Affiliate, error) {
	a, err := find(ctx, loadersFrom(ctx).affiliates, id)
	if err != nil || a == nil {
		return nil, err
	}
	return showAffiliate(a), nil
}

// advertiserOrNull answers a relation that may be none.
func advertiserOrNull(ctx context.Context, publicURL string, id uuid.UUID) (*model.Advertiser, error) {
	a, err := find(ctx, loadersFrom(ctx).advertisers, id)
	if err != nil || a == nil {
		return nil, err
	}
	return showAdvertiser(a, publicURL), nil
}
