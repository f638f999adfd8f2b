package db_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestAccessIsAskedForOnceAndDecidedByStaff(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop, blog := newAdvertiser(t, s, "Shop"), newAffiliate(t, s, "Blog")
	public := newOffer(t, s, shop.ID, offerTerms(proofback.OfferPublic))
	approval := newOffer(t, s, shop.ID, offerTerms(proofback.OfferApproval))
	private := newOffer(t, s, shop.ID, offerTerms(proofback.OfferPrivate))
	asBlog := asAffiliate(blog.ID)

	if a, err := s.RequestAccess(t.Context(), asBlog, public.ID, uuid.Nil); err != nil || a.Status != proofback.AccessApproved {
		t.Errorf("a public offer: %+v, %v", a, err)
	}
	first, err := s.RequestAccess(t.Context(), asBlog, approval.ID, blog.ID)
	if err != nil || first.Status != proofback.AccessPending {
		t.Fatalf("got %+v, %v", first, err)
	}
	if again, err := s.RequestAccess(t.Context(), manager, approval.ID, blog.ID); err != nil || again.ID != first.ID {
		t.Errorf("asking again: %+v, %v", again, err)
	}
	_, err = s.RequestAccess(t.Context(), asBlog, private.ID, uuid.Nil)
	wantCode(t, err, proofback.CodeNotFound, "offerId")
	_, err = s.RequestAccess(t.Context(), asBlog, public.ID, uuid.New())
	wantCode(t, err, proofback.CodeForbidden)
	_, err = s.RequestAccess(t.Context(), manager, public.ID, uuid.Nil)
	wantCode(t, err, proofback.CodeInvalid, "affiliateId")
	_, err = s.RequestAccess(t.Context(), asAdvertiser(shop.ID), public.ID, blog.ID)
	wantCode(t, err, proofback.CodeForbidden)

	decide := func(offer uuid.UUID, status proofback.AccessStatus) (*proofback.Access, error) {
		return s.DecideAccess(t.Context(), manager, db.Decision{OfferID: offer, AffiliateID: blog.ID, Status: status, Reason: "why"})
	}
	refused, err := decide(approval.ID, proofback.AccessRejected)
	if err != nil || refused.ID != first.ID || !refused.RequestedAt.Equal(first.RequestedAt) || refused.DecidedAt.IsZero() {
		t.Errorf("got %+v, %v", refused, err)
	}
	_, err = s.RequestAccess(t.Context(), asBlog, approval.ID, uuid.Nil)
	wantCode(t, err, proofback.CodeConflict, "offerId")
	if _, err := decide(private.ID, proofback.AccessApproved); err != nil {
		t.Error(err)
	}
	if _, err := s.CreateTrackingLink(t.Context(), asBlog, proofback.TrackingLink{OfferID: private.ID}); err != nil {
		t.Errorf("an affiliate that was let in got no link: %v", err)
	}
	_, err = decide(private.ID, proofback.AccessPending)
	wantCode(t, err, proofback.CodeInvalid, "status")
	_, err = decide(uuid.New(), proofback.AccessApproved)
	wantCode(t, err, proofback.CodeNotFound, "offerId")

	own, err := s.OwnAccess(t.Context(), asBlog, []uuid.UUID{public.ID, approval.ID, uuid.New()})
	if err != nil || len(own) != 2 || own[approval.ID].Status != proofback.AccessRejected {
		t.Errorf("got %v, %v", own, err)
	}
	for actor, want := range map[proofback.Actor]int{manager: 3, asBlog: 3, asAffiliate(uuid.New()): 0, asAdvertiser(shop.ID): 0} {
		w, err := s.Accesses(t.Context(), actor, proofback.AccessFilter{AffiliateID: blog.ID}, all)
		if err != nil || len(w.Items) != want {
			t.Errorf("%s sees %d accesses, %v", actor.Role, len(w.Items), err)
		}
	}
}

