package db_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

var (
	admin   = proofback.Actor{Role: proofback.RoleAdmin}
	manager = proofback.Actor{Role: proofback.RoleManager}
	all     = proofback.Page{Limit: 100}
)

func asAffiliate(id uuid.UUID) proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: id}
}

func asAdvertiser(id uuid.UUID) proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: id}
}

// wantCode fails the test unless err has the code, and names field when given.
func wantCode(t *testing.T, err error, code proofback.Code, field ...string) {
	t.Helper()
	if proofback.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e, ok := errors.AsType[*proofback.Error](err); ok && len(field) > 0 && strings.Join(e.Field, ".") != strings.Join(field, ".") {
		t.Errorf("the error is about %v, want %v", e.Field, field)
	}
}

func newAdvertiser(t *testing.T, s *db.Store, name string) *proofback.Advertiser {
	t.Helper()
	a, _, err := s.CreateAdvertiser(t.Context(), admin, proofback.Advertiser{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newAffiliate(t *testing.T, s *db.Store, name string) *proofback.Affiliate {
	t.Helper()
	a, err := s.CreateAffiliate(t.Context(), admin, proofback.Affiliate{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAdvertiserIsKeptAsItWasMadeAndChanged(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	made, secret, err := s.CreateAdvertiser(t.Context(), manager, proofback.Advertiser{
		Name:             "Shop",
		Currency:         "USD",
		TimeZone:         "Europe/Berlin",
		Security:         proofback.SecurityToken,
		AllowedIPs:       []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		ParameterMapping: []proofback.NameMapping{{From: "cid", To: "click_id"}},
		StatusMapping:    []proofback.StatusMapping{{From: "lead", To: proofback.StatusPending}},
		AnswerAlways200:  true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "whsec_") || made.PostbackKey == "" || made.Status != proofback.PartnerActive {
		t.Errorf("secret %q, made %+v", secret, made)
	}
	changed, err := s.UpdateAdvertiser(t.Context(), admin, made.ID, func(a *proofback.Advertiser) {
		a.Status = proofback.PartnerPaused
		a.ParameterMapping = nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.AdvertisersByID(t.Context(), admin, []uuid.UUID{made.ID, uuid.New()})
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v", found, err)
	}
	if diff := cmp.Diff(changed, found[made.ID], cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if changed.Status != proofback.PartnerPaused || changed.Currency != "USD" || len(changed.StatusMapping) != 1 {
		t.Errorf("changed %+v", changed)
	}
	_, next, err := s.RotateAdvertiserSecret(t.Context(), admin, made.ID, time.Hour)
	if err != nil || next == secret {
		t.Errorf("got %q, %v", next, err)
	}
	_, _, err = s.RotateAdvertiserSecret(t.Context(), admin, made.ID, 31*24*time.Hour)
	wantCode(t, err, proofback.CodeInvalid, "keepOldFor")
	_, err = s.UpdateAdvertiser(t.Context(), admin, made.ID, func(a *proofback.Advertiser) { a.TimeZone = "Mars/Olympus" })
	wantCode(t, err, proofback.CodeInvalid, "timeZone")
	_, err = s.UpdateAdvertiser(t.Context(), admin, uuid.New(), func(*proofback.Advertiser) {})
	wantCode(t, err, proofback.CodeNotFound, "id")
}

func TestPartnersSeeThemselvesAlone(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	shop, other := newAdvertiser(t, s, "Shop 100%"), newAdvertiser(t, s, "Other")
	blog := newAffiliate(t, s, "Blog")
	newAffiliate(t, s, "Rival")

	for _, tt := range []struct {
		name                    string
		actor                   proofback.Actor
		advertisers, affiliates int
	}{
		{"staff", manager, 2, 2},
		{"advertiser", asAdvertiser(shop.ID), 1, 0},
		{"affiliate", asAffiliate(blog.ID), 0, 1},
	} {
		advertisers, err := s.Advertisers(t.Context(), tt.actor, proofback.PartnerFilter{}, all)
		if err != nil || len(advertisers.Items) != tt.advertisers {
			t.Errorf("%s sees advertisers %v, %v", tt.name, advertisers.Items, err)
		}
		affiliates, err := s.Affiliates(t.Context(), tt.actor, proofback.PartnerFilter{}, all)
		if err != nil || len(affiliates.Items) != tt.affiliates {
			t.Errorf("%s sees affiliates %v, %v", tt.name, affiliates.Items, err)
		}
	}
	found, err := s.Advertisers(t.Context(), admin, proofback.PartnerFilter{Search: "100%", Status: proofback.PartnerActive}, all)
	if err != nil || len(found.Items) != 1 || found.Items[0].ID != shop.ID {
		t.Errorf("searching found %v, %v", found.Items, err)
	}
	hidden, err := s.AdvertisersByID(t.Context(), asAdvertiser(shop.ID), []uuid.UUID{other.ID})
	if err != nil || len(hidden) != 0 {
		t.Errorf("an advertiser sees another: %v, %v", hidden, err)
	}
	if _, err := s.CreateAffiliate(t.Context(), asAffiliate(blog.ID), proofback.Affiliate{Name: "x"}); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("an affiliate made an affiliate: %v", err)
	}
	if _, err := s.Affiliates(t.Context(), proofback.Actor{}, proofback.PartnerFilter{}, all); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("nobody listed affiliates: %v", err)
	}
}

func TestPagesReachEveryRowOnceFromBothEnds(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	var want []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		newAffiliate(t, s, name)
		want = append([]string{name}, want...)
	}
	place := func(a *proofback.Affiliate) *proofback.Cursor { return &proofback.Cursor{ID: a.ID} }
	var forward, backward []string
	for p := (proofback.Page{Limit: 2}); ; {
		w, err := s.Affiliates(t.Context(), admin, proofback.PartnerFilter{}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range w.Items {
			forward = append(forward, a.Name)
		}
		if !w.HasMore {
			break
		}
		p.After = place(w.Items[len(w.Items)-1])
	}
	for p := (proofback.Page{Limit: 2, Backward: true}); ; {
		w, err := s.Affiliates(t.Context(), admin, proofback.PartnerFilter{}, p)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range w.Items {
			names = append(names, a.Name)
		}
		backward = append(names, backward...)
		if !w.HasMore {
			break
		}
		p.Before = place(w.Items[0])
	}
	if diff := cmp.Diff(want, forward); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, backward); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyAdminsMakeStaff(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	blog := newAffiliate(t, s, "Blog")
	user := func(email string, role proofback.Role, affiliate uuid.UUID) db.NewUser {
		return db.NewUser{
			User:     proofback.User{Email: email, Role: role, AffiliateID: affiliate},
			Password: "correct horse",
			Hash:     func(context.Context, string) (string, error) { return "hash", nil },
		}
	}
	if _, err := s.CreateUser(t.Context(), admin, user("m@net.example", proofback.RoleManager, uuid.Nil)); err != nil {
		t.Error(err)
	}
	_, err := s.CreateUser(t.Context(), manager, user("n@net.example", proofback.RoleManager, uuid.Nil))
	wantCode(t, err, proofback.CodeForbidden)
	made, err := s.CreateUser(t.Context(), manager, user("b@blog.example", proofback.RoleAffiliate, blog.ID))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateUser(t.Context(), manager, user("b@blog.example", proofback.RoleAffiliate, blog.ID))
	wantCode(t, err, proofback.CodeConflict, "email")
	_, err = s.CreateUser(t.Context(), admin, user("c@blog.example", proofback.RoleAffiliate, uuid.New()))
	wantCode(t, err, proofback.CodeNotFound, "affiliateId")
	_, err = s.CreateUser(t.Context(), admin, user("c@blog.example", proofback.RoleAffiliate, uuid.Nil))
	wantCode(t, err, proofback.CodeInvalid, "role")

	for actor, want := range map[proofback.Actor]int{admin: 2, asAffiliate(blog.ID): 1, asAdvertiser(uuid.New()): 0} {
		users, err := s.Users(t.Context(), actor, proofback.UserFilter{}, all)
		if err != nil || len(users.Items) != want {
			t.Errorf("%s sees users %v, %v", actor.Role, users.Items, err)
		}
		if got, err := s.UsersByID(t.Context(), actor, []uuid.UUID{made.ID}); err != nil || len(got) != min(want, 1) {
			t.Errorf("%s sees the user %v, %v", actor.Role, got, err)
		}
	}
}
