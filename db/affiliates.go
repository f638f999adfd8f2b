package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// CreateAffiliate takes on an affiliate. Left out: the network's currency.
func (s *Store) CreateAffiliate(ctx context.Context, actor proofback.Actor, a proofback.Affiliate) (*proofback.Affiliate, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	a.ID, a.CreatedAt, a.Status = newID(), s.clock(), proofback.PartnerActive
	if a.Currency == "" {
		a.Currency = s.currency
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := newAffiliateRow(&a)
		tx.changed(proofback.KindAffiliate, a.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// UpdateAffiliate lets change alter an affiliate as it stands.
func (s *Store) UpdateAffiliate(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.Affiliate)) (*proofback.Affiliate, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	var a *proofback.Affiliate
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &affiliateRow{}
		err := tx.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx)
		if err != nil {
			return missing(err, "affiliate", "id")
		}
		a = row.value()
		before := newAffiliateRow(a)
		change(a)
		if err := a.Validate(); err != nil {
			return err
		}
		after := newAffiliateRow(a)
		tx.changed(proofback.KindAffiliate, id, before, after)
		_, err = tx.NewUpdate().
			Model(after).
			Column("name", "status", "currency").
			Where("id = ?", id).
			Exec(ctx)
		return err
	})
	return a, err
}

// Affiliates lists affiliates, newest first: all to staff, itself to an
// affiliate, none to advertisers.
func (s *Store) Affiliates(ctx context.Context, actor proofback.Actor, f proofback.PartnerFilter, p proofback.Page) (proofback.Window[*proofback.Affiliate], error) {
	var w proofback.Window[*proofback.Affiliate]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []affiliateRow
		q := tx.NewSelect().Model(&rows)
		if !actor.IsStaff() {
			q.Where("affiliate.id = ?", actor.AffiliateID)
		}
		err := pageByID(partnersLike(q, f), "affiliate.id", p).Scan(ctx)
		w = window(p, rows, (*affiliateRow).value)
		return err
	})
	return w, err
}

// AffiliatesByID gives those of ids that the actor may see: all to staff, itself
// to an affiliate, and to an advertiser those with a link to one of its offers.
func (s *Store) AffiliatesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Affiliate, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.Affiliate, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []affiliateRow
		q := tx.NewSelect().Model(&rows).Where("affiliate.id IN (?)", bun.List(ids))
		switch {
		case actor.Role == proofback.RoleAdvertiser:
			q.Where(`EXISTS (
				SELECT 1
				FROM tracking_links AS l
				JOIN offers AS o ON o.id = l.offer_id
				WHERE l.affiliate_id = affiliate.id
				  AND o.advertiser_id = ?)`, actor.AdvertiserID)
		case !actor.IsStaff():
			q.Where("affiliate.id = ?", actor.AffiliateID)
		}
		err := q.Scan(ctx)
		for i := range rows {
			a := rows[i].value()
			if !actor.SeesPayout() {
				a.MinimumPayout = ""
			}
			found[a.ID] = a
		}
		return err
	})
	return found, err
}

func newAffiliateRow(a *proofback.Affiliate) *affiliateRow {
	return &affiliateRow{ID: a.ID, Name: a.Name, Status: a.Status, Currency: a.Currency, CreatedAt: a.CreatedAt}
}

// actingAffiliate says for which affiliate something is to be done: an
// affiliate's user acts for its own, which it may leave out; staff name one.
func actingAffiliate(actor proofback.Actor, named uuid.UUID) (uuid.UUID, error) {
	switch {
	case actor.IsAnonymous():
		return uuid.Nil, proofback.ErrUnauthenticated
	case actor.IsStaff() && named == uuid.Nil:
		return uuid.Nil, proofback.Invalid([]string{"affiliateId"}, "say for which affiliate")
	case actor.IsStaff():
		return named, nil
	case actor.Role != proofback.RoleAffiliate:
		return uuid.Nil, proofback.Errorf(proofback.CodeForbidden, "only affiliates, and staff for them, may do this")
	case named != uuid.Nil && named != actor.AffiliateID:
		return uuid.Nil, proofback.Errorf(proofback.CodeForbidden, "an affiliate acts for itself alone")
	}
	return actor.AffiliateID, nil
}