func TestAnOfferStaysInSightOfItsLinks(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop, blog := newAdvertiser(t, s, "Shop"), newAffiliate(t, s, "Blog")
	o := newOffer(t, s, shop.ID, offerTerms(proofback.OfferPublic))
	asBlog := asAffiliate(blog.ID)
	link, err := s.CreateTrackingLink(t.Context(), asBlog, proofback.TrackingLink{OfferID: o.ID, Name: "Footer"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.UpdateOffer(t.Context(), admin, o.ID, func(t *proofback.Terms) { t.Access = proofback.OfferPrivate })
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Offers(t.Context(), asBlog, proofback.OfferFilter{}, all); err != nil || len(w.Items) != 0 {
		t.Errorf("it is still on offer: %v, %v", w.Items, err)
	}
	if found, err := s.OffersByID(t.Context(), asBlog, []uuid.UUID{o.ID}); err != nil || len(found) != 1 {
		t.Errorf("its clicks name nothing: %v, %v", found, err)
	}
	if found, err := s.AdvertisersByID(t.Context(), asBlog, []uuid.UUID{shop.ID}); err != nil || len(found) != 1 || found[shop.ID].PostbackKey != "" {
		t.Errorf("the advertiser is %v, %v", found, err)
	}
	if found, err := s.AffiliatesByID(t.Context(), asAdvertiser(shop.ID), []uuid.UUID{blog.ID}); err != nil || len(found) != 1 {
		t.Errorf("the advertiser does not see who sends it visitors: %v, %v", found, err)
	}
	for actor, want := range map[proofback.Actor]int{manager: 1, asBlog: 1, asAdvertiser(shop.ID): 1, asAdvertiser(uuid.New()): 0, asAffiliate(uuid.New()): 0} {
		if found, err := s.TrackingLinksByID(t.Context(), actor, []uuid.UUID{link.ID}); err != nil || len(found) != want {
			t.Errorf("%s sees %d links, %v", actor.Role, len(found), err)
		}
	}
}

func TestADestinationIsItsAffiliates(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop, blog := newAdvertiser(t, s, "Shop"), newAffiliate(t, s, "Blog")
	o := newOffer(t, s, shop.ID, offerTerms(proofback.OfferPrivate))
	asBlog := asAffiliate(blog.ID)
	made, secret, err := s.CreateDestination(t.Context(), asBlog, proofback.Destination{URLTemplate: "https://blog.example/?c={click_id}"})
	if err != nil || secret == "" {
		t.Fatalf("got %q, %v", secret, err)
	}
	if made.Method != http.MethodGet || len(made.Statuses) != 3 || len(made.RetryOn) != 2 || !made.Enabled || made.HealthState != proofback.HealthUnknown {
		t.Errorf("made %+v", made)
	}
	_, _, err = s.CreateDestination(t.Context(), asBlog, proofback.Destination{URLTemplate: "https://blog.example/", OfferID: o.ID})
	wantCode(t, err, proofback.CodeNotFound, "offerId")
	_, _, err = s.CreateDestination(t.Context(), manager, proofback.Destination{URLTemplate: "https://blog.example/", AffiliateID: uuid.New()})
	wantCode(t, err, proofback.CodeNotFound, "affiliateId")

	toggle := func(enabled bool) *proofback.Destination {
		t.Helper()
		d, err := s.UpdateDestination(t.Context(), asBlog, made.ID, func(d *proofback.Destination) { d.Enabled = enabled })
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := toggle(false); d.HealthState != proofback.HealthStopped || d.HealthReason == "" {
		t.Errorf("switched off: %+v", d)
	}
	if d := toggle(true); d.HealthState != proofback.HealthUnknown || d.HealthReason != "" {
		t.Errorf("switched on: %+v", d)
	}
	_, err = s.UpdateDestination(t.Context(), asBlog, made.ID, func(d *proofback.Destination) { d.OfferID = o.ID })
	wantCode(t, err, proofback.CodeNotFound, "offerId")
	_, err = s.UpdateDestination(t.Context(), asAffiliate(uuid.New()), made.ID, func(*proofback.Destination) {})
	wantCode(t, err, proofback.CodeNotFound, "id")
	for actor, want := range map[proofback.Actor]int{manager: 1, asBlog: 1, asAdvertiser(shop.ID): 0, asAffiliate(uuid.New()): 0} {
		w, err := s.Destinations(t.Context(), actor, proofback.DestinationFilter{}, all)
		if err != nil || len(w.Items) != want {
			t.Errorf("%s sees %d destinations, %v", actor.Role, len(w.Items), err)
		}
		if found, err := s.DestinationsByID(t.Context(), actor, []uuid.UUID{made.ID}); err != nil || len(found) != want {
			t.Errorf("%s finds %d destinations, %v", actor.Role, len(found), err)
		}
	}
}
