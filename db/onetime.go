package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// Purpose is what a one-time token is good for.
type Purpose string

const (
	Invitation    Purpose = "INVITATION"
	PasswordReset Purpose = "PASSWORD_RESET"
)

// goodFor is how long a token may be used.
func (p Purpose) goodFor() time.Duration {
	if p == Invitation {
		return 7 * 24 * time.Hour
	}
	return time.Hour
}

// oneTimeTokenRow is a row of one_time_tokens.
type oneTimeTokenRow struct {
	bun.BaseModel `bun:"table:one_time_tokens,alias:token"`

	Hash      []byte    `bun:"hash,pk"`
	UserID    uuid.UUID `bun:"user_id"`
	Purpose   Purpose   `bun:"purpose"`
	CreatedAt time.Time `bun:"created_at"`
	ExpiresAt time.Time `bun:"expires_at"`
}

// OneTimeToken is a token as whoever made it is told of it.
type OneTimeToken struct {
	Token     string    // "" where it is mailed
	ExpiresAt time.Time // zero where it is mailed
}

// Mailer puts letters into the transaction of what makes them necessary. Package jobs
// implements it.
type Mailer interface {
	// EnqueueToken asks for a one-time token to be made and mailed to an address once tx
	// commits. Whether somebody has that address is found out then.
	EnqueueToken(ctx context.Context, tx pgx.Tx, p Purpose, email string) error
}

// SetMailer says who mails; without one, tokens are shown to staff. It must be called
// before the first invitation.
func (s *Store) SetMailer(m Mailer) { s.mailer = m }

// errBadOneTimeToken is the one answer to every token that is not good.
var errBadOneTimeToken = &proofback.Error{Code: proofback.CodeInvalid, Field: []string{"token"}, Message: "this token is not good, or not any more: ask for another one"}

// hand gives a user a token: by mail where that is set up, else to be told by whoever
// asked for it.
func (s *Store) hand(ctx context.Context, tx *tx, p Purpose, u *proofback.User) (OneTimeToken, error) {
	if s.mailer != nil {
		return OneTimeToken{}, tx.asPgx(func(pg pgx.Tx) error { return s.mailer.EnqueueToken(ctx, pg, p, u.Email) })
	}
	return tx.newToken(ctx, p, u.ID)
}

// newToken makes a token; earlier ones for the same purpose are over.
func (t *tx) newToken(ctx context.Context, p Purpose, user uuid.UUID) (OneTimeToken, error) {
	_, err := t.NewDelete().Model((*oneTimeTokenRow)(nil)).Where("user_id = ?", user).Where("purpose = ?", p).Exec(ctx)
	if err != nil {
		return OneTimeToken{}, err
	}
	out := OneTimeToken{Token: newToken(), ExpiresAt: t.now.Add(p.goodFor())}
	row := &oneTimeTokenRow{Hash: hashOf(out.Token), UserID: user, Purpose: p, CreatedAt: t.now, ExpiresAt: out.ExpiresAt}
	_, err = t.NewInsert().Model(row).Exec(ctx)
	return out, err
}

// InviteUser makes a user who has no password yet, and a token to choose one with.
func (s *Store) InviteUser(ctx context.Context, actor proofback.Actor, u proofback.User) (*proofback.User, OneTimeToken, error) {
	var handed OneTimeToken
	if err := requireOver(actor, u.Role); err != nil {
		return nil, handed, err
	}
	if err := u.Validate(); err != nil {
		return nil, handed, err
	}
	u.ID, u.CreatedAt = newID(), s.clock()
	row := &userRow{ID: u.ID, Email: u.Email, Role: u.Role, AffiliateID: u.AffiliateID, AdvertiserID: u.AdvertiserID, CreatedAt: u.CreatedAt}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) (err error) {
		tx.changed(proofback.KindUser, u.ID, nil, row)
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		handed, err = s.hand(ctx, tx, Invitation, &u)
		return err
	})
	if err != nil {
		return nil, OneTimeToken{}, err
	}
	return &u, handed, nil
}

// HandToken gives a user another token: one who was invited an invitation, one who has
// a password a token to set it anew.
func (s *Store) HandToken(ctx context.Context, actor proofback.Actor, p Purpose, id uuid.UUID) (*proofback.User, OneTimeToken, error) {
	var u *proofback.User
	var handed OneTimeToken
	if err := actor.RequireStaff(); err != nil {
		return nil, handed, err
	}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &userRow{}
		if err := tx.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "user", "id")
		}
		u = row.value()
		if err := requireOver(actor, u.Role); err != nil {
			return err
		}
		if err := mayUse(p, u); err != nil {
			return err
		}
		tx.touched(proofback.KindUser, id)
		var err error
		handed, err = s.hand(ctx, tx, p, u)
		return err
	})
	return u, handed, err
}

