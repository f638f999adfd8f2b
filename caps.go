package proofback

import (
	"fmt"
	"time"
)

// Span is the period that t falls in, by the calendar of the advertiser's time
// zone; one that never starts anew reaches from the Unix epoch to the year 9999.
func (p CapPeriod) Span(t time.Time, zone *time.Location) TimeRange {
	y, m, d := t.In(zone).Date()
	switch p {
	case CapDaily:
		return TimeRange{dayBegins(y, m, d, zone), dayBegins(y, m, d+1, zone)}
	case CapMonthly:
		return TimeRange{dayBegins(y, m, 1, zone), dayBegins(y, m+1, 1, zone)}
	}
	return TimeRange{time.Unix(0, 0).UTC(), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// dayBegins is the first moment of a date by the calendar of a zone: midnight, or
// where the clocks are put forward at midnight, the moment in which they are.
func dayBegins(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Hour() > 12 {
		// There is no midnight, and time.Date has taken it for an hour of the
		// evening before.
		_, t = t.ZoneBounds()
	}
	return t.UTC()
}

// CapUse is a cap of the terms and how much of it is taken in the event's period.
type CapUse struct {
	Cap
	Used Decimal
}

// Takes is what a conversion counts for in a metric: nothing while it is
// rejected, or a test. The second result is false where that is not known yet, because the
// payout still waits for a rate.
func (c *Conversion) Takes(metric CapMetric) (Decimal, bool) {
	switch {
	case c.Status == StatusRejected || c.Test || metric == CapClicks:
		return "0", true
	case metric == CapConversions:
		return "1", true
	case c.Payout.IsZero():
		return "0", true
	case c.Normalized.Payout.IsZero():
		return "0", false
	}
	return c.Normalized.Payout.Amount, true
}

// checkCaps refuses what would go over a cap. The counters it is given are held
// by the deciding transaction, so that nobody else can take the same place.
func (d *decider) checkCaps() bool {
	const name = "caps"
	if len(d.facts.Caps) == 0 || d.request.Claim.Status == StatusRejected {
		return false
	}
	if d.facts.Click.IsTest() {
		return d.pass(name, "a test counts for no cap")
	}
	c := &Conversion{Status: StatusPending, EventAt: d.eventAt, Payout: d.payout, Revenue: d.revenue}
	c.Normalized = Normalize(c, d.facts.Currency, d.facts.Rates)
	for _, u := range d.facts.Caps {
		takes, known := c.Takes(u.Metric)
		if !known {
			return d.deferFor(name, ReasonAwaitingRate, d.rateUntil(), "the offer's payout is capped in %s, the payout is in %s, and there is no reference rate for %s yet", d.facts.Currency, d.payout.Currency, RateDay(d.eventAt).Format(time.DateOnly))
		}
		if u.Used.Add(takes).Cmp(u.Limit) > 0 {
			return d.refuse(name, ReasonCapReached, "the offer's %s cap of %s is reached: it counts again when the next period begins or the cap is raised", u.Cap, u.Limit)
		}
	}
	return d.pass(name, "within every cap of the offer")
}

// String names a cap for people: "daily conversions".
func (c Cap) String() string {
	words := map[string]string{
		string(CapDaily): "daily", string(CapMonthly): "monthly", string(CapTotal): "total",
		string(CapConversions): "conversions", string(CapPayout): "payout", string(CapClicks): "clicks",
	}
	return fmt.Sprintf("%s %s", words[string(c.Period)], words[string(c.Metric)])
}
