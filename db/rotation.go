package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// MaxKeepOldSecret is the longest that an old secret goes on being good beside a new
// one.
const MaxKeepOldSecret = 30 * 24 * time.Hour

func checkKeepOld(keepOld time.Duration) error {
	if keepOld < 0 || keepOld > MaxKeepOldSecret {
		return proofback.Invalid([]string{"keepOldFor"}, "from 0 to %d minutes", int(MaxKeepOldSecret.Minutes()))
	}
	return nil
}

// rotated are the columns of a row that has a secret, sealed for its id.
type rotated struct {
	id          uuid.UUID
	secret, old *[]byte
	oldUntil    *time.Time
}

// rotate puts a new secret into a row, and keeps the old one beside it for a while. The
// new one is given, and not to be had again.
func (s *Store) rotate(r rotated, now time.Time, keepOld time.Duration) string {
	*r.old, *r.oldUntil = nil, time.Time{}
	if keepOld > 0 {
		*r.old, *r.oldUntil = *r.secret, now.Add(keepOld)
	}
	secret := NewSecret()
	*r.secret = s.sealer.Seal(secret, r.id)
	return secret
}

// rotateIn gives a row that is locked another secret, and stores it.
func rotateIn[R any](ctx context.Context, s *Store, tx *tx, kind proofback.Kind, row *R, of func(*R) rotated, keepOld time.Duration) (string, error) {
	before := *row
	r := of(row)
	secret := s.rotate(r, tx.now, keepOld)
	tx.changed(kind, r.id, &before, row)
	_, err := tx.NewUpdate().
		Model(row).
		Column("secret", "old_secret", "old_secret_until").
		WherePK().
		Exec(ctx)
	return secret, err
}
