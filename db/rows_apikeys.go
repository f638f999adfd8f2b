package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// apiKeyRow is a row of api_keys.
type apiKeyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:api_key"`

	ID           uuid.UUID          `bun:"id,pk"`
	Name         string             `bun:"name"`
	Hash         []byte             `bun:"hash"`
	Hint         string             `bun:"hint"`
	Role         proofback.Role     `bun:"role"`
	AffiliateID  uuid.UUID          `bun:"affiliate_id,nullzero"`
	AdvertiserID uuid.UUID          `bun:"advertiser_id,nullzero"`
	Scope        proofback.KeyScope `bun:"scope"`
	CreatedBy    uuid.UUID          `bun:"created_by,nullzero"`
	CreatedAt    time.Time          `bun:"created_at"`
	ExpiresAt    time.Time          `bun:"expires_at,nullzero"`
	LastUsedAt   time.Time          `bun:"last_used_at,nullzero"`
	RevokedAt    time.Time          `bun:"revoked_at,nullzero"`
}

func newAPIKeyRow(k *proofback.APIKey) *apiKeyRow {
	return &apiKeyRow{
		ID:           k.ID,
		Name:         k.Name,
		Hint:         k.Hint,
		Role:         k.Role,
		AffiliateID:  k.AffiliateID,
		AdvertiserID: k.AdvertiserID,
		Scope:        k.Scope,
		CreatedBy:    k.CreatedBy,
		CreatedAt:    k.CreatedAt,
		ExpiresAt:    k.ExpiresAt,
		LastUsedAt:   k.LastUsedAt,
		RevokedAt:    k.RevokedAt,
	}
}

func (r *apiKeyRow) value() *proofback.APIKey {
	return &proofback.APIKey{
		ID:           r.ID,
		Name:         r.Name,
		Role:         r.Role,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		Scope:        r.Scope,
		Hint:         r.Hint,
		CreatedBy:    r.CreatedBy,
		CreatedAt:    r.CreatedAt.UTC(),
		ExpiresAt:    utc(r.ExpiresAt),
		LastUsedAt:   utc(r.LastUsedAt),
		RevokedAt:    utc(r.RevokedAt),
	}
}
