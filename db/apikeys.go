package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// keyHint is how many characters of a key are kept to tell it by.
const keyHint = 4

// usedEvery is how exactly the last use of a key is kept: each request would write
// otherwise.
const usedEvery = time.Minute

// errBadKey is the one answer to every key that is not good.
var errBadKey = proofback.Errorf(proofback.CodeUnauthenticated, "this API key is not good, or not any more")

// CreateAPIKey makes a key and gives it, which is not to be had again. Partners make
// keys of their own company; staff make partners' and the network's, with no more rights than their own. A
// key makes no keys: who has found one cannot keep it alive.
func (s *Store) CreateAPIKey(ctx context.Context, actor proofback.Actor, k proofback.APIKey) (*proofback.APIKey, string, error) {
	if err := actor.RequirePerson(); err != nil {
		return nil, "", err
	}
	if actor.IsStaff() {
		if err := mayKey(actor, k.Role); err != nil {
			return nil, "", err
		}
	} else if err := ownCompany(actor, &k); err != nil {
		return nil, "", err
	}
	k.ID, k.CreatedAt, k.CreatedBy = newID(), s.clock(), actor.UserID
	if k.Scope == "" {
		k.Scope = proofback.ScopeRead
	}
	if err := k.Validate(k.CreatedAt); err != nil {
		return nil, "", err
	}
	secret := proofback.APIKeyPrefix + newToken()
	k.Hint = secret[len(secret)-keyHint:]
	row := newAPIKeyRow(&k)
	row.Hash = hashOf(secret)
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		tx.changed(proofback.KindAPIKey, k.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return &k, secret, nil
}

// mayKey refuses staff who would make keys that may do more than they do.
func mayKey(actor proofback.Actor, role proofback.Role) error {
	if role == proofback.RoleAdmin {
		return actor.RequireAdmin()
	}
	return nil
}

// ownCompany fills in a partner's role, and refuses another one.
func ownCompany(actor proofback.Actor, k *proofback.APIKey) error {
	if k.Role == "" {
		k.Role = actor.Role
	}
	for _, id := range [][2]uuid.UUID{{k.AffiliateID, actor.AffiliateID}, {k.AdvertiserID, actor.AdvertiserID}} {
		if id[0] != uuid.Nil && id[0] != id[1] {
			return proofback.Errorf(proofback.CodeForbidden, "this is not yours: leave the partner out")
		}
	}
	if k.Role != actor.Role {
		return proofback.Errorf(proofback.CodeForbidden, "your keys have your own role: leave it out")
	}
	k.AffiliateID, k.AdvertiserID = actor.AffiliateID, actor.AdvertiserID
	return nil
}

// UpdateAPIKey lets change alter a key's name, and when it expires. Its rights stay.
func (s *Store) UpdateAPIKey(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.APIKey)) (*proofback.APIKey, error) {
	return s.changeAPIKey(ctx, actor, id, func(k *proofback.APIKey, now time.Time) error {
		before := k.ExpiresAt
		change(k)
		if k.ExpiresAt.Equal(before) {
			now = time.Time{} // that it has expired is no mistake of this change
		}
		return k.Validate(now)
	})
}

// RevokeAPIKey ends a key, for good and at once.
func (s *Store) RevokeAPIKey(ctx context.Context, actor proofback.Actor, id uuid.UUID) (*proofback.APIKey, error) {
	return s.changeAPIKey(ctx, actor, id, func(k *proofback.APIKey, now time.Time) error {
		if k.RevokedAt.IsZero() {
			k.RevokedAt = now
		}
		return nil
	})
}

func (s *Store) changeAPIKey(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(k *proofback.APIKey, now time.Time) error) (*proofback.APIKey, error) {
	if err := actor.RequirePerson(); err != nil {
		return nil, err
	}
	var k *proofback.APIKey
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &apiKeyRow{}
		if err := visibleKeys(tx.NewSelect().Model(row).ExcludeColumn("hash"), actor).Where("api_key.id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "API key", "id")
		}
		k = row.value()
		if actor.IsStaff() {
			if err := mayKey(actor, k.Role); err != nil {
				return err
			}
		}
		if err := change(k, tx.now); err != nil {
			return err
		}
		after := newAPIKeyRow(k)
		tx.changed(proofback.KindAPIKey, id, row, after)
		_, err := tx.NewUpdate().Model(after).Column("name", "expires_at", "revoked_at").WherePK().Exec(ctx)
		return err
	})
	return k, err
}

// UseAPIKey gives who acts with a key, and notes that it was used.
func (s *Store) UseAPIKey(ctx context.Context, actor proofback.Actor, key string) (proofback.Actor, error) {
	if actor.Role != proofback.RoleSystem {
		return proofback.Actor{}, errSystemOnly
	}
	row := &apiKeyRow{}
	now := s.clock()
	err := s.bun.NewSelect().Model(row).Where("hash = ?", hashOf(key)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return proofback.Actor{}, errBadKey
	}
	if err != nil {
		return proofback.Actor{}, domainError(err)
	}
	k := row.value()
	if !k.Good(now) {
		return proofback.Actor{}, errBadKey
	}
	if now.Sub(k.LastUsedAt) >= usedEvery {
		_, err = s.bun.NewUpdate().
			Model(row).
			Set("last_used_at = ?", now).
			WherePK().
			Where("last_used_at IS NULL OR last_used_at < ?", now).
			Exec(ctx)
	}
	return k.Actor(), domainError(err)
}

// APIKeys lists keys, newest first: all to staff, to partners those of their own
// company.
func (s *Store) APIKeys(ctx context.Context, actor proofback.Actor, f proofback.APIKeyFilter, p proofback.Page) (proofback.Window[*proofback.APIKey], error) {
	var w proofback.Window[*proofback.APIKey]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []apiKeyRow
		q := visibleKeys(tx.NewSelect().Model(&rows).ExcludeColumn("hash"), actor)
		if f.AffiliateID != uuid.Nil {
			q.Where("api_key.affiliate_id = ?", f.AffiliateID)
		}
		if f.AdvertiserID != uuid.Nil {
			q.Where("api_key.advertiser_id = ?", f.AdvertiserID)
		}
		if f.Active != nil {
			q.Where("(api_key.revoked_at IS NULL AND (api_key.expires_at IS NULL OR api_key.expires_at > ?)) = ?", tx.now, *f.Active)
		}
		err := pageByID(q, "api_key.id", p).Scan(ctx)
		w = window(p, rows, (*apiKeyRow).value)
		return err
	})
	return w, err
}

// APIKeysByID gives those of ids that the actor may see.
func (s *Store) APIKeysByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.APIKey, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]apiKeyRow) *bun.SelectQuery {
			return visibleKeys(tx.NewSelect().Model(rows).ExcludeColumn("hash"), actor)
		},
		func(r *apiKeyRow) (uuid.UUID, *proofback.APIKey) { return r.ID, r.value() })
}

// visibleKeys narrows a query of keys to those that the actor may see.
func visibleKeys(q *bun.SelectQuery, actor proofback.Actor) *bun.SelectQuery {
	switch {
	case actor.IsStaff():
		return q
	case actor.Role == proofback.RoleAffiliate:
		return q.Where("api_key.affiliate_id = ?", actor.AffiliateID)
	default:
		return q.Where("api_key.advertiser_id = ?", actor.AdvertiserID)
	}
}

// hashOf is what is kept of a token of 256 random bits: nothing that could be guessed,
// so a plain hash is enough.
func hashOf(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}
