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
	Secret       []byte                `bun:"secret"` // sealed
	HealthState  proofback.HealthState `bun:"health_state"`
	HealthSince  time.Time             `bun:"health_since"`
	HealthReason string                `bun:"health_reason"`
	CreatedAt    time.Time             `bun:"created_at"`
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
		Enabled:      d.Enabled,
		HealthState:  d.HealthState,
		HealthSince:  d.HealthSince,
		HealthReason: d.HealthReason,
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
		Enabled:      r.Enabled,
		HealthState:  r.HealthState,
		HealthSince:  r.HealthSince.UTC(),
		HealthReason: r.HealthReason,
		CreatedAt:    r.CreatedAt.UTC(),
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
