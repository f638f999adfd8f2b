package proofback

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Dimension is what a report's rows are told apart by.
type Dimension string

const (
	DimHour       Dimension = "HOUR"
	DimDay        Dimension = "DAY"
	DimWeek       Dimension = "WEEK" // from Monday, ISO 8601
	DimMonth      Dimension = "MONTH"
	DimOffer      Dimension = "OFFER"
	DimAffiliate  Dimension = "AFFILIATE"
	DimAdvertiser Dimension = "ADVERTISER"
	DimGoal       Dimension = "GOAL" // clicks have none
	DimCountry    Dimension = "COUNTRY"
	DimDevice     Dimension = "DEVICE"
	DimSource     Dimension = "SOURCE"
	DimCreative   Dimension = "CREATIVE"
	DimSub1       Dimension = "SUB1"
	DimSub2       Dimension = "SUB2"
	DimSub3       Dimension = "SUB3"
	DimSub4       Dimension = "SUB4"
	DimSub5       Dimension = "SUB5"
	DimSub6       Dimension = "SUB6"
	DimSub7       Dimension = "SUB7"
	DimSub8       Dimension = "SUB8"
	DimSub9       Dimension = "SUB9"
	DimSub10      Dimension = "SUB10"
)

// IsTime reports whether d is a span of time.
func (d Dimension) IsTime() bool {
	return d == DimHour || d == DimDay || d == DimWeek || d == DimMonth
}

// IDKind is the kind of the ids that tell d's values apart, "" where text does.
func (d Dimension) IDKind() Kind {
	switch d {
	case DimOffer:
		return KindOffer
	case DimAffiliate:
		return KindAffiliate
	case DimAdvertiser:
		return KindAdvertiser
	case DimGoal:
		return KindGoal
	}
	return ""
}

// ofClick are the dimensions that only a click has; conversions take them from
// theirs.
var ofClick = []Dimension{
	DimCountry, DimDevice, DimSource, DimCreative,
	DimSub1, DimSub2, DimSub3, DimSub4, DimSub5, DimSub6, DimSub7, DimSub8, DimSub9, DimSub10,
}

// OfClick reports whether only clicks have d.
func (d Dimension) OfClick() bool { return slices.Contains(ofClick, d) }

// Valid reports whether there is such a dimension.
func (d Dimension) Valid() bool { return d.IsTime() || d.IDKind() != "" || d.OfClick() }

// Metric is a number of a report that its rows can be ordered by.
type Metric string

const (
	MetricClicks           Metric = "CLICKS"
	MetricBotClicks        Metric = "BOT_CLICKS"
	MetricConversions      Metric = "CONVERSIONS"
	MetricPending          Metric = "PENDING"
	MetricApproved         Metric = "APPROVED"
	MetricRejected         Metric = "REJECTED"
	MetricConversionRate   Metric = "CONVERSION_RATE"
	MetricPayout           Metric = "PAYOUT"
	MetricPendingPayout    Metric = "PENDING_PAYOUT"
	MetricRevenue          Metric = "REVENUE"
	MetricMargin           Metric = "MARGIN"
	MetricEarningsPerClick Metric = "EARNINGS_PER_CLICK"
)

// AllMetrics are those that rows can be ordered by.
func AllMetrics() []Metric {
	return []Metric{
		MetricClicks, MetricBotClicks, MetricConversions, MetricPending, MetricApproved, MetricRejected, MetricConversionRate,
		MetricPayout, MetricPendingPayout, MetricRevenue, MetricMargin, MetricEarningsPerClick,
	}
}

// ShownTo reports whether the actor may see m. An order by what it may not see
// would tell it all the same.
func (m Metric) ShownTo(a Actor) bool {
	switch m {
	case MetricPayout, MetricPendingPayout, MetricEarningsPerClick:
		return a.SeesPayout()
	case MetricRevenue:
		return a.SeesRevenue()
	case MetricMargin:
		return a.SeesPayout() && a.SeesRevenue()
	}
	return true
}

