package proofback

import (
	"errors"
	"testing"

	"github.com/google/uuid"
)

func TestARoleMustFitItsPartner(t *testing.T) {
	t.Parallel()
	partner := uuid.New()
	for _, tt := range []struct {
		actor Actor
		fits  bool
	}{
		{Actor{Role: RoleAdmin}, true},
		{Actor{Role: RoleManager}, true},
		{System(), true},
		{Actor{Role: RoleAffiliate, AffiliateID: partner}, true},
		{Actor{Role: RoleAdvertiser, AdvertiserID: partner}, true},
		{Actor{}, false},
		{Actor{Role: "OWNER"}, false},
		{Actor{Role: RoleAffiliate}, false},
		{Actor{Role: RoleAdvertiser, AffiliateID: partner}, false},
		{Actor{Role: RoleAffiliate, AffiliateID: partner, AdvertiserID: partner}, false},
		{Actor{Role: RoleAdmin, AffiliateID: partner}, false},
		{Actor{Role: RoleManager, AdvertiserID: partner}, false},
	} {
		if err := tt.actor.Validate(); (err == nil) != tt.fits {
			t.Errorf("%+v: %v, fits should be %v", tt.actor, err, tt.fits)
		}
	}
}

func TestWhoMayDoAndSeeWhat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		role                   Role
		staff, signedIn        Code
		seesRevenue, seesMoney bool
	}{
		{"", CodeUnauthenticated, CodeUnauthenticated, false, false},
		{RoleAdmin, "", "", true, true},
		{RoleManager, "", "", true, true},
		{RoleSystem, "", "", true, true},
		{RoleAffiliate, CodeForbidden, "", false, true},
		{RoleAdvertiser, CodeForbidden, "", true, false},
	} {
		a := Actor{Role: tt.role}
		if got := CodeOf(a.RequireStaff()); got != tt.staff {
			t.Errorf("%q as staff: %q, want %q", tt.role, got, tt.staff)
		}
		if got := CodeOf(a.RequireSignedIn()); got != tt.signedIn {
			t.Errorf("%q signed in: %q, want %q", tt.role, got, tt.signedIn)
		}
		if a.SeesRevenue() != tt.seesRevenue || a.SeesPayout() != tt.seesMoney {
			t.Errorf("%q sees revenue %v and payout %v", tt.role, a.SeesRevenue(), a.SeesPayout())
		}
	}
}

func TestErrorsSayWhatMayBeShownAndKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	err := Internal("store a click", cause)
	if CodeOf(err) != CodeInternal || !errors.Is(err, cause) || err.Message == cause.Error() {
		t.Errorf("%v (%s)", err, err.Message)
	}
	if got := CodeOf(errors.New("anything")); got != CodeInternal {
		t.Errorf("an unknown error is %s", got)
	}
	if got := NotFound("offer").Error(); got != "there is no such offer" {
		t.Error(got)
	}
	var p Problems
	if p.Err() != nil || p.Error() == "" {
		t.Error("no problems are an error, or have nothing to say")
	}
	p.Add([]string{"goals", "0"}, "wrong %d", 1)
	one := p.Error()
	p.Add(nil, "wrong too")
	if one != "wrong 1" || p.Error() != "wrong 1 (and 1 more)" || CodeOf(p.Err()) != CodeInvalid {
		t.Errorf("%q, %q, %s", one, p.Error(), CodeOf(p.Err()))
	}
}
