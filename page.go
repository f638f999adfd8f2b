package proofback

import (
	"time"

	"github.com/google/uuid"
)

// MaxPage is the most rows that a page of a list holds.
const MaxPage = 100

// Page asks for a window of a list that is ordered by key. After and Before are
// keys of rows (exclusive); at most Limit rows are given. Backward takes the
// window from the end, rows still in the list's order.
type Page struct {
	Limit    int
	After    *Cursor
	Before   *Cursor
	Backward bool
}

// Cursor is the place of a row in a list: the value it is ordered by (zero where
// the id alone orders) and its id, which breaks ties.
type Cursor struct {
	At time.Time
	ID uuid.UUID
}

// Window is a page of a list.
type Window[T any] struct {
	Items []T
	// HasMore reports whether rows follow in the direction of paging.
	HasMore bool
}

// TimeRange is half open: From is in it, To is not. A zero end is open.
type TimeRange struct{ From, To time.Time }

// IsZero reports whether neither end is set.
func (r TimeRange) IsZero() bool { return r.From.IsZero() && r.To.IsZero() }

// Meets reports whether two ranges share a moment.
func (r TimeRange) Meets(o TimeRange) bool {
	return (r.To.IsZero() || o.From.Before(r.To)) && (o.To.IsZero() || r.From.Before(o.To))
}

// TimeBasis says which of a conversion's times counts.
type TimeBasis string

const (
	BasisEvent    TimeBasis = "EVENT"
	BasisReceived TimeBasis = "RECEIVED"
	BasisClick    TimeBasis = "CLICK"
)

// OfferFilter narrows a list of offers; zero fields do not.
type OfferFilter struct {
	Search       string
	Status       OfferStatus
	AdvertiserID uuid.UUID
	AccessStatus AccessStatus // of the asking affiliate
}

// ClickFilter narrows a list of clicks; zero fields do not.
type ClickFilter struct {
	TimeRange
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	ClickID     uuid.UUID
	SubIndex    int // 1 to 10, 0 for none
	SubValue    string
	Country     string
	Device      Device
	Bot         *bool
	// Tests asks for test clicks, and for no others; without it they are left out,
	// unless ClickID names one.
	Tests bool
}

// ConversionFilter narrows a list of conversions; zero fields do not.
type ConversionFilter struct {
	TimeRange
	Basis         TimeBasis
	OfferID       uuid.UUID
	AffiliateID   uuid.UUID
	AdvertiserID  uuid.UUID
	EventType     string
	Statuses      []Status
	TransactionID string
	ClickID       uuid.UUID
	// Tests asks for what came of test clicks, and for nothing else; without it
	// that is left out, unless ClickID names the click.
	Tests bool
}

// ConversionOrder says how a list of conversions is ordered; the zero value is
// by the event's time, newest first.
type ConversionOrder struct {
	By          ConversionTime
	OldestFirst bool
}

// ConversionTime is a time of a conversion that lists can be ordered by.
type ConversionTime int

const (
	ByEventAt ConversionTime = iota
	ByReceivedAt
)

// Cursor is the place of a conversion in a list ordered so.
func (o ConversionOrder) Cursor(c *Conversion) Cursor {
	if o.By == ByReceivedAt {
		return Cursor{At: c.ReceivedAt, ID: c.ID}
	}
	return Cursor{At: c.EventAt, ID: c.ID}
}

// PostbackFilter narrows the log; zero fields do not.
type PostbackFilter struct {
	TimeRange
	AdvertiserID  uuid.UUID
	Results       []Result
	Reasons       []Reason
	ClickID       uuid.UUID
	TransactionID string
}

// AuditFilter narrows a list of audits of redirects; zero fields do not.
type AuditFilter struct {
	OfferID  uuid.UUID
	Survived *bool
}

// DeliveryFilter narrows a list of deliveries; zero fields do not.
type DeliveryFilter struct {
	TimeRange
	AffiliateID   uuid.UUID
	DestinationID uuid.UUID
	Statuses      []DeliveryStatus
}
