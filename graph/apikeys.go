package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type apiKey Resolver

// ApiKey answers the fields of ApiKey.
func (r *Resolver) ApiKey() generated.ApiKeyResolver { return (*apiKey)(r) }

func (q *query) APIKeys(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.APIKeyFilter) (*model.APIKeyConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.APIKeyFilter{
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		Active:       in.Active,
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.APIKeys(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(k *proofback.APIKey) proofback.Cursor { return proofback.Cursor{ID: k.ID} },
		func(cursor string, k *proofback.APIKey) *model.APIKeyEdge {
			return &model.APIKeyEdge{Cursor: cursor, Node: showAPIKey(k)}
		})
	return &model.APIKeyConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateAPIKey(ctx context.Context, in model.CreateAPIKeyInput) (*model.CreateAPIKeyPayload, error) {
	var ids idReader
	k := proofback.APIKey{
		Name:         in.Name,
		Role:         orZero(in.Role),
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "advertiserId"),
		Scope:        orZero(in.Scope),
		ExpiresAt:    orZero(in.ExpiresAt),
	}
	made, secret, err := (*proofback.APIKey)(nil), "", ids.err()
	if err == nil {
		made, secret, err = m.Store.CreateAPIKey(ctx, ActorFrom(ctx), k)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateAPIKeyPayload{UserErrors: mistakes}, err
	}
	return &model.CreateAPIKeyPayload{APIKey: showAPIKey(made), Secret: &secret, UserErrors: mistakes}, nil
}

func (m *mutation) UpdateAPIKey(ctx context.Context, in model.UpdateAPIKeyInput) (*model.UpdateAPIKeyPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAPIKey, in.ID, "id")
	k, err := (*proofback.APIKey)(nil), ids.err()
	if err == nil {
		k, err = m.Store.UpdateAPIKey(ctx, ActorFrom(ctx), id, func(k *proofback.APIKey) {
			k.Name = orElse(in.Name, k.Name)
			if expires, ok := in.ExpiresAt.ValueOK(); ok {
				k.ExpiresAt = orZero(expires)
			}
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateAPIKeyPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateAPIKeyPayload{APIKey: showAPIKey(k), UserErrors: mistakes}, nil
}

func (m *mutation) RevokeAPIKey(ctx context.Context, in model.RevokeAPIKeyInput) (*model.RevokeAPIKeyPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAPIKey, in.ID, "id")
	k, err := (*proofback.APIKey)(nil), ids.err()
	if err == nil {
		k, err = m.Store.RevokeAPIKey(ctx, ActorFrom(ctx), id)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.RevokeAPIKeyPayload{UserErrors: mistakes}, err
	}
	return &model.RevokeAPIKeyPayload{APIKey: showAPIKey(k), UserErrors: mistakes}, nil
}

func (r *apiKey) Affiliate(ctx context.Context, k *model.APIKey) (*model.Affiliate, error) {
	return affiliateOrNull(ctx, k.AffiliateID)
}

func (r *apiKey) Advertiser(ctx context.Context, k *model.APIKey) (*model.Advertiser, error) {
	return advertiserOrNull(ctx, r.PublicURL, k.AdvertiserID)
}

func (r *apiKey) CreatedBy(ctx context.Context, k *model.APIKey) (*model.User, error) {
	return userOrNull(ctx, k.UserID)
}

// userOrNull answers a relation that may be none, or none that the actor may see.
func userOrNull(ctx context.Context, id uuid.UUID) (*model.User, error) {
	u, err := find(ctx, loadersFrom(ctx).users, id)
	if err != nil || u == nil {
		return nil, err
	}
	return showUser(u), nil
}

// showAPIKey is a key as the API shows it.
func showAPIKey(k *proofback.APIKey) *model.APIKey {
	return &model.APIKey{
		ID:           proofback.GlobalID(proofback.KindAPIKey, k.ID),
		Name:         k.Name,
		Role:         k.Role,
		Scope:        k.Scope,
		Hint:         k.Hint,
		CreatedAt:    k.CreatedAt,
		ExpiresAt:    orNull(k.ExpiresAt),
		LastUsedAt:   orNull(k.LastUsedAt),
		RevokedAt:    orNull(k.RevokedAt),
		AffiliateID:  k.AffiliateID,
		AdvertiserID: k.AdvertiserID,
		UserID:       k.CreatedBy,
	}
}
