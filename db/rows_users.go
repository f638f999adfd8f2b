package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// userRow is a row of users.
type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID           uuid.UUID      `bun:"id,pk"`
	Email        string         `bun:"email"`
	PasswordHash string         `bun:"password_hash"`
	Role         proofback.Role `bun:"role"`
	AffiliateID  uuid.UUID      `bun:"affiliate_id,nullzero"`
	AdvertiserID uuid.UUID      `bun:"advertiser_id,nullzero"`
	DisabledAt   time.Time      `bun:"disabled_at,nullzero"`
	JoinedAt     time.Time      `bun:"joined_at,nullzero"`
	CreatedAt    time.Time      `bun:"created_at"`
}

func (r *userRow) value() *proofback.User {
	return &proofback.User{
		ID:           r.ID,
		Email:        r.Email,
		Role:         r.Role,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		Disabled:     !r.DisabledAt.IsZero(),
		Joined:       !r.JoinedAt.IsZero(),
		CreatedAt:    r.CreatedAt.UTC(),
	}
}

// sessionRow is a row of sessions.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:session"`

	ID        uuid.UUID `bun:"id,pk"`
	UserID    uuid.UUID `bun:"user_id"`
	CreatedAt time.Time `bun:"created_at"`
	EndedAt   time.Time `bun:"ended_at,nullzero"`
	EndReason string    `bun:"end_reason,nullzero"`
}

// refreshTokenRow is a row of refresh_tokens.
type refreshTokenRow struct {
	bun.BaseModel `bun:"table:refresh_tokens,alias:token"`

	Hash      []byte    `bun:"hash,pk"`
	SessionID uuid.UUID `bun:"session_id"`
	CreatedAt time.Time `bun:"created_at"`
	ExpiresAt time.Time `bun:"expires_at"`
	UsedAt    time.Time `bun:"used_at,nullzero"`
}
