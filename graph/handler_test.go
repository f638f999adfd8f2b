package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback"
)

func TestNobodyMayDoMoreThanSignIn(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.tellChanges()
	for _, op := range loadOperations(t).Operations {
		switch op.Name {
		case "SignIn", "RefreshSession":
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			var got *answer
			if op.Operation == ast.Subscription {
				got = a.subscribe(nobody, operationText(t, op.Name), leastVariables[op.Name]).next()
			} else {
				got = a.run(nobody, op.Name, leastVariables[op.Name])
			}
			if got.code() != "UNAUTHENTICATED" {
				t.Errorf("got %v %+v", got.Data, got.Errors)
			}
		})
	}
}

// leastVariables are what operations need to be asked at all; they name nothing
// that exists.
var leastVariables = map[string]vars{
	"CreateAdvertiser":        {"input": vars{"name": "X"}},
	"UpdateAdvertiser":        {"input": vars{"id": "x"}},
	"RotateAdvertiserSecret":  {"input": vars{"id": "x"}},
	"CreateAffiliate":         {"input": vars{"name": "X"}},
	"CreateUser":              {"input": vars{"email": "x", "password": "x", "role": "ADMIN"}},
	"CreateOffer":             {"input": vars{"advertiserId": "x", "name": "x", "landingUrl": "x"}},
	"UpdateOffer":             {"input": vars{"id": "x"}},
	"SetPayout":               {"input": vars{"affiliateId": "x", "goalId": "x", "payout": vars{"model": "POSTBACK"}}},
	"RequestOfferAccess":      {"input": vars{"offerId": "x"}},
	"DecideOfferAccess":       {"input": vars{"offerId": "x", "affiliateId": "x", "status": "APPROVED"}},
	"CreateTrackingLink":      {"input": vars{"offerId": "x"}},
	"CreateAffiliatePostback": {"input": vars{"urlTemplate": "x"}},
	"TestAffiliatePostback":   {"input": vars{"id": "x"}},
	"ApproveConversions":      {"input": vars{"ids": []string{"x"}}},
	"RejectConversions":       {"input": vars{"ids": []string{"x"}}},
	"Trace":                   {"by": vars{"clickId": "x"}},
	"ReplayPostbacks":         {"input": vars{"ids": []string{"x"}}},
	"Diagnostics":             {"filter": vars{}},
	"Reconciliation":          {"id": proofback.GlobalID(proofback.KindReconciliation, uuid.Max)},
	"SetReconciliationFeed":   {"input": vars{"advertiserId": "x", "url": "x", "format": "CSV", "schedule": "x"}},
	"RetryDeliveries":         {"input": vars{"ids": []string{"x"}}},
	"AuditRedirects":          {"input": vars{"offerId": "x"}},
	"Report":                  {"input": vars{"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}},
	"ExchangeRates":           {"date": "2026-01-01", "base": "EUR"},
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	got := a.must(nobody, "SignIn", vars{"input": vars{"email": "a@b.example", "password": "right"}})
	if got.at("signIn", "session", "refreshToken") != "refresh" {
		t.Errorf("got %v", got.Data)
	}
	got = a.run(nobody, "SignIn", vars{"input": vars{"email": "a@b.example", "password": "wrong"}})
	if got.at("signIn", "session") != nil || got.mistake("signIn") != "UNAUTHENTICATED " {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	a.must(nobody, "RefreshSession", vars{"input": vars{"refreshToken": "refresh-right"}})
}

func TestTheViewerIsWhomTheTokenNames(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	user := m.must(admin, "CreateUser", vars{"input": vars{
		"email": "Kim@Blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog,
	}}).id("createUser", "user", "id")
	actor := m.asBlog
	actor.UserID = mustKey(t, user)
	want := map[string]any{
		"id": user, "email": "kim@blog.example", "role": "AFFILIATE",
		"affiliate": map[string]any{"id": m.blog, "name": "Blog"}, "advertiser": nil,
	}
	if diff := cmp.Diff(want, m.must(actor, "Viewer", nil).at("viewer")); diff != "" {
		t.Error(diff)
	}
	stranger := m.must(proofback.Actor{Role: proofback.RoleManager, UserID: uuid.New()}, "Viewer", nil)
	if stranger.at("viewer", "email") != nil || stranger.at("viewer", "role") != "MANAGER" {
		t.Errorf("got %v", stranger.Data)
	}
}

func TestNodesAreFoundByTheirGlobalIDs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	link := m.must(m.asBlog, "CreateTrackingLink", vars{"input": vars{"offerId": m.public}}).id("createTrackingLink", "trackingLink", "id")
	access := unknownID(proofback.KindOfferAccess)
	const query = `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`
	ids := []string{m.shop, m.blog, m.public, m.private, m.sale, link, access}
	names := func(actor proofback.Actor) []any {
		var out []any
		for _, n := range m.do(actor, query, vars{"ids": ids}).at("nodes").([]any) {
			if n == nil {
				out = append(out, nil)
				continue
			}
			out = append(out, n.(map[string]any)["__typename"])
		}
		return out
	}
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		want  []any
	}{
		{"staff", manager, []any{"Advertiser", "Affiliate", "Offer", "Offer", "Goal", "TrackingLink", nil}},
		{"the affiliate", m.asBlog, []any{"Advertiser", "Affiliate", "Offer", nil, "Goal", "TrackingLink", nil}},
		{"another affiliate", m.asRival, []any{"Advertiser", nil, "Offer", nil, "Goal", nil, nil}},
		{"the advertiser", m.asShop, []any{"Advertiser", "Affiliate", "Offer", "Offer", "Goal", "TrackingLink", nil}},
		{"another advertiser", m.asOther, []any{nil, nil, nil, nil, nil, nil, nil}},
	} {
		if diff := cmp.Diff(tt.want, names(tt.actor)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if got := m.do(admin, `{ node(id: "nonsense") { id } }`, nil); got.code() != "BAD_USER_INPUT" {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	if got := m.do(admin, `query($id: ID!) { node(id: $id) { id } }`, vars{"id": unknownID("Nothing")}); got.at("node") != nil || got.code() != "" {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
}

func TestRequestsThatCannotRun(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	// Fragments that each spread the next one twice: small to send, large to run.
	var doubling strings.Builder
	doubling.WriteString("{ viewer { ...F0 } }")
	for i := range 40 {
		fmt.Fprintf(&doubling, " fragment F%d on Viewer { ...F%d ...F%d }", i, i+1, i+1)
	}
	doubling.WriteString(" fragment F40 on Viewer { id }")
	var wide strings.Builder
	for i := range 300 {
		fmt.Fprintf(&wide, "a%d: offers(first: 100) { edges { node { name goals { name } } } } ", i)
	}
	for _, tt := range []struct{ name, query, want string }{
		{"no query", "", "BAD_USER_INPUT"},
		{"not GraphQL", "{ viewer ", "BAD_USER_INPUT"},
		{"no such field", "{ nonsense }", "BAD_USER_INPUT"},
		{"a wrong cursor", `{ offers(after: "x") { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"too large a page", `{ offers(first: 101) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"an empty page", `{ offers(last: 0) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"both ends at once", `{ offers(first: 1, last: 1) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"a wrong enum", `{ offers(filter: { status: GONE }) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"a NUL", `{ offers(filter: { search: "a\u0000b" }) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"no moment", `{ clicks(filter: { from: "yesterday" }) { edges { cursor } } }`, "BAD_USER_INPUT"},
		{"two stories at once", `{ trace(by: { clickId: "a", transactionId: "b" }) { click { id } } }`, "BAD_USER_INPUT"},
		{"doubling fragments", doubling.String(), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"much of much", "{" + wide.String() + "}", "COMPLEXITY_LIMIT_EXCEEDED"},
		{"many nodes", `query { nodes(ids: [` + strings.Repeat(`"x" `, 101) + `]) { id } }`, "BAD_USER_INPUT"},
		{"too many tokens", "{" + strings.Repeat(" viewer { id }", 3000) + "}", "BAD_USER_INPUT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			if got := a.do(admin, tt.query, nil); got.code() != tt.want {
				t.Errorf("got %.300v %+v, want %s", got.Data, got.Errors, tt.want)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	t.Run("a large body", func(t *testing.T) {
		t.Parallel()
		if got := a.post(admin, strings.NewReader(`{"query": "{ viewer { id } }", "x": "`+strings.Repeat("x", 1<<20)+`"}`)); got.code() != "BAD_USER_INPUT" {
			t.Errorf("got %v %+v", got.Data, got.Errors)
		}
	})
	t.Run("a page of a hundred with everything", func(t *testing.T) {
		t.Parallel()
		a.must(admin, "Offers", vars{"first": 100})
	})
}

func TestAMutationIsNotToBeHadByGET(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for query, want := range map[string]int{
		"{ viewer { role } }": http.StatusOK,
		`mutation { createAffiliate(input: { name: "X" }) { affiliate { id } } }`: http.StatusMethodNotAllowed,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"?query="+url.QueryEscape(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(actorHeader, `{"Role": "ADMIN"}`)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d", query, resp.StatusCode)
		}
	}
}

func TestAFaultOfOursIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if _, err := a.store.Pool().Exec(t.Context(), `ALTER TABLE offers RENAME TO secret_name`); err != nil {
		t.Fatal(err)
	}
	got := a.run(admin, "Offers", nil)
	if got.code() != "INTERNAL" || strings.Contains(fmt.Sprint(got.Errors), "offers\"") || got.Errors[0].Extensions.RequestID == "" {
		t.Errorf("got %+v", got.Errors)
	}
	if n := bytes.Count(a.log.Bytes(), []byte(got.Errors[0].Extensions.RequestID)); n != 1 {
		t.Errorf("it was logged %d times: %s", n, a.log)
	}
}

func TestTheSchemaCanBeLearnedWithoutAToken(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	got := a.do(nobody, `{ __schema { queryType { name } } __type(name: "Offer") { fields { name } } }`, nil)
	if got.at("__schema", "queryType", "name") != "Query" || len(got.at("__type", "fields").([]any)) < 10 {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
}

func TestDecimalsComeAsStringsOrNumbers(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for sent, want := range map[any]string{
		"12.50": "12.50", json.Number("0.1"): "0.1", json.Number("7"): "7", json.Number("123456789012.123456"): "123456789012.123456",
	} {
		in := m.offer("X", "PUBLIC")
		in["goals"] = []vars{{"eventType": "sale", "payout": vars{"model": "FIXED", "amount": sent, "currency": "EUR"}}}
		if got := m.must(admin, "CreateOffer", vars{"input": in}).at("createOffer", "offer", "goals", 0, "payout", "amount"); got != want {
			t.Errorf("%v became %v", sent, got)
		}
	}
	const literal = `mutation($id: ID!) { updateOffer(input: { id: $id, goals: [
		{ eventType: "sale", payout: { model: PERCENT, percent: 12.5 } }
	] }) { offer { goals { id payout { percent } } } userErrors { message } } }`
	got := m.do(admin, literal, vars{"id": m.public})
	if got.at("updateOffer", "offer", "goals", 0, "payout", "percent") != "12.5" || got.at("updateOffer", "offer", "goals", 0, "id") != m.sale {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
}
