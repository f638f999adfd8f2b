package db

import (
	"context"
	"time"

	"github.com/proofback/proofback"
)

// expiredFor is how long a refresh token is kept after it has expired, so that
// who shows one late is told to sign in again rather than that it never was.
const expiredFor = 24 * time.Hour

// DropSessions drops refresh and one-time tokens that have expired, sessions that have
// no token left, and tries to sign in that are forgotten.
func (s *Store) DropSessions(ctx context.Context, actor proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		before := tx.now.Add(-expiredFor)
		if _, err := tx.NewDelete().Model((*oneTimeTokenRow)(nil)).Where("expires_at < ?", tx.now).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*tryRow)(nil)).Where("last_at < ?", tx.now.Add(-proofback.TriesForgotten)).Exec(ctx); err != nil {
			return err
		}
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
