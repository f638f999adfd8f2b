package proofback

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// What diagnostics find beside the reasons of requests: patterns of what did not
// come, or comes too often.
const (
	ReasonPixelWithoutPostback Reason = "PIXEL_WITHOUT_POSTBACK"
	ReasonClicksNeverConvert   Reason = "CLICKS_NEVER_CONVERT"
	ReasonPostbacksStopped     Reason = "POSTBACKS_STOPPED"
	ReasonDuplicatesRising     Reason = "DUPLICATES_RISING"
)

// Limits of what diagnostics look at.
const (
	MaxDiagnosticsRange = 93 * 24 * time.Hour
	DefaultDiagnostics  = 7 * 24 * time.Hour

	// PixelLook, ClicksLook and RhythmLook are how far back from the end of the
	// range the patterns are looked for: what has been mended since is none.
	PixelLook  = 7 * 24 * time.Hour
	ClicksLook = 7 * 24 * time.Hour
	RhythmLook = 28 * 24 * time.Hour

	// PixelPatience is how long after the pixel its postback may come, or before.
	PixelPatience = 24 * time.Hour

	MaxFindings = 200
	MaxExamples = 5
)

// DiagnosticsFilter says what to look at; zero ids do not narrow.
type DiagnosticsFilter struct {
	TimeRange
	AdvertiserID uuid.UUID
	OfferID      uuid.UUID
	AffiliateID  uuid.UUID
}

// Within gives the filter with the ends of its range: by default the week up to
// now. A range that is empty or too long is refused.
func (f DiagnosticsFilter) Within(now time.Time) (DiagnosticsFilter, error) {
	if f.To.IsZero() || f.To.After(now) {
		f.To = now
	}
	if f.From.IsZero() {
		f.From = f.To.Add(-DefaultDiagnostics)
	}
	switch {
	case !f.From.Before(f.To):
		return f, Invalid([]string{"filter", "from"}, "the range is empty: from must be before to, and before now")
	case f.To.Sub(f.From) > MaxDiagnosticsRange:
		return f, Invalid([]string{"filter", "from"}, "the range may be at most 93 days long")
	}
	return f, nil
}

// Last is the end of the range, at most as long as span.
func (f *DiagnosticsFilter) Last(span time.Duration) TimeRange {
	r := f.TimeRange
	if start := r.To.Add(-span); r.From.Before(start) {
		r.From = start
	}
	return r
}

// Finding is something that goes wrong: for whom, how often, since when.
type Finding struct {
	Reason Reason
	// Count is how many requests there were; of clicks (PIXEL_WITHOUT_POSTBACK,
	// CLICKS_NEVER_CONVERT) how many; of what stopped, how many were to be expected.
	Count int
	// Share is of the advertiser's requests; of the clicks with a pixel; of the later
	// half's requests (DUPLICATES_RISING); else 1.
	Share           float64
	FirstAt, LastAt time.Time
	AdvertiserID    uuid.UUID // uuid.Nil where it cannot be told
	OfferID         uuid.UUID // uuid.Nil where it is not about one
	AffiliateID     uuid.UUID // set for CLICKS_NEVER_CONVERT
	LinkID          uuid.UUID // set where it is about one link
	// Examples are the last few requests; Clicks, of patterns of clicks, the last few.
	Examples []*Postback
	Clicks   []*Click
}

// IsPattern reports whether a reason is one that diagnostics derive.
func (r Reason) IsPattern() bool {
	switch r {
	case ReasonPixelWithoutPostback, ReasonClicksNeverConvert, ReasonPostbacksStopped, ReasonDuplicatesRising:
		return true
	}
	return false
}

// ChooseFindings puts what costs most in front: patterns, which nobody was told of,
// then reasons by their number, and last what did no harm. Of more than MaxFindings
// it keeps as many, patterns at most half of them unless there is little else.
func ChooseFindings(list []*Finding) []*Finding {
	rank := func(f *Finding) int {
		switch {
		case f.Reason.IsPattern():
			return 0
		case f.Reason == ReasonDuplicate:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(b.Count, a.Count),
			b.LastAt.Compare(a.LastAt),
			cmp.Compare(a.Reason, b.Reason))
	})
	patterns := slices.IndexFunc(list, func(f *Finding) bool { return !f.Reason.IsPattern() })
	if patterns < 0 {
		patterns = len(list)
	}
	others := list[patterns:]
	kept := min(patterns, max(MaxFindings/2, MaxFindings-len(others)))
	return append(list[:kept:kept], others[:min(len(others), MaxFindings-kept)]...)
}

// MaskFor takes out of f what is the advertiser's: affiliates are told what goes
// wrong with their clicks on which offer.
func (f *Finding) MaskFor(a Actor) {
	if a.Role == RoleAffiliate {
		f.AdvertiserID = uuid.Nil
	}
}
