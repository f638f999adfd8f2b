package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// RequestAccess asks for an affiliate's access to an offer; a public one gives
// it at once. Asking again changes nothing; after a refusal only staff can.
func (s *Store) RequestAccess(ctx context.Context, actor proofback.Actor, offer, affiliate uuid.UUID) (*proofback.Access, error) {
	affiliate, err := actingAffiliate(actor, affiliate)
	if err != nil {
		return nil, err
	}
	var a proofback.Access
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		o := &offerRow{}
		if err := visibleOffers(tx.NewSelect().Model(o), actor, onOffer).Where("offer.id = ?", offer).Scan(ctx); err != nil {
			return missing(err, "offer", "offerId")
		}
		row := &accessRow{ID: newID(), OfferID: offer, AffiliateID: affiliate, Status: proofback.AccessPending, RequestedAt: tx.now}
		if o.Access == proofback.OfferPublic {
			row.Status, row.DecidedAt = proofback.AccessApproved, tx.now
		}
		made, err := tx.NewInsert().Model(row).On("CONFLICT ON CONSTRAINT offer_access_once DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		err = tx.NewSelect().
			Model(row).
			Where("offer_id = ?", offer).
			Where("affiliate_id = ?", affiliate).
			Scan(ctx)
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			tx.touched(proofback.KindOfferAccess, row.ID) // it was there before
		} else {
			tx.changed(proofback.KindOfferAccess, row.ID, nil, row)
		}
		if a = row.value(); a.Status == proofback.AccessRejected {
			return &proofback.Error{Code: proofback.CodeConflict, Field: []string{"offerId"}, Message: "access to this offer was refused: ask the network"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// Decision is the answer to an affiliate that wants to run an offer.
type Decision struct {
	OfferID     uuid.UUID
	AffiliateID uuid.UUID
	Status      proofback.AccessStatus // APPROVED or REJECTED
	Reason      string
}

// DecideAccess lets an affiliate into an offer or keeps it out, whether it has
// asked or not.
func (s *Store) DecideAccess(ctx context.Context, actor proofback.Actor, d Decision) (*proofback.Access, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	if d.Status != proofback.AccessApproved && d.Status != proofback.AccessRejected {
		return nil, proofback.Invalid([]string{"status"}, "the answer is APPROVED or REJECTED")
	}
	row := &accessRow{
		ID:          newID(),
		OfferID:     d.OfferID,
		AffiliateID: d.AffiliateID,
		Status:      d.Status,
		Reason:      d.Reason,
		DecidedBy:   actor.UserID,
	}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row.RequestedAt, row.DecidedAt = tx.now, tx.now
		var before []accessRow
		err := tx.NewSelect().
			Model(&before).
			Where("offer_id = ?", d.OfferID).
			Where("affiliate_id = ?", d.AffiliateID).
			For("UPDATE").
			Scan(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewInsert().
			Model(row).
			On("CONFLICT ON CONSTRAINT offer_access_once DO UPDATE").
			Set("status = EXCLUDED.status").
			Set("reason = EXCLUDED.reason").
			Set("decided_at = EXCLUDED.decided_at").
			Set("decided_by = EXCLUDED.decided_by").
			Returning("*").
			Exec(ctx)
		tx.changed(proofback.KindOfferAccess, row.ID, first(before), row)
		return err
	})
	if err != nil {
		return nil, err
	}
	a := row.value()
	return &a, nil
}

// Accesses lists who has asked for which offer, newest first: all to staff, its
// own to an affiliate, none to advertisers.
func (s *Store) Accesses(ctx context.Context, actor proofback.Actor, f proofback.AccessFilter, p proofback.Page) (proofback.Window[*proofback.Access], error) {
	var w proofback.Window[*proofback.Access]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []accessRow
		q := ofAffiliate(tx.NewSelect().Model(&rows), actor)
		if f.OfferID != uuid.Nil {
			q.Where("access.offer_id = ?", f.OfferID)
		}
		if f.AffiliateID != uuid.Nil {
			q.Where("access.affiliate_id = ?", f.AffiliateID)
		}
		if f.Status != "" {
			q.Where("access.status = ?", f.Status)
		}
		err := pageByID(q, "access.id", p).Scan(ctx)
		w = window(p, rows, accessPointer)
		return err
	})
	return w, err
}

// AccessesByID gives those of ids that the actor may see.
func (s *Store) AccessesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Access, error) {
	return s.accesses(ctx, actor, ids, "access.id", func(r *accessRow) uuid.UUID { return r.ID })
}

// OwnAccess gives the asking affiliate's access to offers, by offer; nothing to
// others.
func (s *Store) OwnAccess(ctx context.Context, actor proofback.Actor, offers []uuid.UUID) (map[uuid.UUID]*proofback.Access, error) {
	if actor.Role != proofback.RoleAffiliate {
		return nil, nil
	}
	return s.accesses(ctx, actor, offers, "access.offer_id", func(r *accessRow) uuid.UUID { return r.OfferID })
}

func (s *Store) accesses(ctx context.Context, actor proofback.Actor, ids []uuid.UUID, column string, key func(*accessRow) uuid.UUID) (map[uuid.UUID]*proofback.Access, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.Access, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []accessRow
		err := ofAffiliate(tx.NewSelect().Model(&rows), actor).
			Where("? IN (?)", bun.Ident(column), bun.List(ids)).
			Scan(ctx)
		for i := range rows {
			found[key(&rows[i])] = accessPointer(&rows[i])
		}
		return err
	})
	return found, err
}

func accessPointer(r *accessRow) *proofback.Access {
	a := r.value()
	return &a
}

// ofAffiliate narrows a query of what belongs to affiliates alone: all to
// staff, its own to an affiliate, none to advertisers.
func ofAffiliate(q *bun.SelectQuery, actor proofback.Actor) *bun.SelectQuery {
	switch {
	case actor.IsStaff():
		return q
	case actor.Role == proofback.RoleAffiliate:
		return q.Where("?TableAlias.affiliate_id = ?", actor.AffiliateID)
	}
	return q.Where("FALSE")
}
