package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// linkCodeLength gives a code of 50 random bits: short enough to be read out,
// too many to be counted through.
const linkCodeLength = 10

// CreateTrackingLink makes an affiliate's link to an offer that it can see. A
// link may be there before access is: its clicks are kept from the offer until.
// Its code is a new one; only Proofback itself may choose one.
func (s *Store) CreateTrackingLink(ctx context.Context, actor proofback.Actor, l proofback.TrackingLink) (*proofback.TrackingLink, error) {
	affiliate, err := actingAffiliate(actor, l.AffiliateID)
	if err != nil {
		return nil, err
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	l.ID, l.CreatedAt, l.AffiliateID = newID(), s.clock(), affiliate
	if l.Code == "" || actor.Role != proofback.RoleSystem {
		l.Code = strings.ToLower(rand.Text()[:linkCodeLength])
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.requireOffer(ctx, l.OfferID); err != nil {
			return err
		}
		row := &linkRow{ID: l.ID, Code: l.Code, OfferID: l.OfferID, AffiliateID: l.AffiliateID, Name: l.Name, CreatedAt: l.CreatedAt}
		tx.changed(proofback.KindTrackingLink, l.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// UpdateTrackingLink lets change alter a link's name and whether it is archived. The
// visitors of an archived one are kept from the offer, from the next click on.
func (s *Store) UpdateTrackingLink(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.TrackingLink)) (*proofback.TrackingLink, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var l *proofback.TrackingLink
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &linkRow{}
		if actor.Role == proofback.RoleAdvertiser { // which has none, and may lock none
			return missing(sql.ErrNoRows, "tracking link", "id")
		}
		if err := ofAffiliate(tx.NewSelect().Model(row), actor).Where("link.id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "tracking link", "id")
		}
		l = linkPointer(row)
		change(l)
		if err := l.Validate(); err != nil {
			return err
		}
		before := *row
		row.Name, row.ArchivedAt = l.Name, since(l.Archived, row.ArchivedAt, tx.now)
		tx.changed(proofback.KindTrackingLink, id, &before, row)
		_, err := tx.NewUpdate().Model(row).Column("name", "archived_at").WherePK().Exec(ctx)
		return err
	})
	return l, err
}

// since is when something that is so began: it goes on, begins now, or is over.
func since(so bool, before, now time.Time) time.Time {
	switch {
	case !so:
		return time.Time{}
	case before.IsZero():
		return now
	}
	return before
}

// requireOffer refuses an offer that the actor cannot see, as input offerId.
func (t *tx) requireOffer(ctx context.Context, id uuid.UUID) error {
	known, err := visibleOffers(t.NewSelect().Model((*offerRow)(nil)), t.actor, onOffer).
		Where("offer.id = ?", id).
		Exists(ctx)
	if err == nil && !known {
		return unknown("offer", "offerId")
	}
	return err
}

// TrackingLinks lists links, newest first: all to staff, its own to an
// affiliate, none to advertisers.
func (s *Store) TrackingLinks(ctx context.Context, actor proofback.Actor, f proofback.LinkFilter, p proofback.Page) (proofback.Window[*proofback.TrackingLink], error) {
	var w proofback.Window[*proofback.TrackingLink]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []linkRow
		q := ofAffiliate(tx.NewSelect().Model(&rows), actor)
		if f.OfferID != uuid.Nil {
			q.Where("link.offer_id = ?", f.OfferID)
		}
		if f.AffiliateID != uuid.Nil {
			q.Where("link.affiliate_id = ?", f.AffiliateID)
		}
		if f.Archived != nil {
			q.Where("(link.archived_at IS NOT NULL) = ?", *f.Archived)
		}
		err := pageByID(q, "link.id", p).Scan(ctx)
		w = window(p, rows, linkPointer)
		return err
	})
	return w, err
}

// TrackingLinksByID gives those of ids that the actor may see: all to staff, its
// own to an affiliate, and to an advertiser those to its offers, because its
// clicks name them.
func (s *Store) TrackingLinksByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.TrackingLink, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.TrackingLink, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []linkRow
		q := tx.NewSelect().Model(&rows).Where("link.id IN (?)", bun.List(ids))
		if actor.Role == proofback.RoleAdvertiser {
			q.Where(`EXISTS (
				SELECT 1
				FROM offers AS o
				WHERE o.id = link.offer_id
				  AND o.advertiser_id = ?)`, actor.AdvertiserID)
		} else {
			q = ofAffiliate(q, actor)
		}
		err := q.Scan(ctx)
		for i := range rows {
			found[rows[i].ID] = linkPointer(&rows[i])
		}
		return err
	})
	return found, err
}

func linkPointer(r *linkRow) *proofback.TrackingLink {
	l := r.value()
	return &l
}
