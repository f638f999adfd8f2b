package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// shortWalk stands in for package jobs, where walking is tested: it finds two hops
// of which the first loses the click id, and keeps them as the real one does.
type shortWalk struct{ store *db.Store }

func (s shortWalk) Audit(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.RedirectAudit, error) {
	terms, err := s.store.AuditTerms(ctx, actor, offer)
	if err != nil {
		return nil, err
	}
	a := &proofback.RedirectAudit{
		ID: uuid.Must(uuid.NewV7()), OfferID: offer, AdvertiserID: terms.AdvertiserID, TermsID: terms.ID, At: time.Now().UTC(),
		Hops: []proofback.Hop{
			{URL: terms.LandingURL, Form: proofback.FormWhole, Status: 302, Location: "/shop", Duration: 1500 * time.Microsecond},
			{URL: "https://shop.example/shop", Form: proofback.FormMissing, Status: 200, Duration: time.Millisecond},
		},
	}
	return a, s.store.RecordAudit(ctx, actor, a)
}

func TestAnAuditIsShownToTheOffersSide(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	input := vars{"input": vars{"offerId": m.public}}
	made := m.must(m.asShop, "AuditRedirects", input)
	id := made.id("auditRedirects", "audit", "id")
	first := made.at("auditRedirects", "audit", "hops", 0).(map[string]any)
	if made.at("auditRedirects", "audit", "survived") != false || made.at("auditRedirects", "audit", "lostAtHop") != 1.0 ||
		first["status"] != 302.0 || first["location"] != "/shop" || first["carriesClickId"] != true || first["durationMs"] != 1.5 || first["error"] != nil {
		t.Errorf("audit %v", made.Data)
	}
	second := made.at("auditRedirects", "audit", "hops", 1).(map[string]any)
	if second["carriesClickId"] != false || second["location"] != nil {
		t.Errorf("second hop %v", second)
	}

	if got := m.run(m.asOther, "AuditRedirects", input); got.mistake("auditRedirects") != "NOT_FOUND offerId" {
		t.Errorf("another advertiser: %v %+v", got.Data, got.Errors)
	}
	if got := m.run(m.asBlog, "AuditRedirects", input); got.code() != "FORBIDDEN" {
		t.Errorf("an affiliate: %v %+v", got.Data, got.Errors)
	}
	if got := m.run(m.asShop, "AuditRedirects", vars{"input": vars{"offerId": "x"}}); got.mistake("auditRedirects") != "BAD_USER_INPUT offerId" {
		t.Errorf("no offer: %v %+v", got.Data, got.Errors)
	}
	for actor, want := range map[*proofback.Actor]int{&manager: 1, &m.asShop: 1, &m.asOther: 0, &m.asBlog: 0} {
		got := m.do(*actor, `query ($id: ID!, $offer: ID!) {
			node(id: $id) { ... on RedirectAudit { verdict summary offer { id } hops { clickIdForm } } }
			redirectAudits(filter: {offerId: $offer, survived: false}) { edges { node { id } } }
		}`, vars{"id": id, "offer": m.public})
		if len(got.Errors) > 0 || len(got.at("redirectAudits", "edges").([]any)) != want || (got.at("node") != nil) != (want == 1) {
			t.Errorf("%s sees %v %+v", actor.Role, got.Data, got.Errors)
		}
		if want == 1 && (got.at("node", "verdict") != "LOST" || got.at("node", "hops", 1, "clickIdForm") != "MISSING") {
			t.Errorf("%s sees %v", actor.Role, got.Data)
		}
	}
}
