package main_test

import (
	"fmt"
	"testing"
)

// capDemoOffer gives the demo link's offer one cap.
func (p *process) capDemoOffer(metric, period, limit string) {
	p.t.Helper()
	token := p.signIn("admin@demo.example")
	var links struct {
		TrackingLinks struct {
			Edges []struct {
				Node struct {
					Code  string
					Offer struct{ ID string }
				}
			}
		}
	}
	p.graphql(token, `{ trackingLinks(first: 100) { edges { node { code offer { id } } } } }`, nil, &links)
	for _, e := range links.TrackingLinks.Edges {
		if e.Node.Code != "demo" {
			continue
		}
		var updated struct {
			UpdateOffer struct {
				Offer      *struct{ ID string }
				UserErrors []struct{ Message string }
			}
		}
		p.graphql(token, `mutation($i: UpdateOfferInput!) { updateOffer(input: $i) { offer { id } userErrors { message } } }`, map[string]any{
			"i": map[string]any{"id": e.Node.Offer.ID, "caps": []any{map[string]any{"metric": metric, "period": period, "limit": limit}}},
		}, &updated)
		if updated.UpdateOffer.Offer == nil {
			p.t.Fatalf("the offer is not capped: %v", updated.UpdateOffer.UserErrors)
		}
		return
	}
	p.t.Fatal("there is no demo link")
}

func TestACapOnConversionsIsExactOnTwoProcesses(t *testing.T) {
	t.Parallel()
	first, databaseURL := startOnNewDatabase(t)
	second := start(t, onDatabase(databaseURL)...)
	offer := `(SELECT offer_id FROM tracking_links WHERE code = 'demo')`
	counting := `SELECT count(*) FROM conversions WHERE status <> 'REJECTED' AND offer_id = ` + offer
	before := queryInt(t, databaseURL, counting)
	first.capDemoOffer("CONVERSIONS", "TOTAL", fmt.Sprint(before+100))
	click := first.clickOnce()
	got := fire(t, 5000, func(i int) string {
		return fmt.Sprintf("/postback?event_type=sale&amount=10&currency=EUR&click_id=%s&txid=cap-%d", click, i)
	}, first, second)
	if got.reasons["ACCEPTED"] != 100 || got.reasons["CAP_REACHED"] != 4900 {
		t.Errorf("reasons %v, statuses %v; want exactly 100 accepted", got.reasons, got.statuses)
	}
	if n := queryInt(t, databaseURL, counting); n != before+100 {
		t.Errorf("%d conversions count, want %d", n, before+100)
	}
	if n := queryInt(t, databaseURL, `SELECT count(*) FROM conversions WHERE reason = 'CAP_REACHED' AND txid LIKE 'cap-%'`); n != 4900 {
		t.Errorf("%d are kept as over the cap, want 4900", n)
	}
}

func TestACapOnClicksIsExactOnTwoProcesses(t *testing.T) {
	t.Parallel()
	first, databaseURL := startOnNewDatabase(t)
	counting := `SELECT count(*) FROM clicks WHERE outcome = 0 AND NOT bot AND offer_id = (SELECT offer_id FROM tracking_links WHERE code = 'demo')`
	before := queryInt(t, databaseURL, counting)
	first.capDemoOffer("CLICKS", "TOTAL", fmt.Sprint(before+100))
	second := start(t, onDatabase(databaseURL)...) // it knows of the cap from the start
	got := fire(t, 3000, func(i int) string { return fmt.Sprint("/c/demo?sub1=", i) }, first, second)
	if n := queryInt(t, databaseURL, counting); n != before+100 {
		t.Errorf("%d clicks were sent on, want exactly 100 (statuses %v)", n-before, got.statuses)
	}
}
