package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
		if a.Currency != before.Currency && a.MinimumPayout != "" { // which would come to be so much of the other one
			e := proofback.Errorf(proofback.CodeConflict, "at least %s %s are paid to this affiliate: take its own minimum away first (setMinimumPayout), and set it anew in %s",
				a.MinimumPayout, before.Currency, a.Currency)
			e.Field = []string{"currency"}
			return e
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
	return found, s.readOnce(ctx, actor, affiliatesByID(actor, ids, func(a *proofback.Affiliate) {
		if !actor.SeesPayout() {
			a.MinimumPayout = ""
		}
		found[a.ID] = a
	}))
}

// affiliatesByID finds affiliates that the actor may see: an advertiser those who have
// links to its offers.
func affiliatesByID(a proofback.Actor, ids []uuid.UUID, take func(*proofback.Affiliate)) pageQuery {
	values := parameters{ids}
	visible := "TRUE"
	switch {
	case a.Role == proofback.RoleAdvertiser:
		visible = `EXISTS (
				SELECT 1
				FROM tracking_links AS l
				JOIN offers AS o ON o.id = l.offer_id
				WHERE l.affiliate_id = a.id
				AND o.advertiser_id = ` + values.add(a.AdvertiserID) + `)`
	case !a.IsStaff():
		visible = "a.id = " + values.add(a.AffiliateID)
	}
	return pageQuery{
		sql: `
			SELECT a.id, a.name, a.status, a.currency, a.created_at, coalesce(a.minimum_payout::text, '')
			FROM affiliates AS a
			WHERE a.id = ANY ($1)
			AND ` + visible,
		args: values,
		read: func(rows pgx.Rows) error {
			for rows.Next() {
				var r affiliateRow
				if err := rows.Scan(&r.ID, &r.Name, &r.Status, &r.Currency, &r.CreatedAt, &r.MinimumPayout); err != nil {
					return err
				}
				take(r.value())
			}
			return rows.Err()
		},
	}
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
