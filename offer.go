package proofback

import (
	"time"

	"github.com/google/uuid"
)

// OfferStatus says whether an offer takes clicks.
type OfferStatus string

const (
	OfferActive   OfferStatus = "ACTIVE"
	OfferPaused   OfferStatus = "PAUSED"
	OfferArchived OfferStatus = "ARCHIVED"
)

// OfferAccess says who may run an offer.
type OfferAccess string

const (
	OfferPublic   OfferAccess = "PUBLIC"   // every affiliate
	OfferApproval OfferAccess = "APPROVAL" // affiliates that asked and were approved
	OfferPrivate  OfferAccess = "PRIVATE"  // affiliates that staff let in; hidden from others
)

// Device is the kind of device a visitor uses.
type Device string

const (
	DeviceDesktop Device = "DESKTOP"
	DeviceMobile  Device = "MOBILE"
	DeviceTablet  Device = "TABLET"
	DeviceOther   Device = "OTHER"
)

// PriceModel says where an amount of money comes from.
type PriceModel string

const (
	PriceFixed    PriceModel = "FIXED"    // the same for every event
	PricePercent  PriceModel = "PERCENT"  // of the postback's amount
	PricePostback PriceModel = "POSTBACK" // as the postback says
)

// Price is a rule for payout or revenue.
type Price struct {
	Model PriceModel `json:"model"`
	// Amount and Currency are set for PriceFixed, Percent for PricePercent (12.5
	// is twelve and a half per cent). PricePostback takes either currency of the
	// request or, when Currency is set, refuses any other.
	Amount   Decimal `json:"amount,omitempty"`
	Percent  Decimal `json:"percent,omitempty"`
	Currency string  `json:"currency,omitempty"`
}

// Approval says who approves a conversion that came without a status.
type Approval string

const (
	ApprovalAuto   Approval = "AUTO"   // approved at once
	ApprovalManual Approval = "MANUAL" // pending until staff or a postback decide
)

// MissingPrerequisite says what happens to an event that came before the one it
// requires.
type MissingPrerequisite string

const (
	PrerequisiteReject MissingPrerequisite = "REJECT"
	PrerequisiteWait   MissingPrerequisite = "WAIT"
)

// Goal is an event that an offer pays for.
type Goal struct {
	ID        uuid.UUID `json:"id"`
	EventType string    `json:"event_type"`
	Name      string    `json:"name"`
	Payout    Price     `json:"payout"`
	Revenue   Price     `json:"revenue"`
	Approval  Approval  `json:"approval"`
	// WindowHours is how long after the click the event counts; 0 takes the
	// offer's attribution window.
	WindowHours             int                 `json:"window_hours,omitempty"`
	MinimumAmount           Money               `json:"minimum_amount,omitzero"`
	Requires                string              `json:"requires,omitempty"` // an event type of the same offer
	WhenPrerequisiteMissing MissingPrerequisite `json:"when_prerequisite_missing"`
	OncePerClick            bool                `json:"once_per_click"`
	TransactionIDRequired   bool                `json:"transaction_id_required"`
	DedupeWindowMinutes     int                 `json:"dedupe_window_minutes"`
}

// CapMetric is what a cap counts.
type CapMetric string

const (
	CapConversions CapMetric = "CONVERSIONS" // not rejected ones
	CapPayout      CapMetric = "PAYOUT"      // in the network's currency
	CapClicks      CapMetric = "CLICKS"
)

// CapPeriod is how often a cap starts anew, in the advertiser's time zone.
type CapPeriod string

const (
	CapDaily   CapPeriod = "DAILY"
	CapMonthly CapPeriod = "MONTHLY"
	CapTotal   CapPeriod = "TOTAL"
)

// Cap is a limit that is never exceeded.
type Cap struct {
	Metric CapMetric `json:"metric"`
	Period CapPeriod `json:"period"`
	Limit  Decimal   `json:"limit"`
}

// Targeting says which visitors count; an empty list is no limit.
type Targeting struct {
	Countries []string `json:"countries,omitempty"` // ISO 3166-1 alpha-2
	Devices   []Device `json:"devices,omitempty"`
}

// Terms are one immutable version of everything that an offer promises. Each
// change to an offer or goal makes the next version; a click carries the one it
// was made under, and its conversions are judged and paid by that one.
type Terms struct {
	ID           uuid.UUID `json:"-"`
	OfferID      uuid.UUID `json:"-"`
	AdvertiserID uuid.UUID `json:"-"`
	Version      int       `json:"-"`
	CreatedAt    time.Time `json:"-"`

	Name        string      `json:"name"`
	Status      OfferStatus `json:"status"`
	Access      OfferAccess `json:"access"`
	LandingURL  string      `json:"landing_url"`
	FallbackURL string      `json:"fallback_url,omitempty"`
	// AttributionWindowHours is how long after the click events count, unless a
	// goal says otherwise.
	AttributionWindowHours int       `json:"attribution_window_hours"`
	Targeting              Targeting `json:"targeting"`
	Caps                   []Cap     `json:"caps,omitempty"`
	Goals                  []Goal    `json:"goals"`
}

// Offer is an offer with its terms in force.
type Offer struct {
	ID           uuid.UUID
	AdvertiserID uuid.UUID
	CreatedAt    time.Time
	Terms        Terms
}

// Defaults for what a new offer leaves out.
const (
	DefaultAttributionWindowHours = 30 * 24
	// DefaultDedupeWindowMinutes is a day: senders that retry without a
	// transaction id do so for that long.
	DefaultDedupeWindowMinutes = 24 * 60
)

// Goal gives the goal for an event type.
func (t *Terms) Goal(eventType string) (*Goal, bool) {
	for i := range t.Goals {
		if t.Goals[i].EventType == eventType {
			return &t.Goals[i], true
		}
	}
	return nil, false
}

// Window is how long after the click an event of g counts.
func (t *Terms) Window(g *Goal) time.Duration {
	if g.WindowHours > 0 {
		return time.Duration(g.WindowHours) * time.Hour
	}
	return time.Duration(t.AttributionWindowHours) * time.Hour
}

// PayoutOverride is an affiliate's own price for a goal: it holds for clicks
// made at From or later, until a later override does.
type PayoutOverride struct {
	ID          uuid.UUID
	AffiliateID uuid.UUID
	OfferID     uuid.UUID
	GoalID      uuid.UUID
	Payout      Price
	From        time.Time
	CreatedAt   time.Time
}

// PayoutAt picks the price in force for a click at t: the override with the
// latest From that is not after t (of equals the one made last), else the
// goal's own. The overrides are those of one affiliate and goal, in any order.
func PayoutAt(g *Goal, overrides []PayoutOverride, t time.Time) Price {
	best := -1
	for i, o := range overrides {
		if o.From.After(t) {
			continue
		}
		if best < 0 || o.From.After(overrides[best].From) ||
			o.From.Equal(overrides[best].From) && o.CreatedAt.After(overrides[best].CreatedAt) {
			best = i
		}
	}
	if best < 0 {
		return g.Payout
	}
	return overrides[best].Payout
}
