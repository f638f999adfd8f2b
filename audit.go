package proofback

import (
	"time"

	"github.com/google/uuid"
)

// AuditEntry tells who did what through the API. Entries are added, never changed.
type AuditEntry struct {
	ID        uuid.UUID
	At        time.Time
	Operation string // the mutation's name, or a request's method and path
	// Who did it, as an Actor has it; uuid.Nil where it was nobody of that kind.
	Role         Role
	UserID       uuid.UUID
	APIKeyID     uuid.UUID
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	RequestID    string
	Changes      []AuditChange
}

// AuditChange tells what became of one thing.
type AuditChange struct {
	Kind   Kind         `json:"kind"`
	ID     uuid.UUID    `json:"id"`
	Fields []AuditField `json:"fields,omitempty"` // those that changed, by name
}

// AuditField is a value before and after, as JSON; "" where there was none.
type AuditField struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// AuditLogFilter narrows the log; zero fields do not.
type AuditLogFilter struct {
	TimeRange

	Operations []string
	UserID     uuid.UUID
	APIKeyID   uuid.UUID
	ObjectID   uuid.UUID
	RequestID  string
}
