package db

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// OffersByID gives those of ids that the actor may see, as Offers does, and to an
// affiliate those too that it once had a link to.
func (s *Store) OffersByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Offer, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	offers := make(map[uuid.UUID]*proofback.Offer, len(ids))
	own := map[uuid.UUID][]proofback.PayoutOverride{}
	queries := []pageQuery{s.offersByID(actor, ids, func(o *proofback.Offer) { offers[o.ID] = o })}
	if actor.Role == proofback.RoleAffiliate {
		queries = append(queries, ownPricesOf(actor, ids, func(o proofback.PayoutOverride) { own[o.GoalID] = append(own[o.GoalID], o) }))
	}
	if err := s.readOnce(ctx, actor, queries...); err != nil {
		return nil, err
	}
	now := s.clock()
	for _, o := range offers {
		showGoals(actor, o.Terms.Goals, own, now)
	}
	return offers, nil
}

// offersByID finds offers with their terms in force, which are read once: they never
// change.
func (s *Store) offersByID(a proofback.Actor, ids []uuid.UUID, take func(*proofback.Offer)) pageQuery {
	values := parameters{ids}
	visible := "TRUE"
	switch {
	case a.IsStaff():
	case a.Role == proofback.RoleAdvertiser:
		visible = "o.advertiser_id = " + values.add(a.AdvertiserID)
	default:
		own := values.add(a.AffiliateID)
		visible = `(
				o.status <> 'ARCHIVED' AND (o.access <> 'PRIVATE' OR EXISTS (
					SELECT 1
					FROM offer_access AS a
					WHERE a.offer_id = o.id
					AND a.affiliate_id = ` + own + `
					AND a.status = 'APPROVED'))
				OR EXISTS (
					SELECT 1
					FROM tracking_links AS l
					WHERE l.offer_id = o.id
					AND l.affiliate_id = ` + own + `))`
	}
	return pageQuery{
		sql: `
			SELECT o.id, o.advertiser_id, o.created_at, t.id, t.version, t.created_at, t.body
			FROM offers AS o
			JOIN terms AS t ON t.id = o.terms_id
			WHERE o.id = ANY ($1)
			AND ` + visible,
		args: values,
		read: func(rows pgx.Rows) error {
			for rows.Next() {
				var (
					id, advertiser, terms uuid.UUID
					made, since           time.Time
					row                   termsRow
					body                  []byte
				)
				if err := rows.Scan(&id, &advertiser, &made, &terms, &row.Version, &since, &body); err != nil {
					return err
				}
				read, ok := s.terms.Get(terms)
				if !ok {
					if err := json.Unmarshal(body, &row.Body); err != nil {
						return err
					}
					row.ID, row.OfferID, row.AdvertiserID, row.CreatedAt = terms, id, advertiser, since
					read = row.value()
					s.terms.Add(terms, read)
				}
				o := &proofback.Offer{ID: id, AdvertiserID: advertiser, CreatedAt: made.UTC(), Terms: *read}
				o.Terms.Goals = slices.Clone(read.Goals) // of which each sees what is its own
				take(o)
			}
			return rows.Err()
		},
	}
}

// ownPricesOf finds an affiliate's own prices for goals of offers.
func ownPricesOf(a proofback.Actor, offers []uuid.UUID, take func(proofback.PayoutOverride)) pageQuery {
	return pageQuery{
		sql: `
			SELECT id, affiliate_id, offer_id, goal_id, payout, valid_from, created_at
			FROM payout_overrides
			WHERE affiliate_id = $1
			AND offer_id = ANY ($2)`,
		args: []any{a.AffiliateID, offers},
		read: func(rows pgx.Rows) error {
			for rows.Next() {
				var o proofback.PayoutOverride
				if err := rows.Scan(&o.ID, &o.AffiliateID, &o.OfferID, &o.GoalID, &o.Payout, &o.From, &o.CreatedAt); err != nil {
					return err
				}
				o.From, o.CreatedAt = o.From.UTC(), o.CreatedAt.UTC()
				take(o)
			}
			return rows.Err()
		},
	}
}
