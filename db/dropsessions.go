package db

import (
	"context"
	"time"

	"github.com/proofback/proofback"
)

// expiredFor is how long a refresh token is kept after it has expired, so that
// who shows one late is told to sign in again rather than that it never was.
const expiredFor = 24 * time.Hour

// DropSessions drops refresh tokens that have expired, and sessions that have no
// token left.
func (s *Store) DropSessions(ctx context.Context, actor proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		before := tx.now.Add(-expiredFor)
		_, err := tx.NewDelete().
			Model((*refreshTokenRow)(nil)).
			Where("expires_at < ?", before).
			Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewDelete().
			Model((*sessionRow)(nil)).
			Where("created_at < ?", before).
			Where("NOT EXISTS (SELECT FROM refresh_tokens AS t WHERE t.session_id = session.id)").
			Exec(ctx)
		return err
	})
}
