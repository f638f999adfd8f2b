package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// totpSecretBytes is as long as the hash of the codes (RFC 4226, section 4).
const totpSecretBytes = 20

// recoveryCodes is how many codes there are for when the authenticator is lost.
const recoveryCodes = 10

// errWrongCode does not say whether it was wrong, used before or somebody else's.
var errWrongCode = &proofback.Error{Code: proofback.CodeConflict, Field: []string{"code"}, Message: "this code is wrong, or was used already: wait for the next one"}

// secondFactorRow is a row of second_factors.
type secondFactorRow struct {
	bun.BaseModel `bun:"table:second_factors,alias:factor"`

	UserID      uuid.UUID `bun:"user_id,pk"`
	TOTPSecret  []byte    `bun:"totp_secret"`
	ConfirmedAt time.Time `bun:"confirmed_at,nullzero"`
	LastStep    int64     `bun:"last_step"`
	CreatedAt   time.Time `bun:"created_at"`
}

// recoveryCodeRow is a row of recovery_codes.
type recoveryCodeRow struct {
	bun.BaseModel `bun:"table:recovery_codes,alias:code"`

	Hash   []byte    `bun:"hash,pk"`
	UserID uuid.UUID `bun:"user_id"`
}

// requireUser wants staff who are users of ours.
func requireStaffUser(actor proofback.Actor) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if err := actor.RequirePerson(); err != nil {
		return err
	}
	if actor.UserID == uuid.Nil {
		return proofback.Errorf(proofback.CodeConflict, "only a user of this network has a second factor")
	}
	return nil
}

// BeginTOTP makes a secret for an authenticator, and gives it with the user's address.
// It holds once ConfirmTOTP has seen a code.
func (s *Store) BeginTOTP(ctx context.Context, actor proofback.Actor) (secret []byte, email string, err error) {
	if err := requireStaffUser(actor); err != nil {
		return nil, "", err
	}
	secret = make([]byte, totpSecretBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.NewSelect().Table("users").Column("email").Where("id = ?", actor.UserID).Scan(ctx, &email); err != nil {
			return missing(err, "user")
		}
		row := &secondFactorRow{UserID: actor.UserID, TOTPSecret: s.sealer.Seal(string(secret), actor.UserID), CreatedAt: tx.now}
		res, err := tx.NewInsert().
			Model(row).
			On("CONFLICT (user_id) DO UPDATE").
			Set("totp_secret = EXCLUDED.totp_secret").
			Where("factor.confirmed_at IS NULL").
			Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, proofback.Errorf(proofback.CodeConflict, "you have a second factor: take it away first"))
		}
		tx.touched(proofback.KindUser, actor.UserID)
		return nil
	})
	return secret, email, err
}

// ConfirmTOTP puts the second factor into force, by a code that it shows, and gives the
// recovery codes, which are not to be had again.
func (s *Store) ConfirmTOTP(ctx context.Context, actor proofback.Actor, code string) (codes []string, err error) {
	if err := requireStaffUser(actor); err != nil {
		return nil, err
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &secondFactorRow{}
		err := tx.NewSelect().Model(row).Where("user_id = ?", actor.UserID).Where("confirmed_at IS NULL").For("UPDATE").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return proofback.Errorf(proofback.CodeConflict, "there is no second factor to be confirmed: begin one first")
		} else if err != nil {
			return err
		}
		if err := s.takeStep(ctx, tx, row, code); err != nil {
			return err
		}
		row.ConfirmedAt = tx.now
		if _, err := tx.NewUpdate().Model(row).Column("confirmed_at").WherePK().Exec(ctx); err != nil {
			return err
		}
		rows := make([]recoveryCodeRow, recoveryCodes)
		for i := range rows {
			codes = append(codes, newRecoveryCode())
			rows[i] = recoveryCodeRow{Hash: hashOf(plainCode(codes[i])), UserID: actor.UserID}
		}
		tx.changed(proofback.KindUser, actor.UserID, map[string]bool{"second_factor": false}, map[string]bool{"second_factor": true})
		_, err = tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// takeStep accepts a code once: its step, and all before it, are used up.
func (s *Store) takeStep(ctx context.Context, tx *tx, row *secondFactorRow, code string) error {
	secret, err := s.sealer.Open(row.TOTPSecret, row.UserID)
	if err != nil {
		return proofback.Internal("second factor", err)
	}
	step, ok := proofback.TOTPStep([]byte(secret), code, tx.now)
	if !ok || step <= row.LastStep {
		return errWrongCode
	}
	row.LastStep = step
	_, err = tx.NewUpdate().Model(row).Column("last_step").WherePK().Exec(ctx)
	return err
}

// UseSecondFactor takes a code of a user's authenticator, or one of its recovery codes,
// each of which works once. A user without a second factor needs none.
func (s *Store) UseSecondFactor(ctx context.Context, actor proofback.Actor, user uuid.UUID, code string) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	actor.Operation = "" // what it is for is told
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error { return s.useSecondFactor(ctx, tx, user, code) })
}

