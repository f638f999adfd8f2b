package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// requireOver refuses who may not manage users of a role: staff are managed by an
// ADMIN, others by staff.
func requireOver(actor proofback.Actor, role proofback.Role) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if role != proofback.RoleAdmin && role != proofback.RoleManager {
		return nil
	}
	if actor.Role == proofback.RoleManager {
		return proofback.Errorf(proofback.CodeForbidden, "only an ADMIN may manage staff")
	}
	return actor.RequirePerson()
}

// UpdateUser lets change alter what a user is called by and may do, and whether it may
// sign in. What its sessions and access tokens said is over with that, at once: whoever
// goes on has to sign in again. Nobody shuts himself out, and an ADMIN stays.
func (s *Store) UpdateUser(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.User)) (*proofback.User, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	var u *proofback.User
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &userRow{}
		if err := tx.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "user", "id")
		}
		before := row.value()
		if err := requireOver(actor, before.Role); err != nil {
			return err
		}
		after := *before
		change(&after)
		if err := after.Validate(); err != nil {
			return err
		}
		if err := requireOver(actor, after.Role); err != nil {
			return err
		}
		if err := tx.keepAdmin(ctx, before, &after); err != nil {
			return err
		}
		u = &after
		stood := *row
		row.Email, row.Role, row.AffiliateID, row.AdvertiserID = u.Email, u.Role, u.AffiliateID, u.AdvertiserID
		row.DisabledAt = since(u.Disabled, row.DisabledAt, tx.now)
		tx.changed(proofback.KindUser, id, &stood, row)
		_, err := tx.NewUpdate().
			Model(row).
			Column("email", "role", "affiliate_id", "advertiser_id", "disabled_at").
			WherePK().
			Exec(ctx)
		if err != nil {
			return err
		}
		// Tokens were handed to whoever reads the old address, or before it was clear that
		// the user is to be kept out: another one is asked for where that is wanted.
		if u.Email != before.Email || u.Disabled && !before.Disabled {
			if _, err := tx.NewDelete().Model((*oneTimeTokenRow)(nil)).Where("user_id = ?", id).Exec(ctx); err != nil {
				return err
			}
		}
		switch {
		case u.Disabled && !before.Disabled:
			return tx.endSessionsOf(ctx, id, endedByDisabled)
		case rightsOf(u) != rightsOf(before):
			return tx.endSessionsOf(ctx, id, endedByRole)
		}
		return nil
	})
	return u, err
}

// rightsOf are what an access token says of a user.
func rightsOf(u *proofback.User) proofback.Actor {
	return proofback.Actor{Role: u.Role, UserID: u.ID, AffiliateID: u.AffiliateID, AdvertiserID: u.AdvertiserID}
}

// keepAdmin refuses changes after which nobody could undo them.
func (t *tx) keepAdmin(ctx context.Context, before, after *proofback.User) error {
	if before.Role != proofback.RoleAdmin || before.Disabled || after.Role == proofback.RoleAdmin && !after.Disabled {
		return nil
	}
	if t.actor.UserID == before.ID {
		return proofback.Errorf(proofback.CodeConflict, "nobody takes the role of ADMIN away from himself: let another ADMIN do it")
	}
	// All of them are locked, so that two who go at the same moment do not both find
	// the other one.
	var others []uuid.UUID
	err := t.NewSelect().
		Model((*userRow)(nil)).
		Column("id").
		Where("role = ?", proofback.RoleAdmin).
		Where("disabled_at IS NULL").
		Where("joined_at IS NOT NULL").
		Order("id").
		For("UPDATE").
		Scan(ctx, &others)
	if err != nil {
		return err
	}
	for _, id := range others {
		if id != before.ID {
			return nil
		}
	}
	return proofback.Errorf(proofback.CodeConflict, "this is the last ADMIN: make another one first")
}