// ReportInput asks for a report. Zero fields are left out, except that Range must
// be closed and Zone set.
type ReportInput struct {
	Range    TimeRange
	Zone     *time.Location // whose days, weeks and months are counted
	Currency string         // of all money; "" is the network's own
	Basis    TimeBasis      // which time of a conversion counts; "" is the event's
	GroupBy  []Dimension
	Filter   ReportFilter
	// OrderBy sorts the rows by a metric; "" sorts them by their keys, in the order
	// of GroupBy. What is equal goes by key, in the same direction.
	OrderBy    Metric
	Descending bool
	Limit      int // rows of the page
	After      string
	// AsOf tells the numbers as they stood at a moment; zero is now.
	AsOf time.Time
}

// ReportFilter narrows what is counted; empty fields do not.
type ReportFilter struct {
	OfferIDs      []uuid.UUID `json:"offer_ids,omitempty"`
	AffiliateIDs  []uuid.UUID `json:"affiliate_ids,omitempty"`
	AdvertiserIDs []uuid.UUID `json:"advertiser_ids,omitempty"`
	// EventTypes narrows conversions alone: a click is of no event yet.
	EventTypes []string `json:"event_types,omitempty"`
	Countries  []string `json:"countries,omitempty"`
	Devices    []Device `json:"devices,omitempty"`
	SubIndex   int      `json:"sub_index,omitempty"` // 1 to 10, 0 for none
	SubValue   string   `json:"sub_value,omitempty"`
}

// Limits of a report.
const (
	MaxReportDimensions = 5
	MaxReportSpan       = 5 * 366 * 24 * time.Hour
	MaxReportBuckets    = 20_000
	MaxReportPage       = 1000
	maxReportFilter     = 1000
)

// Validate tells everything that is wrong with the input.
func (in *ReportInput) Validate() error {
	var p Problems
	switch {
	case in.Range.From.IsZero():
		p.Add([]string{"from"}, "a report needs the moment that it begins at")
	case !in.Range.To.After(in.Range.From):
		p.Add([]string{"to"}, "a report must end after it begins")
	case in.Range.To.Sub(in.Range.From) > MaxReportSpan:
		p.Add([]string{"to"}, "a report tells of five years at most")
	}
	if in.Zone == nil {
		p.Add([]string{"timeZone"}, "expected a name of the IANA time zone database, such as Europe/Berlin")
	}
	if _, ok := CurrencyDigits(in.Currency); in.Currency != "" && !ok {
		p.Add([]string{"currency"}, "%.10q is not an ISO 4217 currency", in.Currency)
	}
	if len(in.GroupBy) > MaxReportDimensions {
		p.Add([]string{"groupBy"}, "at most %d dimensions", MaxReportDimensions)
	}
	for i, d := range in.GroupBy {
		if !d.Valid() || slices.Contains(in.GroupBy[:i], d) {
			p.Add([]string{"groupBy"}, "each dimension once")
			break
		}
	}
	if in.Limit < 1 || in.Limit > MaxReportPage {
		p.Add([]string{"first"}, "first must be from 1 to %d", MaxReportPage)
	}
	in.Filter.validate(&p)
	return p.Err()
}

func (f *ReportFilter) validate(p *Problems) {
	for _, list := range []struct {
		name string
		n    int
	}{
		{"offerIds", len(f.OfferIDs)},
		{"affiliateIds", len(f.AffiliateIDs)},
		{"advertiserIds", len(f.AdvertiserIDs)},
		{"eventTypes", len(f.EventTypes)},
		{"countries", len(f.Countries)},
		{"devices", len(f.Devices)},
	} {
		if list.n > maxReportFilter {
			p.Add([]string{"filter", list.name}, "at most %d", maxReportFilter)
		}
	}
	for i, c := range f.Countries {
		if !looksLikeCountry(c) {
			p.Add([]string{"filter", "countries", strconv.Itoa(i)}, notCountry, c)
		}
	}
	if f.SubIndex < 0 || f.SubIndex > 10 {
		p.Add([]string{"filter", "sub", "index"}, "there are sub1 to sub10, and no sub%d", f.SubIndex)
	}
}

// NeedsClick reports whether conversions can only be told apart or chosen by what
// their clicks say.
func (in *ReportInput) NeedsClick() bool {
	f := &in.Filter
	return slices.ContainsFunc(in.GroupBy, Dimension.OfClick) ||
		len(f.Countries) > 0 || len(f.Devices) > 0 || f.SubIndex > 0
}
