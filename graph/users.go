package graph

import (
	"context"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type user Resolver

// User answers the fields of User.
func (r *Resolver) User() generated.UserResolver { return (*user)(r) }

func (q *query) Users(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.UserFilter) (*model.UserConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.UserFilter{
		Search:       orZero(in.Search),
		Role:         orZero(in.Role),
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "filter", "advertiserId"),
		Disabled:     in.Disabled,
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Users(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(u *proofback.User) proofback.Cursor { return proofback.Cursor{ID: u.ID} },
		func(cursor string, u *proofback.User) *model.UserEdge {
			return &model.UserEdge{Cursor: cursor, Node: showUser(u)}
		})
	return &model.UserConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateUser(ctx context.Context, in model.CreateUserInput) (*model.CreateUserPayload, error) {
	var ids idReader
	n := db.NewUser{
		User: proofback.User{
			Email:        strings.ToLower(strings.TrimSpace(in.Email)),
			Role:         in.Role,
			AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
			AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "advertiserId"),
		},
		Password: in.Password,
		Hash:     m.Sessions.HashPassword,
	}
	u, err := (*proofback.User)(nil), ids.err()
	if err == nil {
		u, err = m.Store.CreateUser(ctx, ActorFrom(ctx), n)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateUserPayload{UserErrors: mistakes}, err
	}
	return &model.CreateUserPayload{User: showUser(u), UserErrors: mistakes}, nil
}

func (m *mutation) UpdateUser(ctx context.Context, in model.UpdateUserInput) (*model.UpdateUserPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindUser, in.ID, "id")
	affiliate, affiliateGiven := in.AffiliateID.ValueOK()
	advertiser, advertiserGiven := in.AdvertiserID.ValueOK()
	affiliateID := ids.maybe(proofback.KindAffiliate, affiliate, "affiliateId")
	advertiserID := ids.maybe(proofback.KindAdvertiser, advertiser, "advertiserId")
	u, err := (*proofback.User)(nil), ids.err()
	if err == nil {
		u, err = m.Store.UpdateUser(ctx, ActorFrom(ctx), id, func(u *proofback.User) {
			u.Email = strings.ToLower(strings.TrimSpace(orElse(in.Email, u.Email)))
			u.Role = orElse(in.Role, u.Role)
			u.Disabled = orElse(in.Disabled, u.Disabled)
			if affiliateGiven {
				u.AffiliateID = affiliateID
			}
			if advertiserGiven {
				u.AdvertiserID = advertiserID
			}
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateUserPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateUserPayload{User: showUser(u), UserErrors: mistakes}, nil
}

func (r *user) Affiliate(ctx context.Context, u *model.User) (*model.Affiliate, error) {
	return affiliateOrNull(ctx, u.AffiliateID)
}

func (r *user) Advertiser(ctx context.Context, u *model.User) (*model.Advertiser, error) {
	return advertiserOrNull(ctx, r.PublicURL, u.AdvertiserID)
}

// showUser is a user as the API shows it.
func showUser(u *proofback.User) *model.User {
	return &model.User{
		ID:           proofback.GlobalID(proofback.KindUser, u.ID),
		Email:        u.Email,
		Role:         u.Role,
		Disabled:     u.Disabled,
		Joined:       u.Joined,
		CreatedAt:    u.CreatedAt,
		AffiliateID:  u.AffiliateID,
		AdvertiserID: u.AdvertiserID,
	}
}
