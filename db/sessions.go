package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// errSystemOnly is what a person gets who calls what signing in is made of.
var errSystemOnly = proofback.Errorf(proofback.CodeForbidden, "only Proofback itself may do this")

// errSignInAgain is the one answer to every refresh token that is not good.
var errSignInAgain = proofback.Errorf(proofback.CodeUnauthenticated, "this refresh token is not good any more: sign in again")

// errChangedMeanwhile is what a password gets that was right when it was sent.
var errChangedMeanwhile = proofback.Errorf(proofback.CodeUnauthenticated, "the password was changed, or the user shut out, at the same moment: sign in again")

// Why a session ended, as its row keeps it.
const (
	endedBySignOut  = "SIGN_OUT"
	endedByReuse    = "REFRESH_TOKEN_REUSED"
	endedByDisabled = "USER_DISABLED"
	endedByRole     = "ROLE_CHANGED"
	endedByPassword = "PASSWORD_SET"
)

// Credentials gives the user with an e-mail address and the hash of the
// password, for signing in; CodeNotFound when there is none or it is disabled.
func (s *Store) Credentials(ctx context.Context, actor proofback.Actor, email string) (*proofback.User, string, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, "", errSystemOnly
	}
	row := &userRow{}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := tx.NewSelect().
			Model(row).
			Where("u.email = ?", email).
			Where("u.disabled_at IS NULL").
			Where("u.joined_at IS NOT NULL").
			Scan(ctx)
		return missing(err, "user")
	})
	if err != nil {
		return nil, "", err
	}
	return row.value(), row.PasswordHash, nil
}

// NewSession is a session that is to begin.
type NewSession struct {
	User *proofback.User
	// PasswordHash is what the password was compared with; "" where nobody has shown one.
	PasswordHash string
	TokenHash    []byte // of its first refresh token
	Expires      time.Time
}

// StartSession begins a session with its first refresh token, of which only the
// hash is kept. Comparing a password takes long: CodeUnauthenticated where it is no longer
// the user's, or the user may not sign in any more, because what ended all sessions for
// that did not see this one.
func (s *Store) StartSession(ctx context.Context, actor proofback.Actor, n NewSession) (uuid.UUID, error) {
	if actor.Role != proofback.RoleSystem {
		return uuid.Nil, errSystemOnly
	}
	id := newID()
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &userRow{}
		err := tx.NewSelect().Model(row).Where("id = ?", n.User.ID).Where("disabled_at IS NULL").For("SHARE").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) || err == nil && n.PasswordHash != "" && row.PasswordHash != n.PasswordHash {
			return errChangedMeanwhile
		} else if err != nil {
			return err
		}
		tx.actsFor(n.User)
		session := &sessionRow{ID: id, UserID: n.User.ID, CreatedAt: tx.now}
		if _, err := tx.NewInsert().Model(session).Exec(ctx); err != nil {
			return err
		}
		token := &refreshTokenRow{Hash: n.TokenHash, SessionID: id, CreatedAt: tx.now, ExpiresAt: n.Expires}
		_, err = tx.NewInsert().Model(token).Exec(ctx)
		return err
	})
	return id, err
}

// actsFor says whom Proofback itself acts for, to the audit log.
func (t *tx) actsFor(u *proofback.User) {
	who := rightsOf(u)
	t.who = &who
	t.touched(proofback.KindUser, u.ID)
}

// Rotation is a refresh token that takes the place of another.
type Rotation struct {
	Old, New []byte // hashes
	Expires  time.Time
}

// RotateRefreshToken trades a refresh token for the next one of its session and
// gives the session's user. A token that was used before has been copied: it
// ends the session, and with it every token that came of it.
func (s *Store) RotateRefreshToken(ctx context.Context, actor proofback.Actor, r Rotation) (*proofback.User, uuid.UUID, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, uuid.Nil, errSystemOnly
	}
	var user *userRow
	session := &sessionRow{}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		token := &refreshTokenRow{}
		err := tx.NewSelect().Model(token).Where("hash = ?", r.Old).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return errSignInAgain
		} else if err != nil {
			return err
		}
		// All tokens of a session take turns at its row, so that one used twice at
		// the same moment is seen as such.
		if err := tx.NewSelect().Model(session).Where("id = ?", token.SessionID).For("UPDATE").Scan(ctx); err != nil {
			return err
		}
		found := &userRow{}
		if err := tx.NewSelect().Model(found).Where("id = ?", session.UserID).Scan(ctx); err != nil {
			return err
		}
		if err := tx.NewSelect().Model(token).WherePK().Scan(ctx); err != nil {
			return err
		}
		tx.actsFor(found.value())
		switch {
		case !session.EndedAt.IsZero():
			return nil
		case !token.UsedAt.IsZero():
			return tx.endSession(ctx, session.ID, endedByReuse)
		case !found.DisabledAt.IsZero():
			return tx.endSession(ctx, session.ID, endedByDisabled)
		case !token.ExpiresAt.After(tx.now):
			return nil
		}
		user = found
		token.UsedAt = tx.now
		if _, err := tx.NewUpdate().Model(token).Column("used_at").WherePK().Exec(ctx); err != nil {
			return err
		}
		next := &refreshTokenRow{Hash: r.New, SessionID: session.ID, CreatedAt: tx.now, ExpiresAt: r.Expires}
		_, err = tx.NewInsert().Model(next).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, uuid.Nil, err
	}
	if user == nil {
		return nil, uuid.Nil, errSignInAgain
	}
	return user.value(), session.ID, nil
}

// EndSession ends the session that the actor's access token was given out in,
// or all of the user's when the token names none.
func (s *Store) EndSession(ctx context.Context, actor proofback.Actor) error {
	if err := actor.RequireSignedIn(); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		q := tx.NewUpdate().
			Model((*sessionRow)(nil)).
			Set("ended_at = ?", tx.now).
			Set("end_reason = ?", endedBySignOut).
			Where("user_id = ?", actor.UserID).
			Where("ended_at IS NULL")
		if actor.SessionID != uuid.Nil {
			q.Where("id = ?", actor.SessionID)
		}
		tx.touched(proofback.KindUser, actor.UserID)
		_, err := q.Exec(ctx)
		return err
	})
}

// EndSessions ends all sessions of who acts.
func (s *Store) EndSessions(ctx context.Context, actor proofback.Actor) error {
	if err := actor.RequirePerson(); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		tx.touched(proofback.KindUser, actor.UserID)
		return tx.endSessionsOf(ctx, actor.UserID, endedBySignOut)
	})
}

// endSessionsOf ends all sessions of a user.
func (t *tx) endSessionsOf(ctx context.Context, user uuid.UUID, reason string) error {
	_, err := t.NewUpdate().
		Model((*sessionRow)(nil)).
		Set("ended_at = ?", t.now).
		Set("end_reason = ?", reason).
		Where("user_id = ?", user).
		Where("ended_at IS NULL").
		Exec(ctx)
	return err
}

func (t *tx) endSession(ctx context.Context, id uuid.UUID, reason string) error {
	_, err := t.NewUpdate().
		Model((*sessionRow)(nil)).
		Set("ended_at = ?", t.now).
		Set("end_reason = ?", reason).
		Where("id = ?", id).
		Where("ended_at IS NULL").
		Exec(ctx)
	return err
}
