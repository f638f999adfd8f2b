package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func fixed(amount string) proofback.Price {
	return proofback.Price{Model: proofback.PriceFixed, Amount: proofback.Decimal(amount), Currency: "EUR"}
}

func goal(eventType string) proofback.Goal {
	return proofback.Goal{
		EventType:               eventType,
		Name:                    eventType,
		Payout:                  fixed("5.00"),
		Revenue:                 fixed("7.50"),
		Approval:                proofback.ApprovalAuto,
		WhenPrerequisiteMissing: proofback.PrerequisiteReject,
		DedupeWindowMinutes:     60,
	}
}

func offerTerms(access proofback.OfferAccess, events ...string) proofback.Terms {
	t := proofback.Terms{
		Name:                   "Socks",
		Status:                 proofback.OfferActive,
		Access:                 access,
		LandingURL:             "https://shop.example/?c={click_id}",
		AttributionWindowHours: 720,
	}
	for _, e := range events {
		t.Goals = append(t.Goals, goal(e))
	}
	return t
}

func newOffer(t *testing.T, s *db.Store, advertiser uuid.UUID, terms proofback.Terms) *proofback.Offer {
	t.Helper()
	o, err := s.CreateOffer(t.Context(), manager, advertiser, terms)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func count(t *testing.T, s *db.Store, query string, args ...any) int {
	t.Helper()
	n := 0
	if err := s.Pool().QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEveryChangeOfAnOfferIsAVersionAndALedgerEntry(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	o := newOffer(t, s, newAdvertiser(t, s, "Shop").ID, offerTerms(proofback.OfferPublic, "lead", "sale"))
	lead, sale := o.Terms.Goals[0].ID, o.Terms.Goals[1].ID

	update := func(change func(*proofback.Terms)) *proofback.Offer {
		t.Helper()
		got, err := s.UpdateOffer(t.Context(), admin, o.ID, change)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := update(func(*proofback.Terms) {}); got.Terms.Version != 1 || got.Terms.ID != o.Terms.ID {
		t.Errorf("a change of nothing made %+v", got.Terms)
	}
	if got := update(func(t *proofback.Terms) { t.Goals = []proofback.Goal{goal("sale")} }); got.Terms.Version != 2 || got.Terms.Goals[0].ID != sale {
		t.Errorf("made %+v", got.Terms)
	}
	again := update(func(t *proofback.Terms) {
		t.Status = proofback.OfferPaused
		t.Goals = append(t.Goals, goal("lead"))
	})
	if again.Terms.Version != 3 || again.Terms.Goals[1].ID != lead {
		t.Errorf("a goal that came back is another one: %+v", again.Terms)
	}
	found, err := s.OffersByID(t.Context(), admin, []uuid.UUID{o.ID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(again, found[o.ID]); diff != "" {
		t.Error(diff)
	}
	if n := count(t, s, `SELECT count(*) FROM terms WHERE offer_id = $1`, o.ID); n != 3 {
		t.Errorf("%d versions are kept", n)
	}
	if n := count(t, s, `SELECT count(*) FROM ledger AS l JOIN terms AS t ON t.id = l.id WHERE l.kind = 'terms'`); n != 3 {
		t.Errorf("the ledger tells of %d versions", n)
	}
	_, err = s.UpdateOffer(t.Context(), admin, o.ID, func(t *proofback.Terms) { t.LandingURL = "nowhere" })
	wantCode(t, err, proofback.CodeInvalid, "landingUrl")
	_, err = s.UpdateOffer(t.Context(), admin, uuid.New(), func(*proofback.Terms) {})
	wantCode(t, err, proofback.CodeNotFound, "id")
}

func TestAGoalIsFoundAfterItsOfferHasDroppedIt(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop := newAdvertiser(t, s, "Shop")
	o := newOffer(t, s, shop.ID, offerTerms(proofback.OfferPublic, "lead", "sale"))
	lead := o.Terms.Goals[0].ID
	_, err := s.UpdateOffer(t.Context(), admin, o.ID, func(t *proofback.Terms) { t.Goals = t.Goals[1:] })
	if err != nil {
		t.Fatal(err)
	}
	for actor, want := range map[proofback.Actor][2]bool{ // sees payout, revenue
		manager:                  {true, true},
		asAffiliate(uuid.New()):  {true, false},
		asAdvertiser(shop.ID):    {false, true},
		asAdvertiser(uuid.New()): {},
	} {
		got, err := s.GoalsByID(t.Context(), actor, []uuid.UUID{lead})
		if err != nil {
			t.Fatal(err)
		}
		g := got[lead]
		if g == nil {
			if want != [2]bool{} {
				t.Errorf("%s does not see the goal", actor.Role)
			}
			continue
		}
		if sees := [2]bool{g.Payout.Model != "", g.Revenue.Model != ""}; sees != want || g.EventType != "lead" {
			t.Errorf("%s sees %+v", actor.Role, g)
		}
	}
}

func TestAnAffiliatesOwnPriceHoldsFromItsMomentOn(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	blog, rival := newAffiliate(t, s, "Blog"), newAffiliate(t, s, "Rival")
	o := newOffer(t, s, newAdvertiser(t, s, "Shop").ID, offerTerms(proofback.OfferPublic, "sale"))
	set := func(amount string, from time.Time) {
		t.Helper()
		err := s.SetPayout(t.Context(), manager, db.OwnPrice{AffiliateID: blog.ID, GoalID: o.Terms.Goals[0].ID, Payout: fixed(amount), From: from})
		if err != nil {
			t.Fatal(err)
		}
	}
	payout := func(affiliate uuid.UUID) proofback.Decimal {
		t.Helper()
		w, err := s.Offers(t.Context(), asAffiliate(affiliate), proofback.OfferFilter{}, all)
		if err != nil || len(w.Items) != 1 {
			t.Fatalf("got %v, %v", w.Items, err)
		}
		return w.Items[0].Terms.Goals[0].Payout.Amount
	}
	set("9.00", time.Now().Add(time.Hour))
	if got := payout(blog.ID); got != "5.00" {
		t.Errorf("a later price holds already: %s", got)
	}
	set("6.00", time.Time{})
	if got := payout(blog.ID); got != "6.00" {
		t.Errorf("its own price is %s", got)
	}
	if got := payout(rival.ID); got != "5.00" {
		t.Errorf("another's price is %s", got)
	}
	if n := count(t, s, `SELECT count(*) FROM ledger WHERE kind = 'payout_override'`); n != 2 {
		t.Errorf("the ledger tells of %d prices", n)
	}
	err := s.SetPayout(t.Context(), manager, db.OwnPrice{AffiliateID: blog.ID, GoalID: uuid.New(), Payout: fixed("1")})
	wantCode(t, err, proofback.CodeNotFound, "goalId")
	err = s.SetPayout(t.Context(), asAffiliate(blog.ID), db.OwnPrice{AffiliateID: blog.ID, GoalID: o.Terms.Goals[0].ID, Payout: fixed("1000")})
	wantCode(t, err, proofback.CodeForbidden)
}

func TestOffersAreFiltered(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop, blog := newAdvertiser(t, s, "Shop"), newAffiliate(t, s, "Blog")
	approval := newOffer(t, s, shop.ID, offerTerms(proofback.OfferApproval, "sale"))
	archived := offerTerms(proofback.OfferPublic, "sale")
	archived.Name, archived.Status = "Old 50% socks", proofback.OfferArchived
	newOffer(t, s, shop.ID, archived)
	if _, err := s.RequestAccess(t.Context(), asAffiliate(blog.ID), approval.ID, uuid.Nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		actor  proofback.Actor
		filter proofback.OfferFilter
		want   int
	}{
		{"all", manager, proofback.OfferFilter{}, 2},
		{"by name", manager, proofback.OfferFilter{Search: "50%"}, 1},
		{"by status", manager, proofback.OfferFilter{Status: proofback.OfferArchived}, 1},
		{"by advertiser", manager, proofback.OfferFilter{AdvertiserID: uuid.New()}, 0},
		{"what is over, by an affiliate", asAffiliate(blog.ID), proofback.OfferFilter{Status: proofback.OfferArchived}, 0},
		{"asked for", asAffiliate(blog.ID), proofback.OfferFilter{AccessStatus: proofback.AccessPending}, 1},
		{"approved", asAffiliate(blog.ID), proofback.OfferFilter{AccessStatus: proofback.AccessApproved}, 0},
	} {
		w, err := s.Offers(t.Context(), tt.actor, tt.filter, all)
		if err != nil || len(w.Items) != tt.want {
			t.Errorf("%s: %d offers, %v", tt.name, len(w.Items), err)
		}
		if n, err := s.CountOffers(t.Context(), tt.actor, tt.filter); err != nil || n != tt.want {
			t.Errorf("%s: counted %d, %v", tt.name, n, err)
		}
	}
}
