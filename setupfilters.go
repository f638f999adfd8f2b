package proofback

import "github.com/google/uuid"

// PartnerFilter narrows a list of advertisers or affiliates; zero fields do not.
type PartnerFilter struct {
	Search string // part of the name, in any case
	Status PartnerStatus
}

// UserFilter narrows a list of users; zero fields do not.
type UserFilter struct {
	Search       string // part of the e-mail address
	Role         Role
	AffiliateID  uuid.UUID
	AdvertiserID uuid.UUID
	Disabled     *bool
}

// AccessFilter narrows a list of accesses to offers; zero fields do not.
type AccessFilter struct {
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	Status      AccessStatus
}

// LinkFilter narrows a list of tracking links; zero fields do not.
type LinkFilter struct {
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	Archived    *bool
}

// DestinationFilter narrows a list of destinations; zero fields do not.
type DestinationFilter struct {
	AffiliateID uuid.UUID
	OfferID     uuid.UUID
	Enabled     *bool
	Archived    *bool
}
