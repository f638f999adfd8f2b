package proofback

import (
	"slices"
	"strings"
	"testing"
)

func validTerms() *Terms {
	goal := func(event, requires string) Goal {
		return Goal{
			EventType: event, Name: event, Requires: requires, Approval: ApprovalAuto,
			Payout:                  Price{Model: PriceFixed, Amount: "5", Currency: "EUR"},
			Revenue:                 Price{Model: PricePercent, Percent: "12.5"},
			WhenPrerequisiteMissing: PrerequisiteReject,
			DedupeWindowMinutes:     DefaultDedupeWindowMinutes,
		}
	}
	return &Terms{
		Name: "Socks", Status: OfferActive, Access: OfferPublic,
		LandingURL:             "https://shop.example/{sub1}?c={click_id}",
		AttributionWindowHours: DefaultAttributionWindowHours,
		Goals:                  []Goal{goal("lead", ""), goal("sale", "lead"), goal("re-sale", "sale")},
	}
}

func TestWhatIsWrongWithTerms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Terms)
		want   string
	}{
		{"nothing", func(*Terms) {}, ""},
		{"everything they can have", func(t *Terms) {
			t.FallbackURL = "https://shop.example/sorry?o={offer_id}"
			t.Targeting = Targeting{Countries: []string{"DE", "GB"}, Devices: []Device{DeviceMobile}}
			t.Caps = []Cap{{CapConversions, CapDaily, "100"}, {CapConversions, CapTotal, "1000"}, {CapPayout, CapMonthly, "99.95"}}
			t.Goals[0].MinimumAmount = Money{"0.50", "USD"}
			t.Goals[0].WindowHours = 1
			t.Goals[0].Payout = Price{Model: PricePostback}
			t.Goals[0].Revenue = Price{Model: PricePostback, Currency: "EUR"}
		}, ""},
		{"no name", func(t *Terms) { t.Name = "" }, "name"},
		{"no such status", func(t *Terms) { t.Status = "DRAFT" }, "status"},
		{"no such access", func(t *Terms) { t.Access = "OPEN" }, "access"},
		{"no landing page", func(t *Terms) { t.LandingURL = "" }, "landingUrl"},
		{"a landing page of another scheme", func(t *Terms) { t.LandingURL = "javascript:alert(1)" }, "landingUrl"},
		{"a macro for a host", func(t *Terms) { t.FallbackURL = "https://{sub1}.example/" }, "fallbackUrl"},
		{"no window", func(t *Terms) { t.AttributionWindowHours = 0 }, "attributionWindowHours"},
		{"a window without end", func(t *Terms) { t.AttributionWindowHours = MaxWindowHours + 1 }, "attributionWindowHours"},
		{
			"no such country", func(t *Terms) { t.Targeting.Countries = []string{"DE", "de", "XX", "EUR", "150"} },
			"targeting.countries.1 targeting.countries.2 targeting.countries.3 targeting.countries.4",
		},
		{"no such device", func(t *Terms) { t.Targeting.Devices = []Device{"FRIDGE"} }, "targeting.devices.0"},
		{"a cap of nothing", func(t *Terms) { t.Caps = []Cap{{CapClicks, CapDaily, "0"}} }, "caps.0.limit"},
		{"half a click", func(t *Terms) { t.Caps = []Cap{{CapClicks, CapDaily, "0.5"}} }, "caps.0.limit"},
		{"a negative cap", func(t *Terms) { t.Caps = []Cap{{CapPayout, CapDaily, "-1"}} }, "caps.0.limit"},
		{"a cap of no kind", func(t *Terms) { t.Caps = []Cap{{"VISITS", "HOURLY", "1"}} }, "caps.0.metric caps.0.period"},
		{"a cap twice", func(t *Terms) { t.Caps = []Cap{{CapClicks, CapDaily, "1"}, {CapClicks, CapDaily, "2"}} }, "caps.1"},
		{"no event type", func(t *Terms) { t.Goals[2].EventType = "" }, "goals.2.eventType"},
		{"an event type with a space", func(t *Terms) { t.Goals[2].EventType = "re sale" }, "goals.2.eventType"},
		{"an event type twice", func(t *Terms) { t.Goals[2].EventType = "lead" }, "goals.2.eventType"},
		{"no name of a goal", func(t *Terms) { t.Goals[1].Name = "" }, "goals.1.name"},
		{"no approval", func(t *Terms) { t.Goals[1].Approval = "" }, "goals.1.approval"},
		{"no policy", func(t *Terms) { t.Goals[1].WhenPrerequisiteMissing = "SHRUG" }, "goals.1.whenPrerequisiteMissing"},
		{"a goal's window", func(t *Terms) { t.Goals[1].WindowHours = -1 }, "goals.1.windowHours"},
		{"no dedupe window", func(t *Terms) { t.Goals[1].DedupeWindowMinutes = 0 }, "goals.1.dedupeWindowMinutes"},
		{"a minimum of nothing", func(t *Terms) { t.Goals[1].MinimumAmount = Money{"x", "EURO"} }, "goals.1.minimumAmount.amount goals.1.minimumAmount.currency"},
		{"a prerequisite of another offer", func(t *Terms) { t.Goals[1].Requires = "visit" }, "goals.1.requires"},
		{"itself as prerequisite", func(t *Terms) { t.Goals[1].Requires = "sale" }, "goals.1.requires"},
		{"a circle", func(t *Terms) { t.Goals[0].Requires = "re-sale" }, "goals.0.requires goals.1.requires goals.2.requires"},
		{"too many goals", func(t *Terms) { t.Goals = slices.Repeat(t.Goals, MaxGoals) }, "goals"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			terms := validTerms()
			tt.change(terms)
			if got := fieldsOf(terms.Validate()); got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, terms.Validate())
			}
		})
	}
}

