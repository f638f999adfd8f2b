package graph_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/proofback/proofback"
)

const testParts = `
	fragment TestParts on IntegrationTest {
		id clickId landingUrl postbackUrl passed
		offer { id }
		goals { eventType postbackUrl }
		steps { name state at detail }
		postbacks { id reason checks { name passed } }
		strays { id reason }
		conversions { id test status affiliate { id } click { flags affiliate { id } trackingLink { id } landingUrl } }
	}`

const startTest = `mutation ($offer: ID!) {
	testIntegration(input: {offerId: $offer}) { integrationTest { ...TestParts } userErrors { code field message } }
}` + testParts

const pollTest = `query ($id: ID!) {
	integrationTest(id: $id) { ...TestParts }
	node(id: $id) { ... on IntegrationTest { passed } }
}` + testParts

func TestAnAdvertiserTestsItsIntegration(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	made := l.do(l.asShop, startTest, vars{"offer": l.public})
	test := func(path ...any) []any { return append([]any{"testIntegration", "integrationTest"}, path...) }
	id, clickID := made.id(test("id")...), made.id(test("clickId")...)
	if got := made.id(test("landingUrl")...); got != "https://shop.example/?cid="+clickID {
		t.Errorf("landing URL %s", got)
	}
	u, err := url.Parse(made.id(test("postbackUrl")...))
	if err != nil || made.at(test("goals", 0, "postbackUrl")...) != u.String() || !strings.HasPrefix(u.String(), "https://go.network.example/postback/") {
		t.Fatalf("postback URL %v, %v", u, err)
	}
	if made.at(test("passed")...) != false || made.at(test("offer", "id")...) != l.public {
		t.Errorf("before its postback: %v", made.Data)
	}
	if p := l.postback(clickID, strings.SplitN(u.RawQuery, "&", 2)[1]); p.Reason != proofback.ReasonAccepted {
		t.Fatalf("%s: %s", p.Reason, p.Message)
	}

	seen := l.do(l.asShop, pollTest, vars{"id": id})
	if seen.at("integrationTest", "passed") != true || seen.at("node", "passed") != true {
		t.Fatalf("after its postback: %v %+v", seen.Data, seen.Errors)
	}
	conversion := seen.at("integrationTest", "conversions", 0).(map[string]any)
	click := conversion["click"].(map[string]any)
	if conversion["test"] != true || conversion["affiliate"] != nil || click["affiliate"] != nil || click["trackingLink"] != nil || click["flags"].([]any)[0] != "TEST" {
		t.Errorf("conversion %v", conversion)
	}
	for actor, want := range map[*proofback.Actor]int{&admin: 1, &l.asShop: 1, &l.asOther: 0, &l.asBlog: 0} {
		got := l.do(*actor, pollTest, vars{"id": id})
		if len(got.Errors) > 0 || (got.at("integrationTest") != nil) != (want == 1) || (got.at("node") != nil) != (want == 1) {
			t.Errorf("%s sees %v %+v", actor.Role, got.Data, got.Errors)
		}
		listed := l.do(*actor, `{ real: conversions { edges { node { id } } } tests: conversions(filter: {tests: true}) { edges { node { id } } }
			clicks { edges { node { id } } } testClicks: clicks(filter: {tests: true}) { edges { node { id } } } }`, nil)
		for name, n := range map[string]int{"real": 0, "tests": want, "clicks": 0, "testClicks": want} {
			if rows := listed.at(name, "edges").([]any); len(rows) != n {
				t.Errorf("%s lists %s %v, want %d", actor.Role, name, rows, n)
			}
		}
	}
	// A story of a test can be asked for as partner UIs ask for any.
	if trace := l.must(admin, "Trace", vars{"by": vars{"clickId": clickID}}); trace.at("trace", "conversions", 0, "affiliate") != nil {
		t.Errorf("trace %v", trace.Data)
	}
}

func TestOthersDoNotTestAnIntegration(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	if got := l.do(l.asBlog, startTest, vars{"offer": l.public}); got.code() != "FORBIDDEN" {
		t.Errorf("an affiliate: %+v", got)
	}
	if got := l.do(l.asOther, startTest, vars{"offer": l.public}); got.mistake("testIntegration") != "NOT_FOUND offerId" {
		t.Errorf("another advertiser: %+v", got)
	}
	if got := l.do(l.asShop, startTest, vars{"offer": l.shop}); got.mistake("testIntegration") != "BAD_USER_INPUT offerId" {
		t.Errorf("no offer: %+v", got)
	}
}
