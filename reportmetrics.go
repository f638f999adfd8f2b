package proofback

import "time"

// Report is a report as it was at one moment.
type Report struct {
	Currency string
	Zone     *time.Location
	Range    TimeRange
	AsOf     time.Time
	Rows     []ReportRow
	Totals   Metrics // of all rows, not only those of the page
	HasMore  bool
}

// ReportRow is a row: its keys, in the order of GroupBy, and its numbers.
type ReportRow struct {
	Keys    []ReportKey
	Metrics Metrics
	Cursor  string // for ReportInput.After
}

// ReportKey is a value of a dimension. Value is "" for what was not told: a click
// without a country, or a row of clicks in a report by goal.
type ReportKey struct {
	Dimension Dimension
	Value     string
	Label     string
}

// Metrics are a row's numbers. Money is in the report's currency, and no money at
// all where it is not the actor's to see.
type Metrics struct {
	Clicks    int64 // visitors who were sent to the offer, without bots and tests
	BotClicks int64
	Pending   int64
	Approved  int64
	Rejected  int64

	Payout        Money // of approved conversions
	PendingPayout Money // of pending ones
	Revenue       Money // of approved ones
	Margin        Money // Revenue without Payout

	// Awaiting are conversions, not rejected, whose money cannot be told in the
	// report's currency until a rate for their day comes.
	Awaiting        int64
	AwaitingAmounts []AwaitingAmount
}

// AwaitingAmount is money that waits, as it was sent.
type AwaitingAmount struct {
	Kind  MoneyKind
	Money Money
}

// MoneyKind says whose money an amount is.
type MoneyKind string

const (
	MoneyPayout  MoneyKind = "PAYOUT"
	MoneyRevenue MoneyKind = "REVENUE"
)

// Places after the point of a report's quotients.
const (
	rateDigits = 6 // of a conversion rate
	epcDigits  = 6 // of earnings per click, which are mostly below a minor unit
)

// Conversions are those of every status: the advertiser reported them.
func (m *Metrics) Conversions() int64 { return m.Pending + m.Approved + m.Rejected }

// ConversionRate is conversions per click, 1 for each click one; "" without
// clicks.
func (m *Metrics) ConversionRate() Decimal {
	return Count(m.Conversions()).per(m.Clicks, rateDigits)
}

// EarningsPerClick is payout per click, to a millionth of the currency; no money
// without clicks.
func (m *Metrics) EarningsPerClick() Money {
	if m.Payout.IsZero() || m.Clicks == 0 {
		return Money{}
	}
	return Money{m.Payout.Amount.per(m.Clicks, epcDigits), m.Payout.Currency}
}

// MaskFor takes out the money that is not a's to see.
func (m *Metrics) MaskFor(a Actor) {
	if !a.SeesRevenue() {
		m.Revenue, m.Margin = Money{}, Money{}
	}
	if !a.SeesPayout() {
		m.Payout, m.PendingPayout, m.Margin = Money{}, Money{}, Money{}
	}
}
