package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// noSessions stands in for package auth, where signing in is tested.
type noSessions struct{}

func (noSessions) SignIn(_ context.Context, _, password, _ string) (graph.Session, error) {
	if password != "right" {
		return graph.Session{}, proofback.Errorf(proofback.CodeUnauthenticated, "e-mail or password is wrong")
	}
	return graph.Session{AccessToken: "access", RefreshToken: "refresh"}, nil
}

func (s noSessions) Refresh(ctx context.Context, token string) (graph.Session, error) {
	return s.SignIn(ctx, "", strings.TrimPrefix(token, "refresh-"), "")
}

func (noSessions) Redeem(context.Context, db.Purpose, string, string) error { return nil }

func (noSessions) AskForReset(context.Context, string) error { return nil }

func (noSessions) ChangePassword(context.Context, proofback.Actor, string, string) error { return nil }

func (noSessions) HashPassword(context.Context, string) (string, error) { return "hash", nil }

// market is a network with one advertiser's offers and two affiliates.
type market struct {
	*api
	shop, otherShop string // advertisers
	blog, rival     string // affiliates
	public, private string // the shop's offers
	sale            string // the public offer's goal
	asShop, asOther proofback.Actor
	asBlog, asRival proofback.Actor
}

func newMarket(t testing.TB, change ...func(*db.Config)) *market {
	t.Helper()
	m := &market{api: newAPI(t, change...)}
	advertiser := func(name string) string {
		return m.must(admin, "CreateAdvertiser", vars{"input": vars{
			"name":     name,
			"security": vars{"mode": "TOKEN", "allowedIps": []string{"203.0.113.7"}},
		}}).id("createAdvertiser", "advertiser", "id")
	}
	affiliate := func(name string) string {
		return m.must(admin, "CreateAffiliate", vars{"input": vars{"name": name}}).id("createAffiliate", "affiliate", "id")
	}
	m.shop, m.otherShop = advertiser("Shop"), advertiser("Other shop")
	m.blog, m.rival = affiliate("Blog"), affiliate("Rival")
	made := m.must(manager, "CreateOffer", vars{"input": m.offer("Public", "PUBLIC")})
	m.public = made.id("createOffer", "offer", "id")
	m.sale = made.id("createOffer", "offer", "goals", 0, "id")
	m.private = m.must(manager, "CreateOffer", vars{"input": m.offer("Private", "PRIVATE")}).id("createOffer", "offer", "id")
	m.asShop, m.asOther = actorOf(t, m.shop), actorOf(t, m.otherShop)
	m.asBlog, m.asRival = actorOf(t, m.blog), actorOf(t, m.rival)
	return m
}

// offer is the input of an offer of the shop.
func (m *market) offer(name, access string) vars {
	return vars{
		"advertiserId": m.shop,
		"name":         name,
		"landingUrl":   "https://shop.example/?cid={click_id}",
		"access":       access,
		"caps":         []vars{{"metric": "CONVERSIONS", "period": "DAILY", "limit": 100}},
		"goals": []vars{{
			"eventType": "sale",
			"payout":    vars{"model": "FIXED", "amount": "5.00", "currency": "EUR"},
			"revenue":   vars{"model": "FIXED", "amount": "7.50", "currency": "EUR"},
		}},
	}
}
