package proofback

import (
	"time"

	"github.com/google/uuid"
)

// DeliveryStatus is where an outbound postback stands.
type DeliveryStatus string

const (
	DeliveryPending   DeliveryStatus = "PENDING"
	DeliveryDelivered DeliveryStatus = "DELIVERED"
	DeliveryFailed    DeliveryStatus = "FAILED"
	DeliveryCancelled DeliveryStatus = "CANCELLED"
)

// Outcome is the class of an attempt's result; it decides what happens next.
type Outcome string

const (
	OutcomeDelivered       Outcome = "DELIVERED"         // 2xx
	OutcomeRedirect        Outcome = "REDIRECT"          // 3xx: never followed
	OutcomeGone            Outcome = "GONE"              // 410: the destination is no more
	OutcomeClientError     Outcome = "CLIENT_ERROR"      // any other 4xx
	OutcomeTooManyRequests Outcome = "TOO_MANY_REQUESTS" // 429
	OutcomeServerError     Outcome = "SERVER_ERROR"      // 5xx, and what is not HTTP's
	OutcomeTimeout         Outcome = "TIMEOUT"
	OutcomeNetworkFailure  Outcome = "NETWORK_FAILURE" // DNS, connect, TLS, reset, closed early
	OutcomeBlocked         Outcome = "BLOCKED"         // the address is not public
	OutcomeInvalidURL      Outcome = "INVALID_URL"     // the template made no usable URL
)

// Outcomes are all there are.
var Outcomes = [...]Outcome{
	OutcomeDelivered, OutcomeRedirect, OutcomeGone, OutcomeClientError, OutcomeTooManyRequests,
	OutcomeServerError, OutcomeTimeout, OutcomeNetworkFailure, OutcomeBlocked, OutcomeInvalidURL,
}

// RetryOn is what a destination wants repeated.
type RetryOn string

const (
	RetryNetworkFailure  RetryOn = "NETWORK_FAILURE"
	RetryTimeout         RetryOn = "TIMEOUT"
	RetryServerError     RetryOn = "SERVER_ERROR"
	RetryTooManyRequests RetryOn = "TOO_MANY_REQUESTS"
)

// Destination is an affiliate's endpoint for outbound postbacks
// (AffiliatePostback in the API).
type Destination struct {
	ID          uuid.UUID
	AffiliateID uuid.UUID
	OfferID     uuid.UUID // uuid.Nil: every offer
	EventType   string    // "": every event
	Statuses    []Status  // which states are told
	Method      string    // GET or POST
	URLTemplate string
	RetryOn     []RetryOn
	// LatestOnly has a newer status of a conversion cancel the older ones that
	// were not delivered yet.
	LatestOnly bool
	// MaxPerSecond bounds the requests to it over all processes; 0: no bound.
	MaxPerSecond int
	Enabled      bool
	Archived     bool // and therefore not enabled
	CreatedAt    time.Time
	Health
	// OldSecretUntil is how long requests are signed with the secret before the
	// newest as well; zero: not at all.
	OldSecretUntil time.Time
}

// Delivery is one message to one destination: a conversion reached a status.
type Delivery struct {
	ID            uuid.UUID
	ConversionID  uuid.UUID
	TransitionID  uuid.UUID
	AffiliateID   uuid.UUID
	DestinationID uuid.UUID
	Event         Status // the status that is told
	Status        DeliveryStatus
	Attempts      int
	CreatedAt     time.Time
	NextAttemptAt time.Time // zero when none is due
	// URL is the last attempt's, before the first one the destination's template;
	// secrets masked. It is filled in by reading.
	URL string
}

// Attempt is one request of a delivery.
type Attempt struct {
	DeliveryID     uuid.UUID
	Number         int
	At             time.Time
	URL            string // secrets masked
	Outcome        Outcome
	ResponseStatus int    // 0 when there was no response
	ResponseBody   string // cut
	Duration       time.Duration
	Error          string
	Exchange
}

// Exchange is what an attempt sent and got besides, as it may be shown: bounded,
// secrets masked. Headers stand as "Name: value", one a line.
type Exchange struct {
	Method          string
	RequestHeaders  string
	RequestBody     string
	ResponseHeaders string
}

// Retries reports whether an attempt that ended so is to be repeated for a
// destination that wants r repeated.
func (o Outcome) Retries(r []RetryOn) bool {
	for _, on := range r {
		switch {
		case on == RetryNetworkFailure && o == OutcomeNetworkFailure,
			on == RetryTimeout && o == OutcomeTimeout,
			on == RetryServerError && o == OutcomeServerError,
			on == RetryTooManyRequests && o == OutcomeTooManyRequests:
			return true
		}
	}
	return false
}
