package proofback

import (
	"time"

	"github.com/google/uuid"
)

// Status is where a conversion stands. Only an approved one is billable.
type Status string

const (
	StatusPending  Status = "PENDING"
	StatusApproved Status = "APPROVED"
	StatusRejected Status = "REJECTED"
)

// Conversion is an event that an advertiser reported about a click: what it is
// worth, and where it stands. Everything but Status, Reason and the normalised
// amounts is fixed when it is made; Status is the fold of its transitions.
type Conversion struct {
	ID           uuid.UUID
	AdvertiserID uuid.UUID
	OfferID      uuid.UUID
	GoalID       uuid.UUID
	AffiliateID  uuid.UUID
	ClickID      uuid.UUID
	TermsID      uuid.UUID // the terms it was judged and is paid by
	PostbackID   uuid.UUID // the request that made it
	EventType    string
	TxID         string // the advertiser's id of the event; "" when it gave none
	Status       Status
	Began        Status // the status it was made with
	// Reason is why it is rejected or what a person wrote; a code when a rule
	// decided, a sentence when a person did.
	Reason     string
	EventAt    time.Time // when the advertiser says it happened
	ReceivedAt time.Time
	ClickAt    time.Time

	Amount  Money // the customer's sale or deposit, as sent
	Payout  Money // the affiliate's commission, in minor units
	Revenue Money // what the advertiser owes, in minor units

	// AmountIsRevenue says that no amount was sent and the revenue stood in for it.
	AmountIsRevenue bool

	Normalized Normalized

	// FirstReceivedAt is when the request that told of it first came: ReceivedAt,
	// unless that was a replay. It is known only to who judges a replay.
	FirstReceivedAt time.Time

	// Corrected is by how much staff have corrected it since. It is known only to who
	// judges requests about it.
	Corrected CorrectedBy

	// Test marks what came of a test click: it counts for nothing.
	Test bool

	// Late says that its month was closed when it came: all of it is booked by
	// adjustments, and the month stays as it was.
	Late bool

	// Subs are the postback's own sub1 … sub10, kept beside the click's.
	Subs [10]string

	// Claims is the span of event times that this conversion claims for itself
	// among those of its click and goal: another one whose span meets it is the
	// same event. Without a transaction id it is the goal's dedupe window; where
	// the goal counts once per click, a conversion that counts claims all that
	// follows it. Zero when its transaction id alone tells it apart.
	Claims TimeRange
}

// CorrectedBy is by how much a conversion's sale, payout and revenue were corrected, in
// their currencies; "" where they were not.
type CorrectedBy struct{ Amount, Payout, Revenue Decimal }

// isOrWas reports whether an amount is what m was told as, or what it was corrected to.
func (m Money) isOrWas(o Money, by Decimal) bool {
	return m.Equal(o) || by != "" && m.Currency == o.Currency && m.Amount.Add(by).Equal(o.Amount)
}

// Normalized is a conversion's money in the network's own currency at the
// reference rate of its event date. A zero RateDate means that it waits for one.
type Normalized struct {
	Payout     Money
	Revenue    Money
	RateDate   time.Time // the day the rate was published for
	RateSource string
}

// RateSourceSame is the source of amounts that were in the network's currency
// already.
const RateSourceSame = "SAME_CURRENCY"

// ActorKind says what kind of actor moved a conversion.
type ActorKind string

const (
	ByPostback ActorKind = "POSTBACK" // the advertiser's status parameter
	ByRule     ActorKind = "RULE"     // the offer's terms
	ByUser     ActorKind = "USER"     // a person
	BySystem   ActorKind = "SYSTEM"   // a job
)

// Transition is one move of a conversion: who, when, why, and the request that
// caused it. From is "" for the first.
type Transition struct {
	ID           uuid.UUID
	ConversionID uuid.UUID
	AdvertiserID uuid.UUID
	AffiliateID  uuid.UUID
	From, To     Status
	At           time.Time
	ByKind       ActorKind
	ByUser       uuid.UUID // set for ByUser
	// ByEmail is that user's address; it is filled in when staff read.
	ByEmail    string
	Reason     string
	PostbackID uuid.UUID // set when a request caused it
}

// Mover says on whose word a conversion is to move.
type Mover int

const (
	MoverPostback Mover = iota // an advertiser's postback
	MoverStaff                 // a person of the network
)

// CanMove is the lifecycle: pending goes to approved or rejected; turning an
// approved or rejected conversion round is for staff alone. Staying where one is
// is not a move.
func CanMove(from, to Status, by Mover) bool {
	switch {
	case from == StatusPending:
		return to == StatusApproved || to == StatusRejected
	case from == StatusApproved && to == StatusRejected, from == StatusRejected && to == StatusApproved:
		return by == MoverStaff
	}
	return false
}

// NeedsReason reports whether a move must be explained: every rejection, and
// every turning round.
func NeedsReason(from, to Status) bool { return to == StatusRejected || from == StatusRejected }

// Billable reports whether money is owed for a conversion of this status.
func (s Status) Billable() bool { return s == StatusApproved }

// Valid reports whether s is one of the three.
func (s Status) Valid() bool {
	return s == StatusPending || s == StatusApproved || s == StatusRejected
}

// Word is the status as REST and macros spell it: lower case.
func (s Status) Word() string {
	switch s {
	case StatusPending:
		return "pending"
	case StatusApproved:
		return "approved"
	case StatusRejected:
		return "rejected"
	}
	return ""
}
