package graph_test

import (
	"testing"

	"github.com/proofback/proofback"
)

// TestWhatIsPutAwayCanBeFetchedBack goes through everything that can be made and is
// kept for its history.
func TestWhatIsPutAwayCanBeFetchedBack(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	link := m.must(m.asBlog, "CreateTrackingLink", vars{"input": vars{"offerId": m.public, "name": "Sidebar"}}).id("createTrackingLink", "trackingLink", "id")
	endpoint := m.endpoint(nil)
	user := m.must(admin, "CreateUser", vars{"input": vars{
		"email": "kim@blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog,
	}}).id("createUser", "user", "id")
	for _, tt := range []struct {
		mutation, input, object string
		id                      string
		field                   string
		away, back              any
		actor                   proofback.Actor
	}{
		{"updateAdvertiser", "UpdateAdvertiserInput", "advertiser", m.otherShop, "status", "ARCHIVED", "ACTIVE", manager},
		{"updateAffiliate", "UpdateAffiliateInput", "affiliate", m.rival, "status", "ARCHIVED", "ACTIVE", manager},
		{"updateOffer", "UpdateOfferInput", "offer", m.private, "status", "ARCHIVED", "ACTIVE", manager},
		{"updateTrackingLink", "UpdateTrackingLinkInput", "trackingLink", link, "archived", true, false, m.asBlog},
		{"updateAffiliatePostback", "UpdateAffiliatePostbackInput", "affiliatePostback", endpoint, "archived", true, false, m.asBlog},
		{"updateUser", "UpdateUserInput", "user", user, "disabled", true, false, manager},
	} {
		t.Run(tt.mutation, func(t *testing.T) {
			query := `mutation($input: ` + tt.input + `!) { ` + tt.mutation + `(input: $input) { ` + tt.object + ` { id ` + tt.field + ` } userErrors { code field message } } }`
			for _, value := range []any{tt.away, tt.away, tt.back} {
				got := m.do(tt.actor, query, vars{"input": vars{"id": tt.id, tt.field: value}})
				if got.at(tt.mutation, tt.object, tt.field) != value || got.at(tt.mutation, tt.object, "id") != tt.id {
					t.Errorf("%v: got %v %+v", value, got.Data, got.Errors)
				}
			}
		})
	}
}

func TestAnArchivedEndpointIsOffAndStaysSo(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	id := m.endpoint(nil)
	const update = `mutation($input: UpdateAffiliatePostbackInput!) {
		updateAffiliatePostback(input: $input) { affiliatePostback { enabled archived } userErrors { code field } }
	}`
	for _, step := range []struct {
		change            vars
		enabled, archived bool
	}{
		{vars{"archived": true}, false, true},
		{vars{"enabled": true}, false, true},
		{vars{"archived": false}, false, false},
		{vars{"enabled": true}, true, false},
		{vars{"archived": true, "enabled": true}, false, true},
		{vars{"archived": false, "enabled": true}, true, false},
	} {
		step.change["id"] = id
		got := m.do(m.asBlog, update, vars{"input": step.change})
		if got.at("updateAffiliatePostback", "affiliatePostback", "enabled") != step.enabled || got.at("updateAffiliatePostback", "affiliatePostback", "archived") != step.archived {
			t.Errorf("%v: got %v %+v", step.change, got.Data, got.Errors)
		}
	}
}

func TestALinkIsChangedByItsOwner(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	made := m.must(m.asBlog, "CreateTrackingLink", vars{"input": vars{"offerId": m.public, "name": "Sidebar"}})
	id := made.id("createTrackingLink", "trackingLink", "id")
	const update = `mutation($input: UpdateTrackingLinkInput!) {
		updateTrackingLink(input: $input) { trackingLink { name code archived } userErrors { code field } }
	}`
	for _, actor := range []proofback.Actor{m.asRival, m.asShop} {
		if got := m.do(actor, update, vars{"input": vars{"id": id, "archived": true}}); got.mistake("updateTrackingLink") != "NOT_FOUND id" {
			t.Errorf("%s: got %+v", actor.Role, got)
		}
	}
	got := m.do(m.asBlog, update, vars{"input": vars{"id": id, "name": nil}})
	if got.at("updateTrackingLink", "trackingLink", "name") != nil {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	code := made.id("createTrackingLink", "trackingLink", "code")
	m.do(manager, update, vars{"input": vars{"id": id, "name": "Footer", "archived": true}})
	if l, ok := m.setup.Snapshot().Link(code); !ok || !l.Archived {
		t.Error("the next click is not judged by it")
	}
	const list = `query($archived: Boolean) { trackingLinks(filter: { archived: $archived }) { edges { node { name archived } } } }`
	for archived, want := range map[bool]int{true: 1, false: 0} {
		if got := m.do(m.asBlog, list, vars{"archived": archived}); len(got.at("trackingLinks", "edges").([]any)) != want {
			t.Errorf("archived %v: got %v %+v", archived, got.Data, got.Errors)
		}
	}
}
