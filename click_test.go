package proofback

import (
	"slices"
	"testing"
)

func TestWhatBecomesOfAVisitor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		edit       func(*Terms)
		affiliate  PartnerStatus
		advertiser PartnerStatus
		access     AccessStatus
		country    string
		device     Device
		want       ClickOutcome
	}{
		{name: "sent on", want: ClickRedirected},
		{name: "offer paused", edit: func(t *Terms) { t.Status = OfferPaused }, want: ClickOfferPaused},
		{name: "offer archived", edit: func(t *Terms) { t.Status = OfferArchived }, want: ClickOfferPaused},
		{name: "affiliate paused", affiliate: PartnerPaused, want: ClickPartnerPaused},
		{name: "advertiser archived", advertiser: PartnerArchived, want: ClickPartnerPaused},
		{name: "approval not asked for", edit: func(t *Terms) { t.Access = OfferApproval }, want: ClickNotApproved},
		{name: "approval pending", edit: func(t *Terms) { t.Access = OfferApproval }, access: AccessPending, want: ClickNotApproved},
		{name: "approved", edit: func(t *Terms) { t.Access = OfferApproval }, access: AccessApproved, want: ClickRedirected},
		{name: "let into a private offer", edit: func(t *Terms) { t.Access = OfferPrivate }, access: AccessApproved, want: ClickRedirected},
		{name: "shut out of a public offer", access: AccessRejected, want: ClickNotApproved},
		{name: "wrong country", edit: func(t *Terms) { t.Targeting.Countries = []string{"DE", "AT"} }, country: "CH", want: ClickCountryOffTarget},
		{name: "country not known", edit: func(t *Terms) { t.Targeting.Countries = []string{"DE"} }, want: ClickCountryOffTarget},
		{name: "right country", edit: func(t *Terms) { t.Targeting.Countries = []string{"DE", "AT"} }, country: "AT", want: ClickRedirected},
		{name: "wrong device", edit: func(t *Terms) { t.Targeting.Devices = []Device{DeviceMobile} }, device: DeviceTablet, want: ClickDeviceOffTarget},
		{name: "right device", edit: func(t *Terms) { t.Targeting.Devices = []Device{DeviceMobile} }, device: DeviceMobile, want: ClickRedirected},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			terms := testTerms()
			if tt.edit != nil {
				tt.edit(terms)
			}
			if tt.affiliate == "" {
				tt.affiliate = PartnerActive
			}
			if tt.advertiser == "" {
				tt.advertiser = PartnerActive
			}
			if got := JudgeClick(terms, tt.affiliate, tt.advertiser, tt.access, tt.country, tt.device); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// The numbers are stored: a name that moved would rewrite the past.
func TestStoredOutcomesAndFlagsKeepTheirNames(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"REDIRECTED", "OFFER_PAUSED", "PARTNER_PAUSED", "NOT_APPROVED", "COUNTRY_OFF_TARGET", "DEVICE_OFF_TARGET", "CAP_REACHED", "LINK_ARCHIVED", "UNKNOWN"} {
		if got := ClickOutcome(i).String(); got != want {
			t.Errorf("%d is %s, want %s", i, got, want)
		}
	}
	if got := (FlagValueCut | FlagUnknownCountry | FlagDirect).Names(); !slices.Equal(got, []string{"VALUE_CUT", "UNKNOWN_COUNTRY", "DIRECT"}) {
		t.Error(got)
	}
	if FlagValueCut != 1 || FlagValueCleaned != 2 || FlagNoUserAgent != 4 || FlagUnknownCountry != 8 || FlagDirect != 16 {
		t.Error("a flag has another bit")
	}
}