func (s *Store) useSecondFactor(ctx context.Context, tx *tx, user uuid.UUID, code string) error {
	row := &secondFactorRow{}
	err := tx.NewSelect().Model(row).Where("user_id = ?", user).Where("confirmed_at IS NOT NULL").For("UPDATE").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	code = plainCode(code)
	if code == "" {
		return &proofback.Error{Code: proofback.CodeSecondFactor, Field: []string{"code"}, Message: "a code of the authenticator is needed, or a recovery code"}
	}
	err = s.takeStep(ctx, tx, row, code)
	if err != errWrongCode { //nolint:errorlint // it is that very one, or nothing to be tried again
		return err
	}
	res, err := tx.NewDelete().Model((*recoveryCodeRow)(nil)).Where("hash = ?", hashOf(code)).Where("user_id = ?", user).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errWrongCode)
	}
	return nil
}

// DisableTOTP takes a second factor away: one's own with a code, and an ADMIN those of
// others who have lost theirs, without.
func (s *Store) DisableTOTP(ctx context.Context, actor proofback.Actor, user uuid.UUID, code string) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if err := actor.RequirePerson(); err != nil {
		return err
	}
	if user == uuid.Nil {
		user = actor.UserID
	}
	if user != actor.UserID {
		if err := actor.RequireAdmin(); err != nil {
			return err
		}
		return s.dropSecondFactor(ctx, actor, user, code)
	}
	// Whoever has found a session has no code, and is not to guess one here. Upper case, so
	// that it is the name of nobody's account.
	try := Try{Account: "SECOND FACTOR " + user.String()}
	if plainCode(code) != "" {
		if err := s.BeginTry(ctx, proofback.System(), try); err != nil {
			return err
		}
	}
	if err := s.dropSecondFactor(ctx, actor, user, code); err != nil {
		return err
	}
	return s.EndTry(ctx, proofback.System(), try)
}

func (s *Store) dropSecondFactor(ctx context.Context, actor proofback.Actor, user uuid.UUID, code string) error {
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if user == actor.UserID {
			if err := s.useSecondFactor(ctx, tx, user, code); err != nil {
				return err
			}
		}
		res, err := tx.NewDelete().Model((*secondFactorRow)(nil)).Where("user_id = ?", user).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, proofback.Errorf(proofback.CodeConflict, "there is no second factor"))
		}
		tx.changed(proofback.KindUser, user, map[string]bool{"second_factor": true}, map[string]bool{"second_factor": false})
		return nil
	})
}

// SecondFactorsOf tells which of some users have one that holds, to staff.
func (s *Store) SecondFactorsOf(ctx context.Context, actor proofback.Actor, users []uuid.UUID) (map[uuid.UUID]*bool, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*bool, len(users))
	if !actor.IsStaff() {
		return found, nil // which only staff have
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var have []uuid.UUID
		err := tx.NewSelect().
			Model((*secondFactorRow)(nil)).
			Column("user_id").
			Where("user_id IN (?)", bun.List(users)).
			Where("confirmed_at IS NOT NULL").
			Scan(ctx, &have)
		for _, id := range have {
			found[id] = new(true)
		}
		return err
	})
	return found, err
}

// newRecoveryCode makes 80 random bits that can be copied by hand.
func newRecoveryCode() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	text := strings.ToLower(base32.StdEncoding.EncodeToString(b))
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}

// plainCode is a code without what people write between its parts.
func plainCode(code string) string {
	return strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
}
