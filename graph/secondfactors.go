package graph

import (
	"context"
	"net/url"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) BeginTotp(ctx context.Context) (*model.BeginTotpPayload, error) {
	secret, email, err := m.Store.BeginTOTP(ctx, ActorFrom(ctx))
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.BeginTotpPayload{UserErrors: mistakes}, err
	}
	issuer := "Proofback"
	if u, err := url.Parse(m.PublicURL); err == nil && u.Host != "" {
		issuer += " " + u.Hostname()
	}
	shown, uri := proofback.TOTPSecret(secret), proofback.TOTPURI(issuer, email, secret)
	return &model.BeginTotpPayload{Secret: &shown, URI: &uri, UserErrors: mistakes}, nil
}

func (m *mutation) ConfirmTotp(ctx context.Context, in model.ConfirmTotpInput) (*model.ConfirmTotpPayload, error) {
	codes, err := m.Store.ConfirmTOTP(ctx, ActorFrom(ctx), in.Code)
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.ConfirmTotpPayload{UserErrors: mistakes}, err
	}
	return &model.ConfirmTotpPayload{RecoveryCodes: codes, UserErrors: mistakes}, nil
}

func (m *mutation) DisableTotp(ctx context.Context, in model.DisableTotpInput) (*model.DisableTotpPayload, error) {
	var ids idReader
	id := ids.maybe(proofback.KindUser, in.UserID, "userId")
	err := ids.err()
	if err == nil {
		err = m.Store.DisableTOTP(ctx, ActorFrom(ctx), id, orZero(in.Code))
	}
	mistakes, err := tryErrors(err)
	if err != nil {
		return nil, err
	}
	return &model.DisableTotpPayload{UserErrors: mistakes}, nil
}

// SecondFactor tells whether signing in takes a code as well.
func (r *user) SecondFactor(ctx context.Context, u *model.User) (bool, error) {
	id, err := proofback.ParseIDOf(proofback.KindUser, u.ID)
	if err != nil {
		return false, err
	}
	have, err := find(ctx, loadersFrom(ctx).secondFactors, id)
	return have != nil, err
}
