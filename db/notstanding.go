package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// StillStanding is Standing for whoever was let in before, with whatever: a session or an
// API key. ErrSignedOut when that is over.
func (s *Store) StillStanding(ctx context.Context, actor, of proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	if of.UserID == uuid.Nil && of.APIKeyID == uuid.Nil {
		return nil // nobody, or somebody whom an identity provider knows: the token's end is theirs
	}
	gone, err := s.notStanding(ctx, []proofback.Actor{of})
	if err == nil && len(gone) > 0 {
		err = ErrSignedOut
	}
	return domainError(err)
}

// notStanding tells which of some actors, by their positions, may not act any more: a
// user that was disabled or has other rights now, a session that has ended, an API key
// that was revoked or has run out. It is Standing for many at once.
func (s *Store) notStanding(ctx context.Context, actors []proofback.Actor) ([]int, error) {
	type a = proofback.Actor
	rows, err := s.pool.Query(ctx, `
		SELECT a.n - 1
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[])
			WITH ORDINALITY AS a (user_id, session_id, key_id, role, affiliate_id, advertiser_id, n)
		LEFT JOIN users AS u ON u.id = a.user_id
		LEFT JOIN sessions AS s ON s.id = a.session_id AND s.user_id = a.user_id
		LEFT JOIN api_keys AS k ON k.id = a.key_id
		WHERE a.user_id <> $7 AND (
			u.id IS NULL OR u.disabled_at IS NOT NULL OR u.role <> a.role
			OR coalesce(u.affiliate_id, $7) <> a.affiliate_id OR coalesce(u.advertiser_id, $7) <> a.advertiser_id
			OR a.session_id <> $7 AND (s.id IS NULL OR s.ended_at IS NOT NULL))
		OR a.key_id <> $7 AND (k.id IS NULL OR k.revoked_at IS NOT NULL OR k.expires_at <= $8)`,
		column(actors, func(a a) uuid.UUID { return a.UserID }),
		column(actors, func(a a) uuid.UUID { return a.SessionID }),
		column(actors, func(a a) uuid.UUID { return a.APIKeyID }),
		column(actors, func(a a) string { return string(a.Role) }),
		column(actors, func(a a) uuid.UUID { return a.AffiliateID }),
		column(actors, func(a a) uuid.UUID { return a.AdvertiserID }),
		uuid.Nil, s.clock())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}
