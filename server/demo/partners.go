package demo

import "github.com/proofback/proofback"

// The partners.
const (
	nordlys    = "Nordlys Outdoor" // reports in our own words
	brightbank = "Brightbank"      // reports in its own, and wants 200 for everything

	fjell     = "Fjell Reviews"
	kupong    = "Kupong24"
	trailhead = "Trailhead Media"
	sparfuchs = "Sparfuchs"
	northmail = "Northbound Mail"
	pushpeak  = "PushPeak" // sends many crawlers, and its endpoint is broken
)

var advertisers = []proofback.Advertiser{
	{Name: nordlys, TimeZone: "Europe/Oslo"},
	{
		Name:     brightbank,
		TimeZone: "Europe/Berlin",
		ParameterMapping: []proofback.NameMapping{
			{From: "cid", To: proofback.ParamClickID},
			{From: "order", To: proofback.ParamTxID},
			{From: "step", To: proofback.ParamEventType},
			{From: "state", To: proofback.ParamStatus},
			{From: "commission", To: proofback.ParamPayout},
			{From: "value", To: proofback.ParamRevenue},
			{From: "cur", To: proofback.ParamCurrency},
		},
		StatusMapping: []proofback.StatusMapping{
			{From: "open", To: proofback.StatusPending},
			{From: "funded", To: proofback.StatusApproved},
			{From: "void", To: proofback.StatusRejected},
		},
		AnswerAlways200: true,
	},
}

var affiliates = []proofback.Affiliate{
	{Name: fjell}, {Name: kupong}, {Name: trailhead}, {Name: sparfuchs}, {Name: northmail}, {Name: pushpeak},
}

// access is an affiliate's running of an offer that needs permission.
type access struct {
	affiliate, offer string
	status           proofback.AccessStatus
	reason           string
}

var accesses = []access{
	{fjell, club, proofback.AccessApproved, ""},
	{northmail, club, proofback.AccessApproved, ""},
	{kupong, club, proofback.AccessRejected, "no coupon sites for the membership"},
	{sparfuchs, account, proofback.AccessApproved, ""},
	{northmail, account, proofback.AccessApproved, ""},
	{pushpeak, account, proofback.AccessPending, ""},
	{trailhead, account, proofback.AccessPending, ""},
	{sparfuchs, card, proofback.AccessApproved, "invited"},
}

// link is a tracking link and how much comes through it.
type link struct {
	affiliate, offer, name string
	code                   string  // given for one alone, made for the others
	visits                 float64 // a day, on average
}

var links = []link{
	{fjell, shop, "Boots review", DemoCode, 13},
	{fjell, club, "Membership guide", "", 8},
	{kupong, shop, "Code of the week", "", 17},
	{kupong, winter, "Winter sale banner", "", 9},
	{trailhead, shop, "Newsletter", "", 8},
	{trailhead, winter, "Instagram", "", 7},
	{sparfuchs, account, "Comparison table", "", 15},
	{sparfuchs, card, "Card finder", "", 6},
	{northmail, club, "Sunday mail", "", 7},
	{northmail, account, "Payday mail", "", 6},
	{pushpeak, shop, "Push", "", 9},
	{pushpeak, account, "Push", "", 4}, // access is still pending
}

// DemoCode is the code of the link whose landing page is our own.
const DemoCode = "demo"
