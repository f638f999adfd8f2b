package proofback

import (
	"time"

	"github.com/google/uuid"
)

// ReportChangesInput asks what made a report differ between two moments.
type ReportChangesInput struct {
	// Report says which one, by the time of events: its Range, Currency, Filter and
	// Limit, and as AsOf the later moment, zero for now. The rest means nothing.
	Report ReportInput
	// Since is the earlier moment; zero is before anything happened.
	Since time.Time
	After *Cursor // of the change before
}

// ReportChanges are the changes between two moments, the oldest first. The totals of
// a report at the later one are those at the earlier and the Totals here.
type ReportChanges struct {
	Currency string
	Since    time.Time
	Until    time.Time
	Changes  []ReportChange
	Totals   Metrics // of all changes; without clicks
	HasMore  bool
}

// ReportChangeKind says what happened.
type ReportChangeKind string

const (
	ChangeReceived  ReportChangeKind = "RECEIVED"  // a conversion was told of
	ChangeMoved     ReportChangeKind = "MOVED"     // it went from one status to another
	ChangeCorrected ReportChangeKind = "CORRECTED" // staff adjusted what it is worth
)

// ReportChange is one thing that made the difference, with its reason. Its Metrics
// are by how much the report changed.
type ReportChange struct {
	ID           uuid.UUID // of the conversion, transition or adjustment, by Kind
	At           time.Time
	Kind         ReportChangeKind
	ConversionID uuid.UUID
	From, To     Status // From is "" unless it moved
	Reason       string
	ByKind       ActorKind
	ByEmail      string // of a person; filled in when staff read
	// BookedAt is when it counts: another month's than the event's where that one was
	// closed.
	BookedAt time.Time
	Metrics  Metrics
}

// Cursor is the place of a change in the list.
func (c *ReportChange) Cursor() Cursor { return Cursor{At: c.At, ID: c.ID} }