func TestWhatIsWrongWithAPrice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		price Price
		want  string
	}{
		{Price{Model: PriceFixed, Amount: "0", Currency: "EUR"}, ""},
		{Price{Model: PriceFixed, Amount: "5", Currency: "JPY"}, ""},
		{Price{Model: PricePercent, Percent: "1000"}, ""},
		{Price{Model: PricePostback}, ""},
		{Price{}, "payout.model"},
		{Price{Model: "FREE"}, "payout.model"},
		{Price{Model: PriceFixed}, "payout.amount payout.currency"},
		{Price{Model: PriceFixed, Amount: "5", Currency: "EUR", Percent: "1"}, "payout.percent"},
		{Price{Model: PriceFixed, Amount: "-5", Currency: "EUR"}, "payout.amount"},
		{Price{Model: PriceFixed, Amount: "0.0000001", Currency: "EUR"}, "payout.amount"},
		{Price{Model: PriceFixed, Amount: "1e3", Currency: "EUR"}, "payout.amount"},
		{Price{Model: PriceFixed, Amount: "5", Currency: "XXQ"}, "payout.currency"},
		{Price{Model: PricePercent}, "payout.percent"},
		{Price{Model: PricePercent, Percent: "1000.1"}, "payout.percent"},
		{Price{Model: PricePercent, Percent: "10", Currency: "EUR"}, "payout.currency"},
		{Price{Model: PricePostback, Amount: "1"}, "payout.amount"},
		{Price{Model: PricePostback, Currency: "EURO"}, "payout.currency"},
	} {
		if got := fieldsOf(tt.price.Validate("payout")); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.price, got, tt.want)
		}
	}
}

func TestWhatIsWrongWithADestination(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Destination)
		want   string
	}{
		{"nothing", func(*Destination) {}, ""},
		{"no URL", func(d *Destination) { d.URLTemplate = "blog.example" }, "urlTemplate"},
		{"an unknown macro", func(d *Destination) { d.URLTemplate += "&x={nonsense}" }, "urlTemplate"},
		{"no such method", func(d *Destination) { d.Method = "PUT" }, "method"},
		{"no event type", func(d *Destination) { d.EventType = strings.Repeat("x", 65) }, "eventType"},
		{"no statuses", func(d *Destination) { d.Statuses = nil }, "statuses"},
		{"a status twice", func(d *Destination) { d.Statuses = append(d.Statuses, StatusPending) }, "statuses.3"},
		{"no such status", func(d *Destination) { d.Statuses[0] = "PAID" }, "statuses.0"},
		{"nothing retried", func(d *Destination) { d.RetryOn = nil }, ""},
		{"no such failure", func(d *Destination) { d.RetryOn[0] = "RAIN" }, "retryOn.0"},
		{"a failure twice", func(d *Destination) { d.RetryOn[1] = d.RetryOn[0] }, "retryOn.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := &Destination{URLTemplate: "https://blog.example/?c={click_id}", Method: "GET", Statuses: AllStatuses(), RetryOn: DefaultRetryOn()}
			tt.change(d)
			if got := fieldsOf(d.Validate()); got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, d.Validate())
			}
		})
	}
}
