package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// destinationRow is a row of destinations.
type destinationRow struct {
	bun.BaseModel `bun:"table:destinations,alias:destination"`

	ID           uuid.UUID             `bun:"id,pk"`
	AffiliateID  uuid.UUID             `bun:"affiliate_id"`
	OfferID      uuid.UUID             `bun:"offer_id,nullzero"`
	EventType    string                `bun:"event_type,nullzero"`
	Statuses     []string              `bun:"statuses,array"`
	Method       string                `bun:"method"`
	URLTemplate  string                `bun:"url_template"`
	RetryOn      []string              `bun:"retry_on,array"`
	Enabled      bool                  `bun:"enabled"`
	LatestOnly   bool                  `bun:"latest_only"`
	MaxPerSecond int                   `bun:"max_per_second,nullzero"`
	HealthState  proofback.HealthState `bun:"health_state"`
	HealthSince  time.Time             `bun:"health_since"`
	HealthReason string                `bun:"health_reason"`
	ArchivedAt   time.Time             `bun:"archived_at,nullzero"`
	CreatedAt    time.Time             `bun:"created_at"`

	Secret         []byte    `bun:"secret"` // sealed, like the old one
	OldSecret      []byte    `bun:"old_secret"`
	OldSecretUntil time.Time `bun:"old_secret_until,nullzero"`

	Gone         bool      `bun:"gone"`
	Failures     int       `bun:"failures"`
	FailingSince time.Time `bun:"failing_since,nullzero"`
	Opened       int       `bun:"opened"`
	OpenUntil    time.Time `bun:"open_until,nullzero"`
	ProbeUntil   time.Time `bun:"probe_until,nullzero"`
}

func newDestinationRow(d *proofback.Destination) *destinationRow {
	return &destinationRow{
		ID:           d.ID,
		AffiliateID:  d.AffiliateID,
		OfferID:      d.OfferID,
		EventType:    d.EventType,
		Statuses:     words[string](d.Statuses),
		Method:       d.Method,
		URLTemplate:  d.URLTemplate,
		RetryOn:      words[string](d.RetryOn),
		LatestOnly:   d.LatestOnly,
		MaxPerSecond: d.MaxPerSecond,
		Enabled:      d.Enabled,
		HealthState:  d.HealthState,
		HealthSince:  d.HealthSince,
		HealthReason: d.HealthReason,
		Failures:     d.FailuresInRow,
		FailingSince: d.FailingSince,
		OpenUntil:    d.OpenUntil,
		CreatedAt:    d.CreatedAt,
	}
}

func (r *destinationRow) value() *proofback.Destination {
	return &proofback.Destination{
		ID:           r.ID,
		AffiliateID:  r.AffiliateID,
		OfferID:      r.OfferID,
		EventType:    r.EventType,
		Statuses:     words[proofback.Status](r.Statuses),
		Method:       r.Method,
		URLTemplate:  r.URLTemplate,
		RetryOn:      words[proofback.RetryOn](r.RetryOn),
		LatestOnly:   r.LatestOnly,
		MaxPerSecond: r.MaxPerSecond,
		Enabled:      r.Enabled,
		Archived:     !r.ArchivedAt.IsZero(),
		CreatedAt:    r.CreatedAt.UTC(),
		Health: proofback.Health{
			HealthState:   r.HealthState,
			HealthSince:   r.HealthSince.UTC(),
			HealthReason:  r.HealthReason,
			FailuresInRow: r.Failures,
			FailingSince:  utc(r.FailingSince),
			OpenUntil:     utc(r.OpenUntil),
		},
		OldSecretUntil: utc(r.OldSecretUntil),
	}
}

// words turns a list of one kind of word into a list of another; never nil.
func words[To, From ~string](list []From) []To {
	out := make([]To, len(list))
	for i, w := range list {
		out[i] = To(w)
	}
	return out
}
