package proofback

import "github.com/google/uuid"

// Role says what a caller may do. The first four are claims of an access token.
type Role string

const (
	RoleAdmin      Role = "ADMIN"      // staff who may also manage staff
	RoleManager    Role = "MANAGER"    // staff
	RoleAffiliate  Role = "AFFILIATE"  // a partner that sends clicks
	RoleAdvertiser Role = "ADVERTISER" // a partner that owns offers
	RoleSystem     Role = "SYSTEM"     // Proofback itself: jobs, rules, the demo
)

// Actor is who acts: every Store method takes one and decides by it what may be
// seen and done. The zero Actor is nobody and may do nothing.
type Actor struct {
	Role Role
	// UserID is the signed-in user; uuid.Nil for tokens of an identity provider
	// whose subject is not one of our users, and for RoleSystem.
	UserID uuid.UUID
	// AffiliateID is set for RoleAffiliate, AdvertiserID for RoleAdvertiser.
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	// SessionID is the session that the access token was given out in; uuid.Nil
	// for tokens made otherwise.
	SessionID uuid.UUID
	// APIKeyID is the API key that acts; uuid.Nil where a person does.
	APIKeyID uuid.UUID
	// ReadOnly refuses every change: an API key's scope.
	ReadOnly bool
	// Operation is the mutation or request that is being carried out, for the audit log; "" for
	// what is not told there.
	Operation string
	// RequestID ties what is written to the log line of the request.
	RequestID string
}

// System is the actor for what Proofback does by itself.
func System() Actor { return Actor{Role: RoleSystem} }

// IsStaff reports whether the actor sees and manages the whole network.
func (a Actor) IsStaff() bool {
	return a.Role == RoleAdmin || a.Role == RoleManager || a.Role == RoleSystem
}

// IsAnonymous reports whether nobody is signed in.
func (a Actor) IsAnonymous() bool { return a.Role == "" }

// SeesRevenue reports whether advertiser-side money may be shown to the actor.
// Affiliates never see it, whatever they ask for.
func (a Actor) SeesRevenue() bool { return a.IsStaff() || a.Role == RoleAdvertiser }

// SeesPayout reports whether affiliate-side money may be shown to the actor.
// What the network pays an affiliate is not the advertiser's to know.
func (a Actor) SeesPayout() bool { return a.IsStaff() || a.Role == RoleAffiliate }

// Validate refuses an actor whose role does not fit its ids.
func (a Actor) Validate() error {
	affiliate, advertiser := a.AffiliateID != uuid.Nil, a.AdvertiserID != uuid.Nil
	fits := false
	switch a.Role {
	case RoleAdmin, RoleManager, RoleSystem:
		fits = !affiliate && !advertiser
	case RoleAffiliate:
		fits = affiliate && !advertiser
	case RoleAdvertiser:
		fits = advertiser && !affiliate
	}
	if !fits {
		return Errorf(CodeUnauthenticated, "the role %q does not fit the partner it names", a.Role)
	}
	return nil
}

// RequireStaff is the first line of what only staff may do.
func (a Actor) RequireStaff() error {
	if a.IsAnonymous() {
		return ErrUnauthenticated
	}
	if !a.IsStaff() {
		return Errorf(CodeForbidden, "only staff of the network may do this")
	}
	return nil
}

// RequireAdmin is the first line of what cannot be undone.
func (a Actor) RequireAdmin() error {
	if err := a.RequireStaff(); err != nil {
		return err
	}
	if a.Role != RoleAdmin && a.Role != RoleSystem {
		return Errorf(CodeForbidden, "only an ADMIN may do this")
	}
	return nil
}

// RequirePerson is the first line of what an API key may not do, lest who has found one
// makes more of it.
func (a Actor) RequirePerson() error {
	if a.IsAnonymous() {
		return ErrUnauthenticated
	}
	if a.APIKeyID != uuid.Nil {
		return Errorf(CodeForbidden, "only a person may do this, and no API key")
	}
	return nil
}

// RequireChange refuses who may only read.
func (a Actor) RequireChange() error {
	if a.ReadOnly {
		return Errorf(CodeForbidden, "this API key may only read: it takes one with the scope WRITE")
	}
	return nil
}

// RequireOfferSide is the first line of what staff may do, and an advertiser with
// its own offers.
func (a Actor) RequireOfferSide() error {
	if a.IsAnonymous() {
		return ErrUnauthenticated
	}
	if !a.IsStaff() && a.Role != RoleAdvertiser {
		return Errorf(CodeForbidden, "only staff of the network and the offer's advertiser may do this")
	}
	return nil
}

// RequireSignedIn is the first line of what any signed-in user may do.
func (a Actor) RequireSignedIn() error {
	if a.IsAnonymous() {
		return ErrUnauthenticated
	}
	return nil
}
