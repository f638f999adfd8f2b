package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// offerRow is a row of offers: name, status and access are copies of the terms
// in force.
type offerRow struct {
	bun.BaseModel `bun:"table:offers,alias:offer"`

	ID           uuid.UUID             `bun:"id,pk"`
	AdvertiserID uuid.UUID             `bun:"advertiser_id"`
	TermsID      uuid.UUID             `bun:"terms_id"`
	Name         string                `bun:"name"`
	Status       proofback.OfferStatus `bun:"status"`
	Access       proofback.OfferAccess `bun:"access"`
	CreatedAt    time.Time             `bun:"created_at"`
}

// termsRow is a row of terms. What has a column of its own is not in the body.
type termsRow struct {
	bun.BaseModel `bun:"table:terms,alias:terms"`

	ID           uuid.UUID       `bun:"id,pk"`
	OfferID      uuid.UUID       `bun:"offer_id"`
	AdvertiserID uuid.UUID       `bun:"advertiser_id"`
	Version      int             `bun:"version"`
	Body         proofback.Terms `bun:"body,type:jsonb"`
	CreatedAt    time.Time       `bun:"created_at"`
	CreatedBy    uuid.UUID       `bun:"created_by,nullzero"`
}

func (r *termsRow) value() *proofback.Terms {
	t := r.Body
	t.ID = r.ID
	t.OfferID = r.OfferID
	t.AdvertiserID = r.AdvertiserID
	t.Version = r.Version
	t.CreatedAt = r.CreatedAt.UTC()
	return &t
}

func newTermsRow(t *proofback.Terms, by uuid.UUID) *termsRow {
	return &termsRow{
		ID:           t.ID,
		OfferID:      t.OfferID,
		AdvertiserID: t.AdvertiserID,
		Version:      t.Version,
		Body:         *t,
		CreatedAt:    t.CreatedAt,
		CreatedBy:    by,
	}
}

// overrideRow is a row of payout_overrides.
type overrideRow struct {
	bun.BaseModel `bun:"table:payout_overrides,alias:override"`

	ID          uuid.UUID       `bun:"id,pk"`
	AffiliateID uuid.UUID       `bun:"affiliate_id"`
	OfferID     uuid.UUID       `bun:"offer_id"`
	GoalID      uuid.UUID       `bun:"goal_id"`
	Payout      proofback.Price `bun:"payout,type:jsonb"`
	ValidFrom   time.Time       `bun:"valid_from"`
	CreatedAt   time.Time       `bun:"created_at"`
	CreatedBy   uuid.UUID       `bun:"created_by,nullzero"`
}

func (r *overrideRow) value() proofback.PayoutOverride {
	return proofback.PayoutOverride{
		ID:          r.ID,
		AffiliateID: r.AffiliateID,
		OfferID:     r.OfferID,
		GoalID:      r.GoalID,
		Payout:      r.Payout,
		From:        r.ValidFrom.UTC(),
		CreatedAt:   r.CreatedAt.UTC(),
	}
}

// accessRow is a row of offer_access.
type accessRow struct {
	bun.BaseModel `bun:"table:offer_access,alias:access"`

	ID          uuid.UUID              `bun:"id,pk"`
	OfferID     uuid.UUID              `bun:"offer_id"`
	AffiliateID uuid.UUID              `bun:"affiliate_id"`
	Status      proofback.AccessStatus `bun:"status"`
	Reason      string                 `bun:"reason"`
	RequestedAt time.Time              `bun:"requested_at"`
	DecidedAt   time.Time              `bun:"decided_at,nullzero"`
	DecidedBy   uuid.UUID              `bun:"decided_by,nullzero"`
}

func (r *accessRow) value() proofback.Access {
	a := proofback.Access{
		ID:          r.ID,
		OfferID:     r.OfferID,
		AffiliateID: r.AffiliateID,
		Status:      r.Status,
		Reason:      r.Reason,
		RequestedAt: r.RequestedAt.UTC(),
	}
	if !r.DecidedAt.IsZero() {
		a.DecidedAt = r.DecidedAt.UTC()
	}
	return a
}

// linkRow is a row of tracking_links.
type linkRow struct {
	bun.BaseModel `bun:"table:tracking_links,alias:link"`

	ID          uuid.UUID `bun:"id,pk"`
	Code        string    `bun:"code"`
	OfferID     uuid.UUID `bun:"offer_id"`
	AffiliateID uuid.UUID `bun:"affiliate_id"`
	Name        string    `bun:"name"`
	ArchivedAt  time.Time `bun:"archived_at,nullzero"`
	CreatedAt   time.Time `bun:"created_at"`
}

func (r *linkRow) value() proofback.TrackingLink {
	return proofback.TrackingLink{
		ID: r.ID, Code: r.Code, OfferID: r.OfferID, AffiliateID: r.AffiliateID, Name: r.Name, Archived: !r.ArchivedAt.IsZero(), CreatedAt: r.CreatedAt.UTC(),
	}
}
