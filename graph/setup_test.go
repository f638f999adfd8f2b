package graph_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// TestWhoMayDoWhat runs each operation that sets something up as each role.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	roles := map[string]proofback.Actor{
		"nobody": nobody, "admin": admin, "manager": manager, "affiliate": m.asBlog, "advertiser": m.asShop,
	}
	staff := map[string]string{"nobody": "UNAUTHENTICATED", "affiliate": "FORBIDDEN", "advertiser": "FORBIDDEN"}
	affiliatesToo := map[string]string{"nobody": "UNAUTHENTICATED", "advertiser": "FORBIDDEN"}
	signedIn := map[string]string{"nobody": "UNAUTHENTICATED"}
	link := m.must(m.asBlog, "CreateAffiliatePostback", vars{"input": vars{"urlTemplate": "https://blog.example/?s={status}"}}).
		id("createAffiliatePostback", "affiliatePostback", "id")
	n := 0
	for _, tt := range []struct {
		operation string
		input     func() vars
		refused   map[string]string // role to code
	}{
		{"CreateAdvertiser", func() vars { return vars{"name": "New"} }, staff},
		{"UpdateAdvertiser", func() vars { return vars{"id": m.shop, "status": "ACTIVE"} }, staff},
		{"RotateAdvertiserSecret", func() vars { return vars{"id": m.otherShop, "keepOldFor": 60} }, staff},
		{"CreateAffiliate", func() vars { return vars{"name": "New"} }, staff},
		{"CreateUser", func() vars {
			n++
			return vars{"email": fmt.Sprintf("u%d@blog.example", n), "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog}
		}, staff},
		{"CreateOffer", func() vars { return m.offer("New", "PUBLIC") }, staff},
		{"UpdateOffer", func() vars { return vars{"id": m.public, "name": "Newer"} }, staff},
		{"SetPayout", func() vars {
			return vars{"affiliateId": m.rival, "goalId": m.sale, "payout": vars{"model": "FIXED", "amount": "6", "currency": "EUR"}}
		}, staff},
		{"RequestOfferAccess", func() vars { return vars{"offerId": m.public, "affiliateId": m.blog} }, affiliatesToo},
		{"DecideOfferAccess", func() vars {
			return vars{"offerId": m.private, "affiliateId": m.blog, "status": "APPROVED"}
		}, staff},
		{"CreateTrackingLink", func() vars { return vars{"offerId": m.public, "affiliateId": m.blog} }, affiliatesToo},
		{"CreateAffiliatePostback", func() vars {
			return vars{"affiliateId": m.blog, "urlTemplate": "https://blog.example/?c={click_id}"}
		}, affiliatesToo},
		{"SignOut", nil, signedIn},
	} {
		for role, actor := range roles {
			t.Run(tt.operation+" as "+role, func(t *testing.T) {
				v := vars{}
				if tt.input != nil {
					v["input"] = tt.input()
				}
				if want := tt.refused[role]; want != "" {
					if got := m.run(actor, tt.operation, v); got.code() != want {
						t.Errorf("got %+v, want %s", got, want)
					}
					return
				}
				m.must(actor, tt.operation, v)
			})
		}
	}
	t.Run("an affiliate changes its own endpoint alone", func(t *testing.T) {
		const update = `mutation($input: UpdateAffiliatePostbackInput!) {
			updateAffiliatePostback(input: $input) { affiliatePostback { enabled health { state } } userErrors { code field } }
		}`
		off := vars{"input": vars{"id": link, "enabled": false}}
		if got := m.do(m.asBlog, update, off); got.at("updateAffiliatePostback", "affiliatePostback", "health", "state") != "STOPPED" {
			t.Errorf("got %+v", got)
		}
		for _, actor := range []proofback.Actor{m.asRival, m.asShop} {
			if got := m.do(actor, update, off); got.mistake("updateAffiliatePostback") != "NOT_FOUND id" {
				t.Errorf("%s: got %+v", actor.Role, got)
			}
		}
	})
}

func TestAPartnerSeesWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.must(manager, "DecideOfferAccess", vars{"input": vars{"offerId": m.private, "affiliateId": m.blog, "status": "APPROVED"}})
	m.must(m.asBlog, "CreateTrackingLink", vars{"input": vars{"offerId": m.private, "name": "Footer"}})
	m.must(m.asBlog, "CreateAffiliatePostback", vars{"input": vars{"urlTemplate": "https://blog.example/?c={click_id}"}})
	const everything = `{
		advertisers { edges { node { name } } }
		affiliates { edges { node { name } } }
		offers { edges { node { name } } }
		offerAccesses { edges { node { offer { name } } } }
		trackingLinks { edges { node { name } } }
		affiliatePostbacks { edges { node { affiliate { name } } } }
	}`
	type seen struct{ Advertisers, Affiliates, Offers, Accesses, Links, Postbacks int }
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		want  seen
	}{
		{"staff", manager, seen{2, 2, 2, 1, 1, 1}},
		{"an affiliate that was let in", m.asBlog, seen{0, 1, 2, 1, 1, 1}},
		{"an affiliate that was not", m.asRival, seen{0, 1, 1, 0, 0, 0}},
		{"the advertiser", m.asShop, seen{1, 0, 2, 0, 0, 0}},
		{"another advertiser", m.asOther, seen{1, 0, 0, 0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := m.do(tt.actor, everything, nil)
			n := func(list string) int { return len(got.at(list, "edges").([]any)) }
			have := seen{n("advertisers"), n("affiliates"), n("offers"), n("offerAccesses"), n("trackingLinks"), n("affiliatePostbacks")}
			if diff := cmp.Diff(tt.want, have); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMoneyIsShownToWhomItConcerns(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.must(manager, "SetPayout", vars{"input": vars{
		"affiliateId": m.blog, "goalId": m.sale, "from": "2020-01-01T00:00:00Z",
		"payout": vars{"model": "FIXED", "amount": "6.25", "currency": "EUR"},
	}})
	for _, tt := range []struct {
		name            string
		actor           proofback.Actor
		payout, revenue any
	}{
		{"staff", manager, "5.00", "7.50"},
		{"an affiliate with a price of its own", m.asBlog, "6.25", nil},
		{"an affiliate without", m.asRival, "5.00", nil},
		{"the advertiser", m.asShop, nil, "7.50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(goal any) {
				amount := func(field string) any {
					p, ok := goal.(map[string]any)[field].(map[string]any)
					if !ok {
						return nil
					}
					return p["amount"]
				}
				if amount("payout") != tt.payout || amount("revenue") != tt.revenue {
					t.Errorf("got %v, want payout %v, revenue %v", goal, tt.payout, tt.revenue)
				}
			}
			offers := m.must(tt.actor, "Offers", vars{"filter": vars{"search": "publ"}})
			check(offers.at("offers", "edges", 0, "node", "goals", 0))
			check(m.do(tt.actor, `query($id: ID!) { node(id: $id) { ... on Goal { payout { amount } revenue { amount } } } }`, vars{"id": m.sale}).at("node"))
		})
	}
}

func TestAnAffiliateSeesOnlyAnAdvertisersPublicSide(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	const hidden = `{ offers { edges { node { advertiser { name security { mode } parameterMapping { to } statusMapping { to } answerAlways200 postbackUrl } } } } }`
	got := m.do(m.asBlog, hidden, nil).at("offers", "edges", 0, "node", "advertiser")
	want := map[string]any{"name": "Shop", "security": nil, "parameterMapping": nil, "statusMapping": nil, "answerAlways200": nil, "postbackUrl": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	seen := m.do(m.asShop, hidden, nil).at("offers", "edges", 0, "node", "advertiser").(map[string]any)
	if seen["postbackUrl"] == nil || seen["security"] == nil {
		t.Errorf("the advertiser itself sees %v", seen)
	}
}

func TestMistakesNameTheirField(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.must(admin, "CreateUser", vars{"input": vars{"email": "a@blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog}})
	offer := func(change vars) vars {
		in := m.offer("X", "PUBLIC")
		for k, v := range change {
			in[k] = v
		}
		return in
	}
	goal := func(change vars) vars {
		g := vars{"eventType": "sale", "payout": vars{"model": "POSTBACK"}}
		for k, v := range change {
			g[k] = v
		}
		return offer(vars{"goals": []vars{g}})
	}
	for _, tt := range []struct {
		name, operation, payload string
		input                    vars
		want                     string
	}{
		{"no name", "CreateAdvertiser", "createAdvertiser", vars{"name": " "}, "BAD_USER_INPUT name"},
		{"no currency", "CreateAffiliate", "createAffiliate", vars{"name": "X", "currency": "EURO"}, "BAD_USER_INPUT currency"},
		{"no zone", "CreateAdvertiser", "createAdvertiser", vars{"name": "X", "timeZone": "Mars"}, "BAD_USER_INPUT timeZone"},
		{"no range", "CreateAdvertiser", "createAdvertiser", vars{"name": "X", "security": vars{"allowedIps": []string{"10.0.0.0/8", "x"}}}, "BAD_USER_INPUT security.allowedIps.1"},
		{"no such parameter", "CreateAdvertiser", "createAdvertiser", vars{"name": "X", "parameterMapping": []vars{{"from": "a", "to": "b"}}}, "BAD_USER_INPUT parameterMapping.0.to"},
		{"no such advertiser", "UpdateAdvertiser", "updateAdvertiser", vars{"id": unknownID(proofback.KindAdvertiser)}, "NOT_FOUND id"},
		{"an id of another kind", "UpdateAdvertiser", "updateAdvertiser", vars{"id": m.blog}, "BAD_USER_INPUT id"},
		{"an id of no kind", "UpdateOffer", "updateOffer", vars{"id": "42"}, "BAD_USER_INPUT id"},
		{"the same e-mail in capitals", "CreateUser", "createUser", vars{"email": "A@Blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog}, "CONFLICT email"},
		{"a short password", "CreateUser", "createUser", vars{"email": "b@blog.example", "password": "short", "role": "AFFILIATE", "affiliateId": m.blog}, "BAD_USER_INPUT password"},
		{"a role without partner", "CreateUser", "createUser", vars{"email": "b@blog.example", "password": "long enough", "role": "AFFILIATE"}, "BAD_USER_INPUT role"},
		{"an offer of nobody", "CreateOffer", "createOffer", offer(vars{"advertiserId": unknownID(proofback.KindAdvertiser)}), "NOT_FOUND advertiserId"},
		{"no URL", "CreateOffer", "createOffer", offer(vars{"landingUrl": "shop.example"}), "BAD_USER_INPUT landingUrl"},
		{"no country", "CreateOffer", "createOffer", offer(vars{"targeting": vars{"countries": []string{"DE", "XX"}}}), "BAD_USER_INPUT targeting.countries.1"},
		{"half a conversion", "CreateOffer", "createOffer", offer(vars{"caps": []vars{{"metric": "CONVERSIONS", "period": "TOTAL", "limit": "1.5"}}}), "BAD_USER_INPUT caps.0.limit"},
		{"an event with a space", "CreateOffer", "createOffer", goal(vars{"eventType": "a sale"}), "BAD_USER_INPUT goals.0.eventType"},
		{"FIXED without amount", "CreateOffer", "createOffer", goal(vars{"payout": vars{"model": "FIXED", "currency": "EUR"}}), "BAD_USER_INPUT goals.0.payout.amount"},
		{"a negative amount", "CreateOffer", "createOffer", goal(vars{"minimumAmount": vars{"amount": "-1", "currency": "EUR"}}), "BAD_USER_INPUT goals.0.minimumAmount.amount"},
		{"an unknown prerequisite", "CreateOffer", "createOffer", goal(vars{"requires": "lead"}), "BAD_USER_INPUT goals.0.requires"},
		{"a window of nothing", "CreateOffer", "createOffer", goal(vars{"windowHours": 0}), "BAD_USER_INPUT goals.0.windowHours"},
		{"for no affiliate", "CreateTrackingLink", "createTrackingLink", vars{"offerId": m.public}, "BAD_USER_INPUT affiliateId"},
		{"to no offer", "CreateTrackingLink", "createTrackingLink", vars{"offerId": unknownID(proofback.KindOffer), "affiliateId": m.blog}, "NOT_FOUND offerId"},
		{"an unknown macro", "CreateAffiliatePostback", "createAffiliatePostback", vars{"affiliateId": m.blog, "urlTemplate": "https://b.example/?x={nonsense}"}, "BAD_USER_INPUT urlTemplate"},
		{"a macro for a host", "CreateAffiliatePostback", "createAffiliatePostback", vars{"affiliateId": m.blog, "urlTemplate": "https://{sub1}/"}, "BAD_USER_INPUT urlTemplate"},
		{"a price of nobody", "SetPayout", "setPayout", vars{"affiliateId": unknownID(proofback.KindAffiliate), "goalId": m.sale, "payout": vars{"model": "POSTBACK"}}, "NOT_FOUND affiliateId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := m.run(admin, tt.operation, vars{"input": tt.input})
			if got.code() != "" || got.mistake(tt.payload) != tt.want {
				t.Errorf("got %v %+v, want %s", got.Data, got.Errors, tt.want)
			}
		})
	}
	t.Run("all of them at once", func(t *testing.T) {
		t.Parallel()
		got := m.run(admin, "CreateOffer", vars{"input": offer(vars{"name": "", "landingUrl": "", "attributionWindowHours": -1})})
		if list := got.at("createOffer", "userErrors").([]any); len(list) != 3 || got.at("createOffer", "offer") != nil {
			t.Errorf("got %v", got.Data)
		}
	})
}