// mayUse says why a user has no use for a token, or nil.
func mayUse(p Purpose, u *proofback.User) error {
	switch {
	case u.Disabled:
		return proofback.Errorf(proofback.CodeConflict, "this user may not sign in: let it in again first")
	case p == Invitation && u.Joined:
		return proofback.Errorf(proofback.CodeConflict, "this user has followed an invitation already")
	case p == PasswordReset && !u.Joined:
		return proofback.Errorf(proofback.CodeConflict, "this user has no password yet: send another invitation")
	}
	return nil
}

// AskForReset has a token mailed to whoever has an address, if anybody has. It takes as
// long where nobody does: who that is is found out by the job.
func (s *Store) AskForReset(ctx context.Context, actor proofback.Actor, email string) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	if s.mailer == nil {
		return proofback.Errorf(proofback.CodeConflict, "no mail is sent here: ask the network's staff to reset the password")
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asPgx(func(pg pgx.Tx) error { return s.mailer.EnqueueToken(ctx, pg, PasswordReset, email) })
	})
}

// TokenToMail makes the token that a job mails to an address; CodeNotFound where nobody
// has a use for one.
func (s *Store) TokenToMail(ctx context.Context, actor proofback.Actor, p Purpose, email string) (handed OneTimeToken, err error) {
	if actor.Role != proofback.RoleSystem {
		return handed, errSystemOnly
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) (err error) {
		row := &userRow{}
		if err := tx.NewSelect().Model(row).Where("email = ?", email).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "user")
		}
		if mayUse(p, row.value()) != nil {
			return proofback.NotFound("user")
		}
		handed, err = tx.newToken(ctx, p, row.ID)
		return err
	})
	return handed, err
}

// CheckToken makes sure that a token is good, before a password is hashed for it.
func (s *Store) CheckToken(ctx context.Context, actor proofback.Actor, p Purpose, token string) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	return s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		_, err := tx.ownerOfToken(ctx, p, token, tx.NewSelect())
		return err
	})
}

// RedeemToken sets the password of whoever a token was given to, once. All sessions end
// with that, and all other tokens.
func (s *Store) RedeemToken(ctx context.Context, actor proofback.Actor, p Purpose, token, passwordHash string) (*proofback.User, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	var u *proofback.User
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.ownerOfToken(ctx, p, token, tx.NewSelect().For("UPDATE OF u"))
		if err != nil {
			return err
		}
		if err := tx.useUp(ctx, token); err != nil {
			return err
		}
		if u, err = tx.setPassword(ctx, row, passwordHash); err != nil {
			return err
		}
		tx.actsFor(u)
		return tx.endSessionsOf(ctx, u.ID, endedByPassword)
	})
	return u, err
}

// ownerOfToken finds whose token it is, by a query that may lock the user.
func (t *tx) ownerOfToken(ctx context.Context, p Purpose, token string, q *bun.SelectQuery) (*userRow, error) {
	row := &userRow{}
	err := q.
		Model(row).
		Join("JOIN one_time_tokens AS token ON token.user_id = u.id").
		Where("token.hash = ?", hashOf(token)).
		Where("token.purpose = ?", p).
		Where("token.expires_at > ?", t.now).
		Where("u.disabled_at IS NULL").
		Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errBadOneTimeToken
	}
	return row, err
}

// useUp takes a token away, if it is there: while its user was waited for somebody else may
// have used it, or ended it. Postgres looks at the locked user anew, and not at the token.
func (t *tx) useUp(ctx context.Context, token string) error {
	res, err := t.NewDelete().Model((*oneTimeTokenRow)(nil)).Where("hash = ?", hashOf(token)).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errBadOneTimeToken)
	}
	return nil
}

// setPassword gives a user another password, with which all its tokens are over.
func (t *tx) setPassword(ctx context.Context, row *userRow, hash string) (*proofback.User, error) {
	before := *row
	row.PasswordHash = hash
	if row.JoinedAt.IsZero() {
		row.JoinedAt = t.now
	}
	t.changed(proofback.KindUser, row.ID, &before, row)
	if _, err := t.NewUpdate().Model(row).Column("password_hash", "joined_at").WherePK().Exec(ctx); err != nil {
		return nil, err
	}
	_, err := t.NewDelete().Model((*oneTimeTokenRow)(nil)).Where("user_id = ?", row.ID).Exec(ctx)
	return row.value(), err
}

// SetPassword gives a user another password, which it has shown the old one for. Its
// other sessions end.
func (s *Store) SetPassword(ctx context.Context, actor proofback.Actor, hash string) error {
	if err := actor.RequirePerson(); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asOwner(ctx, func() error {
			row := &userRow{}
			if err := tx.NewSelect().Model(row).Where("id = ?", actor.UserID).For("UPDATE").Scan(ctx); err != nil {
				return missing(err, "user")
			}
			if _, err := tx.setPassword(ctx, row, hash); err != nil {
				return err
			}
			_, err := tx.NewUpdate().
				Model((*sessionRow)(nil)).
				Set("ended_at = ?", tx.now).
				Set("end_reason = ?", endedByPassword).
				Where("user_id = ?", actor.UserID).
				Where("id <> ?", actor.SessionID).
				Where("ended_at IS NULL").
				Exec(ctx)
			return err
		})
	})
}
