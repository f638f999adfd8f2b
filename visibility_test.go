package proofback_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

var (
	someone    = uuid.MustParse("0195529c-9f00-7000-8000-000000000001")
	manager    = proofback.Actor{Role: proofback.RoleManager}
	affiliate  = proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: someone}
	advertiser = proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: someone}
)

func euro(amount proofback.Decimal) proofback.Money {
	return proofback.Money{Amount: amount, Currency: "EUR"}
}

func TestMoneyIsShownToWhomItConcerns(t *testing.T) {
	t.Parallel()
	whole := proofback.Conversion{
		Amount: euro("100"), Payout: euro("7.00"), Revenue: euro("9.00"),
		Normalized: proofback.Normalized{Payout: euro("7.00"), Revenue: euro("9.00"), RateSource: "ECB"},
	}
	forAffiliate, forAdvertiser := whole, whole
	forAffiliate.Revenue, forAffiliate.Normalized.Revenue = proofback.Money{}, proofback.Money{}
	forAdvertiser.Payout, forAdvertiser.Normalized.Payout = proofback.Money{}, proofback.Money{}
	for name, tt := range map[string]struct {
		actor proofback.Actor
		want  proofback.Conversion
	}{
		"staff":      {manager, whole},
		"affiliate":  {affiliate, forAffiliate},
		"advertiser": {advertiser, forAdvertiser},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := whole
			got.MaskFor(tt.actor)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnAmountThatIsTheRevenueIsKeptFromAffiliates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		amount, revenue proofback.Money
		shown           bool
	}{
		{"the same", euro("12.50"), euro("12.50"), false},
		{"the same, longer", euro("12.504"), euro("12.50"), false},
		{"another value", euro("100"), euro("12.50"), true},
		{"another currency", proofback.Money{Amount: "12.50", Currency: "USD"}, euro("12.50"), true},
		{"no currency of ours", proofback.Money{Amount: "1", Currency: "???"}, proofback.Money{Amount: "2", Currency: "???"}, false},
		{"none sent", proofback.Money{}, proofback.Money{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := proofback.Conversion{Amount: tt.amount, Revenue: tt.revenue}
			c.MaskFor(affiliate)
			if shown := !c.Amount.IsZero(); shown != tt.shown {
				t.Errorf("shown: %t", shown)
			}
			c = proofback.Conversion{Amount: euro("5"), AmountIsRevenue: true}
			if c.MaskFor(affiliate); !c.Amount.IsZero() {
				t.Error("a revenue that stood in for the amount shows")
			}
			c = proofback.Conversion{Amount: tt.amount}
			c.MaskFor(advertiser)
			if c.Amount != tt.amount {
				t.Error("the advertiser does not see its own amount")
			}
		})
	}
}

func TestAddressesAreCutForPartners(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		actor    proofback.Actor
		ip, want string
	}{
		{manager, "203.0.113.77", "203.0.113.77"},
		{affiliate, "203.0.113.77", "203.0.113.0"},
		{affiliate, "::ffff:203.0.113.77", "203.0.113.0"},
		{affiliate, "2001:db8:1:2:3::4", "2001:db8:1::"},
		{affiliate, "", ""},
		{advertiser, "203.0.113.77", ""},
		{proofback.Actor{}, "203.0.113.77", ""},
	} {
		var c proofback.Click
		if tt.ip != "" {
			c.IP = netip.MustParseAddr(tt.ip)
		}
		c.MaskFor(tt.actor)
		var want netip.Addr
		if tt.want != "" {
			want = netip.MustParseAddr(tt.want)
		}
		if c.IP != want {
			t.Errorf("%s for %s: got %s", tt.ip, tt.actor.Role, c.IP)
		}
	}
}

func TestPartnersDoNotLearnWhoOfTheStaffActed(t *testing.T) {
	t.Parallel()
	whole := proofback.Transition{ByKind: proofback.ByUser, ByUser: someone, ByEmail: "m@example.com"}
	for _, a := range []proofback.Actor{affiliate, advertiser} {
		got := whole
		got.MaskFor(a)
		if got != (proofback.Transition{ByKind: proofback.ByUser}) {
			t.Errorf("%s sees %+v", a.Role, got)
		}
	}
	got := whole
	got.MaskFor(manager)
	if got != whole {
		t.Errorf("staff see %+v", got)
	}
}

// secret is an amount that must not reach an affiliate by any way.
const secret = "31.41"

func TestAffiliatesSeeWhatBecameOfARequestButNoAmounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		result proofback.Result
		failed string // name of the check that refused
		shown  bool   // the message
	}{
		{"accepted", proofback.ResultAccepted, "", true},
		{"below the minimum", proofback.ResultRejected, "minimum", false},
		{"a price that cannot be made", proofback.ResultRejected, "price", false},
		{"too late", proofback.ResultRejected, "window", true},
		{"waits for another event", proofback.ResultDeferred, "prerequisite", true},
		{"waits for a rate", proofback.ResultDeferred, "minimum", false},
		{"refused before any check", proofback.ResultRejected, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			whole := proofback.Postback{
				URL: "/postback?revenue=" + secret, RemoteIP: "203.0.113.7", ResponseBody: secret, Result: tt.result,
				Parameters: []proofback.Parameter{
					{Name: "cid", Value: "Z1", Canonical: "click_id"},
					{Name: "revenue", Value: secret, Canonical: "revenue"},
					{Name: "their_revenue", Value: secret},
				},
				Checks:  []proofback.Check{{Name: "click", Passed: true, Detail: "made"}, {Name: "new_check", Passed: true, Detail: secret}},
				Message: "stored",
			}
			if tt.failed != "" {
				sentence := "it came late"
				if !tt.shown {
					sentence = "it was " + secret
				}
				whole.Checks = append(whole.Checks, proofback.Check{Name: tt.failed, Detail: sentence})
				whole.Message = sentence
			}
			got := whole
			got.MaskFor(affiliate)
			text := cmp.Diff(proofback.Postback{}, got)
			if strings.Contains(text, secret) || strings.Contains(text, "203.0.113.7") {
				t.Errorf("it shows through: %s", text)
			}
			if shown := got.Message == whole.Message; shown != tt.shown {
				t.Errorf("message: %q", got.Message)
			}
			if len(got.Parameters) != 1 || len(got.Checks) != len(whole.Checks) || got.Checks[0].Detail != "made" {
				t.Errorf("too much is gone: %+v", got)
			}
			if whole.Checks[1].Detail != secret || len(whole.Parameters) != 3 {
				t.Error("the original was changed")
			}
			for _, a := range []proofback.Actor{manager, advertiser} {
				got := whole
				got.MaskFor(a)
				if diff := cmp.Diff(whole, got); diff != "" {
					t.Errorf("%s: %s", a.Role, diff)
				}
			}
		})
	}
}
