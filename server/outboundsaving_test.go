package main_test

import (
	"strings"
	"testing"
)

// Who names an address inside is told so at once, not when nothing arrives.
func TestURLsThatNameAnAddressInsideAreNotSaved(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t, "PROOFBACK_OUTBOUND_ALLOW=10.1.0.0/16")
	affiliate, manager := p.signIn("fjell@demo.example"), p.signIn("manager@demo.example")
	type payload struct {
		AffiliatePostback struct{ ID string }
		UserErrors        []struct {
			Message string
			Field   []string
			Code    string
		}
	}
	refused := func(got payload, field, part string) {
		t.Helper()
		if len(got.UserErrors) != 1 || got.UserErrors[0].Code != "BAD_USER_INPUT" || strings.Join(got.UserErrors[0].Field, ".") != field || !strings.Contains(got.UserErrors[0].Message, part) {
			t.Errorf("%+v, want %s to be refused for %q", got, field, part)
		}
	}
	create := func(template string) payload {
		t.Helper()
		var got struct{ CreateAffiliatePostback payload }
		p.graphql(affiliate, `mutation ($t: String!) { createAffiliatePostback(input: {urlTemplate: $t}) { affiliatePostback { id } userErrors { message field code } } }`,
			map[string]any{"t": template}, &got)
		return got.CreateAffiliatePostback
	}
	refused(create("http://169.254.169.254/latest?c={click_id}"), "urlTemplate", "169.254.169.254 is not a public address")
	refused(create("http://[::1]:9000/{click_id}"), "urlTemplate", "::1 is not a public address")
	refused(create("https://8.8.8.8:25/{click_id}"), "urlTemplate", "port 25")
	made := create("https://10.1.2.3/{click_id}")
	if len(made.UserErrors) > 0 {
		t.Fatalf("%+v", made)
	}

	var update struct{ UpdateAffiliatePostback payload }
	p.graphql(affiliate, `mutation ($id: ID!) { updateAffiliatePostback(input: {id: $id, urlTemplate: "http://localhost/{click_id}"}) { userErrors { message field code } } }`,
		map[string]any{"id": made.AffiliatePostback.ID}, &update)
	refused(update.UpdateAffiliatePostback, "urlTemplate", "localhost is not a public address")

	var advertisers struct {
		Advertisers struct {
			Edges []struct{ Node struct{ ID string } }
		}
	}
	p.graphql(manager, `{ advertisers(first: 1) { edges { node { id } } } }`, nil, &advertisers)
	var feed struct{ SetReconciliationFeed payload }
	p.graphql(manager, `mutation ($a: ID!) { setReconciliationFeed(input: {advertiserId: $a, url: "http://192.168.0.1/list.csv", format: CSV, schedule: "0 6 * * *"}) { userErrors { message field code } } }`,
		map[string]any{"a": advertisers.Advertisers.Edges[0].Node.ID}, &feed)
	refused(feed.SetReconciliationFeed, "url", "192.168.0.1 is not a public address")
}
