package db

import (
	"context"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// NewUser is a person who is to sign in.
type NewUser struct {
	proofback.User
	Password string
	// Hash makes what is stored of the password. It is slow on purpose, and asked
	// only for what is allowed and valid.
	Hash func(ctx context.Context, password string) (string, error)
}

// CreateUser lets a person sign in. Staff create partners' users; staff
// themselves are created by an ADMIN.
func (s *Store) CreateUser(ctx context.Context, actor proofback.Actor, n NewUser) (*proofback.User, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	u := n.User
	if err := requireOver(actor, u.Role); err != nil {
		return nil, err
	}
	problems, err := asProblems(u.Validate())
	if err != nil {
		return nil, err
	}
	if l := utf8.RuneCountInString(n.Password); l < proofback.MinPassword || l > proofback.MaxPassword {
		problems.Add([]string{"password"}, "%d to %d characters", proofback.MinPassword, proofback.MaxPassword)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	hash, err := n.Hash(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	u.ID, u.CreatedAt, u.Joined = newID(), s.clock(), true
	row := &userRow{
		ID:           u.ID,
		Email:        u.Email,
		PasswordHash: hash,
		Role:         u.Role,
		AffiliateID:  u.AffiliateID,
		AdvertiserID: u.AdvertiserID,
		JoinedAt:     u.CreatedAt,
		CreatedAt:    u.CreatedAt,
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		tx.changed(proofback.KindUser, u.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// Users lists users, newest first: all to staff, to partners those of their own
// company.
func (s *Store) Users(ctx context.Context, actor proofback.Actor, f proofback.UserFilter, p proofback.Page) (proofback.Window[*proofback.User], error) {
	var w proofback.Window[*proofback.User]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []userRow
		q := visibleUsers(tx.NewSelect().Model(&rows).ExcludeColumn("password_hash"), actor)
		if f.Search != "" {
			q.Where("u.email ILIKE ?", contains(f.Search))
		}
		if f.Role != "" {
			q.Where("u.role = ?", f.Role)
		}
		if f.AffiliateID != uuid.Nil {
			q.Where("u.affiliate_id = ?", f.AffiliateID)
		}
		if f.AdvertiserID != uuid.Nil {
			q.Where("u.advertiser_id = ?", f.AdvertiserID)
		}
		if f.Disabled != nil {
			q.Where("(u.disabled_at IS NOT NULL) = ?", *f.Disabled)
		}
		err := pageByID(q, "u.id", p).Scan(ctx)
		w = window(p, rows, (*userRow).value)
		return err
	})
	return w, err
}

// UsersByID gives those of ids that the actor may see.
func (s *Store) UsersByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.User, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]userRow) *bun.SelectQuery {
			return visibleUsers(tx.NewSelect().Model(rows).ExcludeColumn("password_hash"), actor)
		},
		func(r *userRow) (uuid.UUID, *proofback.User) { return r.ID, r.value() })
}

// visibleUsers narrows a query of users to those that the actor may see.
func visibleUsers(q *bun.SelectQuery, actor proofback.Actor) *bun.SelectQuery {
	switch {
	case actor.IsStaff():
		return q
	case actor.Role == proofback.RoleAffiliate:
		return q.Where("u.affiliate_id = ?", actor.AffiliateID)
	default:
		return q.Where("u.advertiser_id = ?", actor.AdvertiserID)
	}
}
