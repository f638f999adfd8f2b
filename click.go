package proofback

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ClickOutcome is what became of a visitor: sent to the offer, or why not. The
// numbers are stored; they never change their meaning.
type ClickOutcome int16

const (
	ClickRedirected       ClickOutcome = 0 // sent to the landing page: it may convert
	ClickOfferPaused      ClickOutcome = 1
	ClickPartnerPaused    ClickOutcome = 2 // the affiliate's or the advertiser's account
	ClickNotApproved      ClickOutcome = 3 // the affiliate has no access to the offer
	ClickCountryOffTarget ClickOutcome = 4
	ClickDeviceOffTarget  ClickOutcome = 5
	ClickCapReached       ClickOutcome = 6
	ClickLinkArchived     ClickOutcome = 7
)

// String is the code that people are shown.
func (o ClickOutcome) String() string {
	switch o {
	case ClickRedirected:
		return "REDIRECTED"
	case ClickOfferPaused:
		return "OFFER_PAUSED"
	case ClickPartnerPaused:
		return "PARTNER_PAUSED"
	case ClickNotApproved:
		return "NOT_APPROVED"
	case ClickCountryOffTarget:
		return "COUNTRY_OFF_TARGET"
	case ClickDeviceOffTarget:
		return "DEVICE_OFF_TARGET"
	case ClickCapReached:
		return "CAP_REACHED"
	case ClickLinkArchived:
		return "LINK_ARCHIVED"
	}
	return "UNKNOWN"
}

// ClickFlags are remarks about a click, as a set of bits. Stored: never renumber.
type ClickFlags int16

const (
	FlagValueCut       ClickFlags = 1 << iota // an over-long parameter was cut
	FlagValueCleaned                          // control characters or bad UTF-8 were dropped
	FlagNoUserAgent                           // the visitor sent no User-Agent
	FlagUnknownCountry                        // no country could be told though the offer targets some
	FlagDirect                                // made by POST /clicks
	FlagTest                                  // made to test an advertiser's integration; it counts for nothing
)

// Names gives the codes of the flags that are set.
func (f ClickFlags) Names() []string {
	names := []string{}
	for i, name := range [...]string{"VALUE_CUT", "VALUE_CLEANED", "NO_USER_AGENT", "UNKNOWN_COUNTRY", "DIRECT", "TEST"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Click is a visitor who followed a link.
type Click struct {
	ID           uuid.UUID // UUIDv7; its text form with a MAC is the click id
	At           time.Time // milliseconds, the id's own
	LinkID       uuid.UUID
	OfferID      uuid.UUID
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	TermsID      uuid.UUID
	Outcome      ClickOutcome
	Flags        ClickFlags
	Bot          bool
	Country      string // ISO 3166-1 alpha-2, "" when it could not be told
	Device       Device
	IP           netip.Addr
	UserAgent    string
	Referrer     string
	Source       string
	Creative     string
	Subs         [10]string
}

// IsTest reports whether the click was made to test an integration. It has no
// link and no affiliate; what comes of it is marked as a test too, and counts for
// nothing: no cap, no report, no payout, no delivery, no ledger entry.
func (c *Click) IsTest() bool { return c.Flags&FlagTest != 0 }

// Counts reports whether the click takes a place of its offer's caps on clicks: a
// visitor's who was sent to the offer, and no crawler's or test's.
func (c *Click) Counts() bool { return c.Outcome == ClickRedirected && !c.Bot && !c.IsTest() }

// JudgeClick says what becomes of a visitor, by values alone. The checks stand
// in the order in which a partner would want to hear of them. Caps are not among
// them: whether there is a place left is known only to who stores the click.
func JudgeClick(t *Terms, affiliate, advertiser PartnerStatus, access AccessStatus, country string, device Device) ClickOutcome {
	switch {
	case t.Status != OfferActive:
		return ClickOfferPaused
	case affiliate != PartnerActive || advertiser != PartnerActive:
		return ClickPartnerPaused
	case t.Access != OfferPublic && access != AccessApproved:
		return ClickNotApproved
	case t.Access == OfferPublic && access == AccessRejected:
		return ClickNotApproved
	case len(t.Targeting.Countries) > 0 && !slices.Contains(t.Targeting.Countries, country):
		return ClickCountryOffTarget
	case len(t.Targeting.Devices) > 0 && !slices.Contains(t.Targeting.Devices, device):
		return ClickDeviceOffTarget
	}
	return ClickRedirected
}
