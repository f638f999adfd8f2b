package demo

import "github.com/proofback/proofback"

// The offers.
const (
	shop    = "Nordlys shop"
	club    = "Nordlys Club membership"
	winter  = "Nordlys winter sale"
	account = "Brightbank current account"
	card    = "Brightbank card"
)

// offer is an offer as it was made.
type offer struct {
	advertiser string
	terms      proofback.Terms
}

func offers(publicURL, currency string) []offer {
	fixed := func(amount proofback.Decimal) proofback.Price {
		return proofback.Price{Model: proofback.PriceFixed, Amount: amount, Currency: currency}
	}
	percent := func(p proofback.Decimal) proofback.Price {
		return proofback.Price{Model: proofback.PricePercent, Percent: p}
	}
	reported := proofback.Price{Model: proofback.PricePostback, Currency: currency}
	list := []offer{
		{nordlys, proofback.Terms{
			Name:       shop,
			Access:     proofback.OfferPublic,
			LandingURL: landingURL(publicURL),
			Goals: []proofback.Goal{
				{EventType: "sale", Name: "Order", Payout: percent("8"), Revenue: percent("12"), Approval: proofback.ApprovalManual},
				{EventType: "newsletter", Name: "Newsletter", Payout: fixed("0.50"), Revenue: fixed("0.80"), Approval: proofback.ApprovalAuto, OncePerClick: true},
			},
		}},
		{nordlys, proofback.Terms{
			Name:        club,
			Access:      proofback.OfferApproval,
			LandingURL:  "https://club.nordlys.example/join?ref={affiliate_id}&cid={click_id}",
			FallbackURL: "https://club.nordlys.example/",
			Targeting:   proofback.Targeting{Countries: []string{"NO", "SE", "DK", "FI", "DE"}},
			Goals: []proofback.Goal{
				{EventType: "trial", Name: "Trial month", Payout: fixed("2"), Revenue: fixed("3"), Approval: proofback.ApprovalAuto, OncePerClick: true},
				{EventType: "subscription", Name: "Membership", Payout: fixed("18"), Revenue: fixed("27"), Approval: proofback.ApprovalManual, Requires: "trial", TransactionIDRequired: true},
			},
		}},
		{nordlys, proofback.Terms{
			Name:        winter,
			Access:      proofback.OfferPublic,
			LandingURL:  "https://shop.nordlys.example/winter?sub={sub1}",
			FallbackURL: "https://shop.nordlys.example/",
			Goals: []proofback.Goal{
				{EventType: "sale", Name: "Order", Payout: percent("10"), Revenue: percent("14"), Approval: proofback.ApprovalManual, MinimumAmount: proofback.Money{Amount: "30", Currency: currency}},
			},
		}},
		{brightbank, proofback.Terms{
			Name:                   account,
			Access:                 proofback.OfferApproval,
			LandingURL:             "https://start.brightbank.example/{country}/account?pid={affiliate_id}#cid={click_id}",
			AttributionWindowHours: 14 * 24,
			Targeting:              proofback.Targeting{Devices: []proofback.Device{proofback.DeviceMobile, proofback.DeviceDesktop}},
			Goals: []proofback.Goal{
				{EventType: "lead", Name: "Application", Payout: reported, Revenue: reported, Approval: proofback.ApprovalAuto},
				{EventType: "account", Name: "Account opened", Payout: fixed("45"), Revenue: fixed("60"), Approval: proofback.ApprovalManual, TransactionIDRequired: true},
			},
		}},
		{brightbank, proofback.Terms{
			Name:       card,
			Access:     proofback.OfferPrivate,
			LandingURL: "https://start.brightbank.example/card?click={click_id}",
			Caps:       []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapMonthly, Limit: "500"}},
			Goals: []proofback.Goal{
				{EventType: "card", Name: "Card sent out", Payout: fixed("70"), Revenue: fixed("95"), Approval: proofback.ApprovalManual, TransactionIDRequired: true},
			},
		}},
	}
	for i := range list {
		withDefaults(&list[i].terms)
	}
	return list
}

// withDefaults fills in what a new offer leaves out.
func withDefaults(t *proofback.Terms) {
	t.Status = proofback.OfferActive
	if t.AttributionWindowHours == 0 {
		t.AttributionWindowHours = proofback.DefaultAttributionWindowHours
	}
	for i := range t.Goals {
		t.Goals[i].WhenPrerequisiteMissing = proofback.PrerequisiteReject
		t.Goals[i].DedupeWindowMinutes = proofback.DefaultDedupeWindowMinutes
	}
}

// landingURL is the landing page that we play ourselves.
func landingURL(publicURL string) string {
	return publicURL + landingPath + "?click_id={click_id}"
}
