package proofback

import (
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// PartnerStatus says whether an advertiser or affiliate is doing business.
type PartnerStatus string

const (
	PartnerActive   PartnerStatus = "ACTIVE"
	PartnerPaused   PartnerStatus = "PAUSED"
	PartnerArchived PartnerStatus = "ARCHIVED"
)

// SecurityMode is how an advertiser proves that a postback is its own.
type SecurityMode string

const (
	SecurityNone      SecurityMode = "NONE"
	SecurityToken     SecurityMode = "TOKEN"
	SecuritySignature SecurityMode = "SIGNATURE"
)

// NameMapping says that an advertiser calls the canonical parameter To by the
// name From.
type NameMapping struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// StatusMapping says that an advertiser's word From means To.
type StatusMapping struct {
	From string `json:"from"`
	To   Status `json:"to"`
}

// Advertiser is a partner that owns offers and reports events.
type Advertiser struct {
	ID       uuid.UUID
	Name     string
	Status   PartnerStatus
	Currency string // ISO 4217, what it is billed in
	TimeZone string // IANA

	Security   SecurityMode
	AllowedIPs []netip.Prefix // empty: any address

	ParameterMapping []NameMapping
	StatusMapping    []StatusMapping
	AnswerAlways200  bool

	// PostbackKey is the last part of its own endpoint, /postback/{key}.
	PostbackKey string
	CreatedAt   time.Time
}

// Affiliate is a partner that sends clicks and is paid.
type Affiliate struct {
	ID        uuid.UUID
	Name      string
	Status    PartnerStatus
	Currency  string // ISO 4217, what it is paid in
	CreatedAt time.Time
	// MinimumPayout is the least that is paid to it, in its currency; "" is the
	// network's default. It is taken out where advertisers read.
	MinimumPayout Decimal
}

// User is a person who signs in.
type User struct {
	ID           uuid.UUID
	Email        string // lower case
	Role         Role
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	Disabled     bool
	Joined       bool // has a password: was not only invited
	CreatedAt    time.Time
}

// AccessStatus is where an affiliate's access to an offer stands.
type AccessStatus string

const (
	AccessPending  AccessStatus = "PENDING"
	AccessApproved AccessStatus = "APPROVED"
	AccessRejected AccessStatus = "REJECTED"
)

// Access is an affiliate's permission to run an offer.
type Access struct {
	ID          uuid.UUID
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	Status      AccessStatus
	Reason      string
	RequestedAt time.Time
	DecidedAt   time.Time
}

// TrackingLink is an affiliate's link to an offer.
type TrackingLink struct {
	ID          uuid.UUID
	Code        string // the last part of /c/{code}
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	Name        string
	Archived    bool // its visitors are kept from the offer
	CreatedAt   time.Time
}

// Validate refuses a name that is too long.
func (l *TrackingLink) Validate() error {
	var p Problems
	if utf8.RuneCountInString(l.Name) > MaxName {
		p.Add([]string{"name"}, "at most %d characters", MaxName)
	}
	return p.Err()
}

// TrackingURL is where a link's visitors go.
func TrackingURL(publicURL, code string) string { return publicURL + "/c/" + code }
