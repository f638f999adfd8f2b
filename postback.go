package proofback

import (
	"time"

	"github.com/google/uuid"
)

// Check is one step of a decision: its name, its outcome and what was seen.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// Parameter is one name and value of a request as it was sent (masked), and the
// canonical name it counts as, "" for none.
type Parameter struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Canonical string `json:"canonical,omitempty"`
}

// Postback is a logged request with everything that was decided about it.
type Postback struct {
	ID             uuid.UUID // UUIDv7, the answer's request_id
	ReceivedAt     time.Time
	Method         string
	URL            string // masked
	RemoteIP       string
	Parameters     []Parameter
	AdvertiserID   uuid.UUID // uuid.Nil when it could not be told
	OfferID        uuid.UUID
	AffiliateID    uuid.UUID
	ClickID        uuid.UUID
	TxID           string
	EventType      string
	Result         Result
	Reason         Reason
	Message        string
	Checks         []Check
	ResponseStatus int
	ResponseBody   string
	Duration       time.Duration
	ConversionID   uuid.UUID
	ReplayOf       uuid.UUID
}
