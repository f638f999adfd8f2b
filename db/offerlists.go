package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// offerSight says which offers an affiliate is to see.
type offerSight int

const (
	// onOffer: what it can promote or ask for.
	onOffer offerSight = iota
	// evenByLink: those too that it once had a link to, because its clicks and
	// conversions still name them.
	evenByLink
)

// visibleOffers narrows a query of offers (aliased offer) to those that the
// actor may see.
func visibleOffers(q *bun.SelectQuery, actor proofback.Actor, sight offerSight) *bun.SelectQuery {
	switch {
	case actor.IsStaff():
		return q
	case actor.Role == proofback.RoleAdvertiser:
		return q.Where("offer.advertiser_id = ?", actor.AdvertiserID)
	}
	const let = `offer.access <> 'PRIVATE' OR EXISTS (
		SELECT 1
		FROM offer_access AS a
		WHERE a.offer_id = offer.id
		  AND a.affiliate_id = ?
		  AND a.status = 'APPROVED')`
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("offer.status <> 'ARCHIVED' AND ("+let+")", actor.AffiliateID)
		if sight == evenByLink {
			q = q.WhereOr(`EXISTS (
				SELECT 1
				FROM tracking_links AS l
				WHERE l.offer_id = offer.id
				  AND l.affiliate_id = ?)`, actor.AffiliateID)
		}
		return q
	})
}

// Offers lists offers with their terms in force, newest first. An affiliate
// sees its own prices as the goals' payouts, and no revenue; an advertiser no
// payout.
func (s *Store) Offers(ctx context.Context, actor proofback.Actor, f proofback.OfferFilter, p proofback.Page) (proofback.Window[*proofback.Offer], error) {
	var w proofback.Window[*proofback.Offer]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []offerRow
		q := offersLike(visibleOffers(tx.NewSelect().Model(&rows), actor, onOffer), actor, f)
		if err := pageByID(q, "offer.id", p).Scan(ctx); err != nil {
			return err
		}
		offers, err := tx.offersOf(ctx, rows)
		w = window(p, rows, func(r *offerRow) *proofback.Offer { return offers[r.ID] })
		return err
	})
	return w, err
}

// CountOffers counts what Offers lists over all pages.
func (s *Store) CountOffers(ctx context.Context, actor proofback.Actor, f proofback.OfferFilter) (int, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return 0, err
	}
	var n int64
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var err error
		q := visibleOffers(tx.NewSelect().Model((*offerRow)(nil)), actor, onOffer)
		n, err = offersLike(q, actor, f).Count(ctx)
		return err
	})
	return int(n), err
}

func offersLike(q *bun.SelectQuery, actor proofback.Actor, f proofback.OfferFilter) *bun.SelectQuery {
	if f.Search != "" {
		q.Where("offer.name ILIKE ?", contains(f.Search))
	}
	if f.Status != "" {
		q.Where("offer.status = ?", f.Status)
	}
	if f.AdvertiserID != uuid.Nil {
		q.Where("offer.advertiser_id = ?", f.AdvertiserID)
	}
	if f.AccessStatus != "" {
		q.Where(`EXISTS (
			SELECT 1
			FROM offer_access AS own
			WHERE own.offer_id = offer.id
			  AND own.affiliate_id = ?
			  AND own.status = ?)`, actor.AffiliateID, f.AccessStatus)
	}
	return q
}

// offersOf puts together offers with their terms in force, as the actor may see
// them.
func (t *tx) offersOf(ctx context.Context, rows []offerRow) (map[uuid.UUID]*proofback.Offer, error) {
	offers := make(map[uuid.UUID]*proofback.Offer, len(rows))
	if len(rows) == 0 {
		return offers, nil
	}
	ids, termsIDs := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i], termsIDs[i] = rows[i].ID, rows[i].TermsID
	}
	var terms []termsRow
	if err := t.NewSelect().Model(&terms).Where("terms.id IN (?)", bun.List(termsIDs)).Scan(ctx); err != nil {
		return nil, err
	}
	own, err := t.ownPrices(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range terms {
		v := terms[i].value()
		showGoals(t.actor, v.Goals, own, t.now)
		offers[v.OfferID] = &proofback.Offer{ID: v.OfferID, AdvertiserID: v.AdvertiserID, Terms: *v}
	}
	for i := range rows {
		offers[rows[i].ID].CreatedAt = rows[i].CreatedAt.UTC()
	}
	return offers, nil
}

// ownPrices gives an affiliate's own prices for goals of offers, by goal.
func (t *tx) ownPrices(ctx context.Context, offers []uuid.UUID) (map[uuid.UUID][]proofback.PayoutOverride, error) {
	if t.actor.Role != proofback.RoleAffiliate {
		return nil, nil
	}
	var rows []overrideRow
	err := t.NewSelect().
		Model(&rows).
		Where("override.affiliate_id = ?", t.actor.AffiliateID).
		Where("override.offer_id IN (?)", bun.List(offers)).
		Scan(ctx)
	own := map[uuid.UUID][]proofback.PayoutOverride{}
	for i := range rows {
		own[rows[i].GoalID] = append(own[rows[i].GoalID], rows[i].value())
	}
	return own, err
}

// showGoals leaves of goals what the actor may see: money of its own side, at
// its own price.
func showGoals(a proofback.Actor, goals []proofback.Goal, own map[uuid.UUID][]proofback.PayoutOverride, now time.Time) {
	for i := range goals {
		g := &goals[i]
		if overrides := own[g.ID]; len(overrides) > 0 {
			g.Payout = proofback.PayoutAt(g, overrides, now)
		}
		if !a.SeesRevenue() {
			g.Revenue = proofback.Price{}
		}
		if !a.SeesPayout() {
			g.Payout = proofback.Price{}
		}
	}
}
