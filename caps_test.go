package proofback

import (
	"testing"
	"time"
)

func TestPeriodsBeginAtMidnightOfTheAdvertisersZone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone     string
		at       string
		period   CapPeriod
		from, to string
	}{
		{"UTC", "2026-03-10T12:00:00Z", CapDaily, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"},
		{"Asia/Kolkata", "2026-03-10T18:30:00Z", CapDaily, "2026-03-10T18:30:00Z", "2026-03-11T18:30:00Z"},
		{"Asia/Kolkata", "2026-03-10T18:29:59Z", CapDaily, "2026-03-09T18:30:00Z", "2026-03-10T18:30:00Z"},
		{"Europe/Berlin", "2026-03-29T12:00:00Z", CapDaily, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},    // 23 hours
		{"Europe/Berlin", "2026-10-25T12:00:00Z", CapDaily, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},    // 25 hours
		{"America/Santiago", "2026-09-06T03:30:00Z", CapDaily, "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"}, // 23:30 of the 5th
		{"America/Santiago", "2026-09-06T04:00:00Z", CapDaily, "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}, // 1:00 of the 6th, its first
		{"America/New_York", "2026-03-01T03:00:00Z", CapMonthly, "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"},
		{"UTC", "2026-12-31T23:59:59Z", CapMonthly, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"UTC", "2026-03-10T12:00:00Z", CapTotal, "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, tt.at)
		span := tt.period.Span(at, zone)
		if got := span.From.Format(time.RFC3339); got != tt.from {
			t.Errorf("%s %s of %s begins %s, want %s", tt.zone, tt.period, tt.at, got, tt.from)
		}
		if got := span.To.Format(time.RFC3339); got != tt.to {
			t.Errorf("%s %s of %s ends %s, want %s", tt.zone, tt.period, tt.at, got, tt.to)
		}
	}
}

// Every moment falls into the period that it is given, and all moments of a date
// or month into the same, also in zones where a clock change swallows midnight or
// tells it twice.
func TestPeriodsFollowTheCalendarOfTheZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
		"Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana", "America/Asuncion",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, period := range []CapPeriod{CapDaily, CapMonthly, CapTotal} {
			last := TimeRange{}
			for at := time.Date(2024, 12, 31, 22, 0, 0, 0, time.UTC); at.Year() < 2027; at = at.Add(30 * time.Minute) {
				span := period.Span(at, zone)
				if at.Before(span.From) || !at.Before(span.To) {
					t.Fatalf("%s %s: %s is not in %s", name, period, at.In(zone), span)
				}
				if span != last && !last.IsZero() && span.From != last.To {
					t.Fatalf("%s %s: %s follows %s", name, period, span, last)
				}
				if period != CapTotal && span.From.In(zone).Add(-time.Nanosecond).Day() == span.From.In(zone).Day() {
					t.Fatalf("%s %s: %s begins within a day", name, period, span)
				}
				last = span
			}
		}
	}
}

func TestACapIsReachedAndNeverExceeded(t *testing.T) {
	t.Parallel()
	conversions := func(limit, used Decimal) []CapUse {
		return []CapUse{{Cap{CapConversions, CapDaily, limit}, used}}
	}
	payout := func(limit, used Decimal) []CapUse {
		return []CapUse{{Cap{CapPayout, CapTotal, limit}, used}}
	}
	usd := func(r *Request) { r.Claim.Currency = "USD" }
	for _, tt := range []struct {
		name string
		caps []CapUse
		edit func(*Request)
		want Reason
	}{
		{"the last place", conversions("100", "99"), nil, ReasonAccepted},
		{"no place", conversions("100", "100"), nil, ReasonCapReached},
		{"no place at all", conversions("0", "0"), nil, ReasonCapReached},
		{"a rejected one takes no place", conversions("0", "0"), func(r *Request) { r.Claim.Status = StatusRejected }, ReasonAccepted},
		{"payout to the limit", payout("50", "40"), nil, ReasonAccepted},
		{"payout a cent over", payout("50", "40.01"), nil, ReasonCapReached},
		{"payout without a rate", payout("50", "0"), usd, ReasonAwaitingRate},
		{"the narrower of two", append(conversions("100", "0"), payout("1", "0")...), nil, ReasonCapReached},
	} {
		f := testFacts()
		f.Caps = tt.caps
		d := Decide(testRequest(tt.edit), f)
		if d.Reason != tt.want {
			t.Errorf("%s: %s (%s), want %s", tt.name, d.Reason, d.Message, tt.want)
		}
		if tt.want == ReasonCapReached && (d.Made == nil || d.Made.Status != StatusRejected || d.HTTPStatus() != 422) {
			t.Errorf("%s: %+v is not kept as rejected", tt.name, d.Made)
		}
	}
}

func TestWaitingDoublesAndEndsWithItsTime(t *testing.T) {
	t.Parallel()
	far := testNow.Add(1000 * time.Hour)
	for n, want := range map[int]time.Duration{0: 30 * time.Second, 1: time.Minute, 6: 32 * time.Minute, 7: time.Hour, 500: time.Hour} {
		if got := LookDelay(n, testNow, far); got != want {
			t.Errorf("after look %d: %s, want %s", n, got, want)
		}
	}
	if got := LookDelay(9, testNow, testNow.Add(time.Minute)); got != time.Minute {
		t.Errorf("past the end: %s", got)
	}
	if got := LookDelay(9, testNow, testNow.Add(-time.Minute)); got != time.Second {
		t.Errorf("after the end: %s", got)
	}
}

func TestTheAffiliatesPriceIsTheOneInForceAtTheClick(t *testing.T) {
	t.Parallel()
	g := &Goal{Payout: Price{Model: PriceFixed, Amount: "1", Currency: "EUR"}}
	own := func(amount Decimal, from, made time.Duration) PayoutOverride {
		return PayoutOverride{Payout: Price{Model: PriceFixed, Amount: amount, Currency: "EUR"}, From: testNow.Add(from), CreatedAt: testNow.Add(made)}
	}
	overrides := []PayoutOverride{own("4", time.Hour, 0), own("2", -2*time.Hour, 0), own("3.5", -time.Hour, -3*time.Hour), own("3", -time.Hour, 0)}
	for at, want := range map[time.Duration]Decimal{-3 * time.Hour: "1", -2 * time.Hour: "2", -time.Hour: "3", 0: "3", time.Hour: "4", 99 * time.Hour: "4"} {
		if got := PayoutAt(g, overrides, testNow.Add(at)).Amount; got != want {
			t.Errorf("a click at %s is paid %s, want %s", at, got, want)
		}
	}
}
