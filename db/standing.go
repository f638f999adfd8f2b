package db

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// errNotAnyMore is the one answer to whoever an access token was right about.
var errNotAnyMore = proofback.Errorf(proofback.CodeUnauthenticated, "this access token is not good any more: sign in again")

// Standing makes sure that what an access token says of somebody still holds: its
// session goes on, the user may sign in and has these rights. CodeUnauthenticated when
// it does not. Tokens of an identity provider whose subject is not one of our users
// stand for themselves. It is one look by primary keys, planned once a connection, so that who is shut out is so
// with the next request, at whichever process.
func (s *Store) Standing(ctx context.Context, actor, of proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	if of.UserID == uuid.Nil {
		return nil
	}
	var (
		role                      proofback.Role
		affiliate, advertiser     uuid.NullUUID
		disabled, unjoined, ended bool
	)
	err := s.pool.QueryRow(ctx, `
		SELECT u.role, u.affiliate_id, u.advertiser_id, u.disabled_at IS NOT NULL, u.joined_at IS NULL,
			$2 <> '00000000-0000-0000-0000-000000000000'::uuid AND (s.id IS NULL OR s.ended_at IS NOT NULL)
		FROM users AS u
		LEFT JOIN sessions AS s ON s.id = $2 AND s.user_id = u.id
		WHERE u.id = $1`, pgx.QueryExecModeCacheStatement, of.UserID, of.SessionID).
		Scan(&role, &affiliate, &advertiser, &disabled, &unjoined, &ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNotAnyMore
	}
	if err != nil {
		return domainError(err)
	}
	if disabled || unjoined || ended || role != of.Role || affiliate.UUID != of.AffiliateID || advertiser.UUID != of.AdvertiserID {
		return errNotAnyMore
	}
	return nil
}
