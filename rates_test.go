package proofback

import (
	"testing"
	"time"
)

var (
	friday = time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)
	monday = time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
)

func testRates() Rates {
	return Rates{
		"USD": {PerEuro: "1.1418", Day: friday, Source: "ECB"},
		"JPY": {PerEuro: "185.82", Day: monday, Source: "ECB"},
		"BHD": {PerEuro: "0.4305", Day: monday, Source: "TEST"},
	}
}

func TestMoneyIsConvertedAtReferenceRates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from   Money
		to     string
		want   Money
		day    time.Time
		source string
		ok     bool
	}{
		{Money{"114.18", "USD"}, "EUR", Money{"100.00", "EUR"}, friday, "ECB", true},
		{Money{"100", "EUR"}, "USD", Money{"114.18", "USD"}, friday, "ECB", true},
		{Money{"1", "EUR"}, "JPY", Money{"186", "JPY"}, monday, "ECB", true},
		{Money{"100", "USD"}, "JPY", Money{"16274", "JPY"}, friday, "ECB", true}, // a cross: the older day
		{Money{"18582", "JPY"}, "BHD", Money{"43.050", "BHD"}, monday, "ECB", true},
		{Money{"12.345", "USD"}, "USD", Money{"12.34", "USD"}, time.Time{}, RateSourceSame, true},
		{Money{"1", "VND"}, "EUR", Money{}, time.Time{}, "", false},
		{Money{"1", "EUR"}, "VND", Money{}, time.Time{}, "", false},
	} {
		got, used, ok := testRates().Convert(tt.from, tt.to)
		if ok != tt.ok || got != tt.want || !used.Day.Equal(tt.day) || used.Source != tt.source {
			t.Errorf("%v in %s: %v at %v %s, %v; want %v at %v %s", tt.from, tt.to, got, used.Day, used.Source, ok, tt.want, tt.day, tt.source)
		}
	}
}

func TestNormalisationIsWholeOrWaits(t *testing.T) {
	t.Parallel()
	c := &Conversion{EventAt: monday.Add(13 * time.Hour), Payout: Money{"114.18", "USD"}, Revenue: Money{"185.82", "JPY"}}
	n := Normalize(c, "EUR", testRates())
	if n.Payout != (Money{"100.00", "EUR"}) || n.Revenue != (Money{"1.00", "EUR"}) || !n.RateDate.Equal(friday) || n.RateSource != "ECB" {
		t.Errorf("%+v", n)
	}
	c.Revenue = Money{"1", "VND"}
	if n := Normalize(c, "EUR", testRates()); n != (Normalized{}) {
		t.Errorf("half a normalisation: %+v", n)
	}
	c.Payout, c.Revenue = Money{"1", "EUR"}, Money{"2", "EUR"}
	if n := Normalize(c, "EUR", nil); n.RateSource != RateSourceSame || !n.RateDate.Equal(monday) || n.Payout.Amount != "1.00" && n.Payout.Amount != "1" {
		t.Errorf("%+v", n)
	}
}

func TestAMinimumInAnotherCurrencyIsComparedAtTheDaysRate(t *testing.T) {
	t.Parallel()
	request := func(amount Decimal, currency string) *Request {
		return testRequest(func(r *Request) {
			r.Claim = Claim{ClickID: "X", TxID: "d", EventType: "deposit", Amount: amount, Payout: "5", Revenue: "7", Currency: currency}
		})
	}
	facts := func() *Facts {
		f := testFacts()
		f.Terms.Goals[2].Revenue.Currency = ""
		f.Rates = testRates()
		return f
	}
	for _, tt := range []struct {
		r    *Request
		want Reason
	}{
		{request("22.836", "USD"), ReasonAccepted}, // exactly 20 euros
		{request("22.83", "USD"), ReasonBelowThreshold},
		{request("3716", "JPY"), ReasonBelowThreshold},
		{request("999999", "VND"), ReasonAwaitingRate},
	} {
		d := Decide(tt.r, facts())
		if d.Reason != tt.want {
			t.Errorf("%s %s: %s (%s), want %s", tt.r.Claim.Amount, tt.r.Claim.Currency, d.Reason, d.Message, tt.want)
		}
		if d.Reason == ReasonAwaitingRate && (d.HTTPStatus() != 202 || d.Made != nil || !d.Until.After(testNow)) {
			t.Errorf("%+v", d)
		}
	}
}
