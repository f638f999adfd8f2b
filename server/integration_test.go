package main_test

import (
	"strings"
	"testing"
)

// An advertiser looks whether its integration works, with the program alone: the
// click id reaches its page, its postback counts, its pixel is seen, and nothing of
// it is real.
func TestAnAdvertiserLooksAfterItsIntegration(t *testing.T) {
	t.Parallel()
	p, databaseURL := startOnNewDatabase(t)
	conversions := queryInt(t, databaseURL, `SELECT count(*) FROM conversions`)
	token := p.signIn("nordlys@demo.example")
	var offers struct {
		Offers struct {
			Edges []struct {
				Node struct{ ID, LandingURL string }
			}
		}
	}
	p.graphql(token, `{ offers(first: 100) { edges { node { id landingUrl } } } }`, nil, &offers)
	offer := ""
	for _, e := range offers.Offers.Edges {
		if strings.HasPrefix(e.Node.LandingURL, p.url) {
			offer = e.Node.ID
		}
	}
	input := map[string]any{"input": map[string]any{"offerId": offer}}

	var audited struct {
		AuditRedirects struct {
			Audit struct {
				Survived bool
				Summary  string
				Hops     []struct{ Status int }
			}
		}
	}
	p.graphql(token, `mutation($input: AuditRedirectsInput!) { auditRedirects(input: $input) { audit { survived summary hops { status } } } }`, input, &audited)
	if a := audited.AuditRedirects.Audit; !a.Survived || len(a.Hops) != 1 || a.Hops[0].Status != 200 {
		t.Errorf("the audit says %+v", a)
	}

	type integrationTest struct {
		ID, ClickID, PostbackURL string
		Passed                   bool
		Conversions              []struct{ Test bool }
	}
	var started struct {
		TestIntegration struct{ IntegrationTest integrationTest }
	}
	p.graphql(token, `mutation($input: TestIntegrationInput!) { testIntegration(input: $input) { integrationTest { id clickId postbackUrl passed } } }`, input, &started)
	test := started.TestIntegration.IntegrationTest
	if status, body := p.get(strings.TrimPrefix(test.PostbackURL, p.url)); status != 200 || !strings.Contains(body, "accepted") {
		t.Fatalf("%s got %d %s", test.PostbackURL, status, body)
	}
	if status, body := p.get("/pixel.gif?click_id=" + test.ClickID); status != 200 || !strings.HasPrefix(body, "GIF89a") {
		t.Errorf("the pixel is %d %q", status, body)
	}
	var seen struct{ IntegrationTest integrationTest }
	p.graphql(token, `query($id: ID!) { integrationTest(id: $id) { passed conversions { test } } }`, map[string]any{"id": test.ID}, &seen)
	if now := seen.IntegrationTest; test.Passed || !now.Passed || len(now.Conversions) != 1 || !now.Conversions[0].Test {
		t.Errorf("the test says %+v", now)
	}
	eventually(t, "the pixel is seen", func() bool { return queryInt(t, databaseURL, `SELECT count(*) FROM pixel_signals`) == 1 })
	if n := queryInt(t, databaseURL, `SELECT count(*) FROM conversions WHERE NOT test`); n != conversions {
		t.Errorf("%d real conversions came of it", n-conversions)
	}

	var found struct {
		Diagnostics []struct{ Reason, Advice string }
	}
	p.graphql(token, `{ diagnostics(filter: {}) { reason advice } }`, nil, &found)
	if len(found.Diagnostics) == 0 || found.Diagnostics[0].Advice == "" {
		t.Errorf("nothing is wrong with the demo's month: %+v", found)
	}
}
