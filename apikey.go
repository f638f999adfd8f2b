package proofback

import (
	"time"

	"github.com/google/uuid"
)

// KeyScope is what an API key is good for, within its role.
type KeyScope string

const (
	ScopeRead  KeyScope = "READ"  // asking
	ScopeWrite KeyScope = "WRITE" // asking and changing
)

// APIKeyPrefix is what API keys begin with, so that they are told from access tokens,
// and found where somebody has left one lying about.
const APIKeyPrefix = "pbk_"

// APIKey is a key by which a server acts. It acts for the network or a partner, and
// goes on when the person who made it leaves.
type APIKey struct {
	ID   uuid.UUID
	Name string
	Role Role
	// AffiliateID is set for RoleAffiliate, AdvertiserID for RoleAdvertiser.
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	Scope        KeyScope
	Hint         string    // the last characters of the key
	CreatedBy    uuid.UUID // a user; uuid.Nil where it was none, or is no more
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
	LastUsedAt   time.Time // to the minute; zero: never
	RevokedAt    time.Time // zero: it was not
}

// Validate refuses a key that means nothing; now is when it is made or changed.
func (k *APIKey) Validate(now time.Time) error {
	var p Problems
	p.checkName(k.Name, "name")
	checkOneOf(&p, k.Role, []Role{RoleAdmin, RoleManager, RoleAffiliate, RoleAdvertiser}, "role")
	checkOneOf(&p, k.Scope, []KeyScope{ScopeRead, ScopeWrite}, "scope")
	if a := (Actor{Role: k.Role, AffiliateID: k.AffiliateID, AdvertiserID: k.AdvertiserID}); a.Validate() != nil {
		p.Add([]string{"role"}, "the role does not fit the partner: AFFILIATE needs an affiliateId, ADVERTISER an advertiserId, staff neither")
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
		p.Add([]string{"expiresAt"}, "this is over already")
	}
	return p.Err()
}

// Good reports whether the key may be used at a moment.
func (k *APIKey) Good(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || k.ExpiresAt.After(now))
}

// Actor is who acts with the key.
func (k *APIKey) Actor() Actor {
	return Actor{Role: k.Role, AffiliateID: k.AffiliateID, AdvertiserID: k.AdvertiserID, APIKeyID: k.ID, ReadOnly: k.Scope != ScopeWrite}
}

// APIKeyFilter narrows a list of API keys; zero fields do not.
type APIKeyFilter struct {
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	Active       *bool // neither expired nor revoked
}
