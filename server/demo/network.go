package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// all is more than any of our lists has.
var all = proofback.Page{Limit: proofback.MaxPage}

// network makes partners, offers, access, links and users: those that an
// interrupted load did not make. A user that somebody else made is left alone.
func (l *loader) network(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		l.makeAdvertisers, l.makeAffiliates, l.makeUsers, l.makeOffers, l.makeAccesses, l.makeLinks,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	var err error
	l.setup, err = l.past.NewSetup(ctx)
	return err
}

// remember keeps the id of what was found or made under its name.
func remember[T any](l *loader, w proofback.Window[T], err error, name func(T) (string, uuid.UUID)) error {
	for _, v := range w.Items {
		key, id := name(v)
		l.names[key] = id
	}
	return err
}

func (l *loader) makeAdvertisers(ctx context.Context) error {
	known, err := l.past.Advertisers(ctx, proofback.System(), proofback.PartnerFilter{}, all)
	err = remember(l, known, err, func(a *proofback.Advertiser) (string, uuid.UUID) { return a.Name, a.ID })
	for _, a := range advertisers {
		if err != nil || l.names[a.Name] != uuid.Nil {
			continue
		}
		var made *proofback.Advertiser
		if made, _, err = l.past.CreateAdvertiser(ctx, proofback.System(), a); err == nil {
			l.names[made.Name] = made.ID
		}
	}
	return err
}

func (l *loader) makeAffiliates(ctx context.Context) error {
	known, err := l.past.Affiliates(ctx, proofback.System(), proofback.PartnerFilter{}, all)
	err = remember(l, known, err, func(a *proofback.Affiliate) (string, uuid.UUID) { return a.Name, a.ID })
	for _, a := range affiliates {
		if err != nil || l.names[a.Name] != uuid.Nil {
			continue
		}
		var made *proofback.Affiliate
		if made, err = l.past.CreateAffiliate(ctx, proofback.System(), a); err == nil {
			l.names[made.Name] = made.ID
		}
	}
	return err
}

// makeUsers hashes passwords side by side: each takes its time on purpose.
func (l *loader) makeUsers(ctx context.Context) error {
	var g errgroup.Group
	for _, s := range SignIns {
		u := proofback.User{Email: s.Email, Role: s.Role}
		switch s.Role {
		case proofback.RoleAffiliate:
			u.AffiliateID = l.names[s.Of]
		case proofback.RoleAdvertiser:
			u.AdvertiserID = l.names[s.Of]
		}
		g.Go(func() error {
			_, err := l.past.CreateUser(ctx, proofback.System(), db.NewUser{User: u, Password: Password, Hash: l.Hash})
			if proofback.CodeOf(err) == proofback.CodeConflict {
				return nil // it is there
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	known, err := l.past.Users(ctx, proofback.System(), proofback.UserFilter{Search: managerEmail}, all)
	if err != nil {
		return err
	}
	l.manager = proofback.System()
	for _, u := range known.Items {
		if u.Email == managerEmail && u.Role == proofback.RoleManager {
			l.manager = proofback.Actor{Role: u.Role, UserID: u.ID}
		}
	}
	return nil
}

func (l *loader) makeOffers(ctx context.Context) error {
	known, err := l.past.Offers(ctx, proofback.System(), proofback.OfferFilter{}, all)
	err = remember(l, known, err, func(o *proofback.Offer) (string, uuid.UUID) { return o.Terms.Name, o.ID })
	for _, o := range offers(l.PublicURL, l.Store.Currency()) {
		if err != nil || l.names[o.terms.Name] != uuid.Nil {
			continue
		}
		var made *proofback.Offer
		if made, err = l.past.CreateOffer(ctx, l.manager, l.names[o.advertiser], o.terms); err == nil {
			l.names[o.terms.Name] = made.ID
		}
	}
	return err
}

// makeAccesses has staff decide who may run an offer, but for those who wait.
// Both may be done again.
func (l *loader) makeAccesses(ctx context.Context) error {
	for _, a := range accesses {
		var err error
		if a.status == proofback.AccessPending {
			_, err = l.past.RequestAccess(ctx, l.manager, l.names[a.offer], l.names[a.affiliate])
		} else {
			_, err = l.past.DecideAccess(ctx, l.manager, db.Decision{
				OfferID: l.names[a.offer], AffiliateID: l.names[a.affiliate], Status: a.status, Reason: a.reason,
			})
		}
		if err != nil {
			return fmt.Errorf("access of %s to %s: %w", a.affiliate, a.offer, err)
		}
	}
	return nil
}

func (l *loader) makeLinks(ctx context.Context) error {
	for _, want := range links {
		known, err := l.past.TrackingLinks(ctx, proofback.System(), proofback.LinkFilter{
			OfferID: l.names[want.offer], AffiliateID: l.names[want.affiliate],
		}, all)
		if err != nil {
			return err
		}
		for _, k := range known.Items {
			if k.Name == want.name {
				want.code = k.Code
			}
		}
		if len(known.Items) == 0 {
			made, err := l.past.CreateTrackingLink(ctx, proofback.System(), proofback.TrackingLink{
				OfferID: l.names[want.offer], AffiliateID: l.names[want.affiliate], Name: want.name, Code: want.code,
			})
			if err != nil {
				return fmt.Errorf("link %s: %w", want.name, err)
			}
			want.code = made.Code
		}
		l.links = append(l.links, want)
	}
	return nil
}
