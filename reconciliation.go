package proofback

import (
	"time"

	"github.com/google/uuid"
)

// DifferenceKind says how an event stands in two lists: the network's and an
// advertiser's. Every conversion and every line gets exactly one.
type DifferenceKind string

const (
	// KindMatched is in both, and they agree.
	KindMatched DifferenceKind = "MATCHED"
	// KindAmountDiffers and the next two are in both, and they disagree; where in
	// several ways, the first of currency, amount and status is told.
	KindAmountDiffers   DifferenceKind = "AMOUNT_DIFFERS"
	KindCurrencyDiffers DifferenceKind = "CURRENCY_DIFFERS"
	KindStatusDiffers   DifferenceKind = "STATUS_DIFFERS"
	// KindMissingHere is in the advertiser's list alone.
	KindMissingHere DifferenceKind = "MISSING_HERE"
	// KindMissingThere is a conversion that counts and is not in their list.
	KindMissingThere DifferenceKind = "MISSING_THERE"
	// KindDuplicateThere is a line about an event that an earlier line told of.
	KindDuplicateThere DifferenceKind = "DUPLICATE_THERE"
	// KindTimeShifted is in both, and they agree but for the day, as seen in the
	// advertiser's time zone.
	KindTimeShifted DifferenceKind = "TIME_SHIFTED"
	// KindOutsidePeriod is a line about another time than was asked for.
	KindOutsidePeriod DifferenceKind = "OUTSIDE_PERIOD"
)

// ReconciliationStatus is how far a reconciliation is.
type ReconciliationStatus string

const (
	ReconciliationQueued  ReconciliationStatus = "QUEUED"
	ReconciliationRunning ReconciliationStatus = "RUNNING"
	ReconciliationDone    ReconciliationStatus = "DONE"
	ReconciliationFailed  ReconciliationStatus = "FAILED"
)

// SourceUpload is the source of a list that somebody sent; that of a feed's is its
// URL.
const SourceUpload = "UPLOAD"

// Reconciliation is a comparison of an advertiser's list of events with the
// network's conversions of a time.
type Reconciliation struct {
	ID           uuid.UUID
	AdvertiserID uuid.UUID
	Source       string
	Status       ReconciliationStatus
	Range        TimeRange
	CreatedAt    time.Time
	CreatedBy    uuid.UUID // uuid.Nil for a feed
	FinishedAt   time.Time
	Error        string // why it failed
	Progress     int    // per cent
	Lines        int64  // that were read, the bad ones among them
	BadLines     int64
	// ByRevenue says that the list tells what the advertiser owes, which is compared
	// with revenue; else sales are compared with sales.
	ByRevenue bool
}

// ListItem is one event of a reconciliation.
type ListItem struct {
	N            int64 // its place in the result
	Kind         DifferenceKind
	TxID         string
	Detail       string // what is different, and why where it is known
	ConversionID uuid.UUID
	SuggestedID  uuid.UUID // a conversion that it might be, by amount and time alone
	Line         int64     // of the list; 0 where it has none
	Raw          string    // that line
	Platform     Money
	Advertiser   Money
}

// ListSummary adds up the items of a kind and a pair of currencies.
type ListSummary struct {
	Kind       DifferenceKind
	Count      int64
	Platform   Money
	Advertiser Money
	// Difference is what the advertiser's side has more than ours; zero Money where
	// the currencies are two.
	Difference Money
}

// BadLine is a line of a list that could not be read.
type BadLine struct {
	Line    int
	Raw     string
	Problem string
}

// NewListSummary is a summary with its difference.
func NewListSummary(kind DifferenceKind, count int64, platform, advertiser Money) ListSummary {
	s := ListSummary{Kind: kind, Count: count, Platform: platform, Advertiser: advertiser}
	switch {
	case platform.IsZero() && !advertiser.IsZero():
		s.Difference = advertiser
	case advertiser.IsZero() && !platform.IsZero():
		s.Difference = Money{Decimal("0").Sub(platform.Amount), platform.Currency}
	case platform.Currency == advertiser.Currency && !platform.IsZero():
		s.Difference = Money{advertiser.Amount.Sub(platform.Amount), platform.Currency}
	}
	return s
}

// DifferenceKinds lists them all.
func DifferenceKinds() []DifferenceKind {
	return []DifferenceKind{
		KindMatched, KindAmountDiffers, KindCurrencyDiffers, KindStatusDiffers, KindMissingHere, KindMissingThere,
		KindDuplicateThere, KindTimeShifted, KindOutsidePeriod,
	}
}
