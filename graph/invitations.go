package graph

import (
	"context"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) InviteUser(ctx context.Context, in model.InviteUserInput) (*model.InviteUserPayload, error) {
	var ids idReader
	u := proofback.User{
		Email:        strings.ToLower(strings.TrimSpace(in.Email)),
		Role:         in.Role,
		AffiliateID:  ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId"),
		AdvertiserID: ids.maybe(proofback.KindAdvertiser, in.AdvertiserID, "advertiserId"),
	}
	var made *proofback.User
	var handed db.OneTimeToken
	err := ids.err()
	if err == nil {
		made, handed, err = m.Store.InviteUser(ctx, ActorFrom(ctx), u)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.InviteUserPayload{UserErrors: mistakes}, err
	}
	return &model.InviteUserPayload{User: showUser(made), Token: orNull(handed.Token), ExpiresAt: orNull(handed.ExpiresAt), UserErrors: mistakes}, nil
}

func (m *mutation) ResendInvitation(ctx context.Context, in model.ResendInvitationInput) (*model.ResendInvitationPayload, error) {
	u, handed, mistakes, err := m.hand(ctx, db.Invitation, in.ID, "id")
	if err != nil || len(mistakes) > 0 {
		return &model.ResendInvitationPayload{UserErrors: mistakes}, err
	}
	return &model.ResendInvitationPayload{User: u, Token: orNull(handed.Token), ExpiresAt: orNull(handed.ExpiresAt), UserErrors: mistakes}, nil
}

func (m *mutation) CreatePasswordReset(ctx context.Context, in model.CreatePasswordResetInput) (*model.CreatePasswordResetPayload, error) {
	u, handed, mistakes, err := m.hand(ctx, db.PasswordReset, in.UserID, "userId")
	if err != nil || len(mistakes) > 0 {
		return &model.CreatePasswordResetPayload{UserErrors: mistakes}, err
	}
	return &model.CreatePasswordResetPayload{User: u, Token: orNull(handed.Token), ExpiresAt: orNull(handed.ExpiresAt), UserErrors: mistakes}, nil
}

// hand gives a user another token.
func (m *mutation) hand(ctx context.Context, p db.Purpose, id, field string) (*model.User, db.OneTimeToken, []*model.UserError, error) {
	var ids idReader
	key := ids.one(proofback.KindUser, id, field)
	var u *proofback.User
	var handed db.OneTimeToken
	err := ids.err()
	if err == nil {
		u, handed, err = m.Store.HandToken(ctx, ActorFrom(ctx), p, key)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return nil, handed, mistakes, err
	}
	return showUser(u), handed, mistakes, nil
}

func (m *mutation) AcceptInvitation(ctx context.Context, in model.AcceptInvitationInput) (*model.AcceptInvitationPayload, error) {
	mistakes, err := tryErrors(m.Accounts.Redeem(ctx, db.Invitation, in.Token, in.Password))
	if err != nil {
		return nil, err
	}
	return &model.AcceptInvitationPayload{UserErrors: mistakes}, nil
}

func (m *mutation) RequestPasswordReset(ctx context.Context, in model.RequestPasswordResetInput) (*model.RequestPasswordResetPayload, error) {
	mistakes, err := tryErrors(m.Accounts.AskForReset(ctx, in.Email))
	if err != nil {
		return nil, err
	}
	return &model.RequestPasswordResetPayload{UserErrors: mistakes}, nil
}

func (m *mutation) ResetPassword(ctx context.Context, in model.ResetPasswordInput) (*model.ResetPasswordPayload, error) {
	mistakes, err := tryErrors(m.Accounts.Redeem(ctx, db.PasswordReset, in.Token, in.Password))
	if err != nil {
		return nil, err
	}
	return &model.ResetPasswordPayload{UserErrors: mistakes}, nil
}

func (m *mutation) ChangePassword(ctx context.Context, in model.ChangePasswordInput) (*model.ChangePasswordPayload, error) {
	mistakes, err := tryErrors(m.Accounts.ChangePassword(ctx, ActorFrom(ctx), in.Current, in.Password))
	if err != nil {
		return nil, err
	}
	return &model.ChangePasswordPayload{UserErrors: mistakes}, nil
}
