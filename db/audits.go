package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// auditRow is a row of redirect_audits.
type auditRow struct {
	bun.BaseModel `bun:"table:redirect_audits,alias:audit"`

	ID           uuid.UUID         `bun:"id,pk"`
	OfferID      uuid.UUID         `bun:"offer_id"`
	AdvertiserID uuid.UUID         `bun:"advertiser_id"`
	TermsID      uuid.UUID         `bun:"terms_id"`
	At           time.Time         `bun:"at"`
	ByUser       uuid.UUID         `bun:"by_user,nullzero"`
	Verdict      proofback.Verdict `bun:"verdict"`
	Survived     bool              `bun:"survived"`
	Hops         []proofback.Hop   `bun:"hops,type:jsonb"`
}

func (r *auditRow) value() *proofback.RedirectAudit {
	return &proofback.RedirectAudit{
		ID: r.ID, OfferID: r.OfferID, AdvertiserID: r.AdvertiserID, TermsID: r.TermsID,
		At: r.At.UTC(), ByUser: r.ByUser, Hops: r.Hops,
	}
}

// AuditTerms gives the terms in force of an offer whose landing URL is to be
// walked, to staff and to the offer's advertiser.
func (s *Store) AuditTerms(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.Terms, error) {
	if err := actor.RequireOfferSide(); err != nil {
		return nil, err
	}
	var terms termsRow
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var row offerRow
		err := visibleOffers(tx.NewSelect().Model(&row), actor, onOffer).Where("offer.id = ?", offer).Scan(ctx)
		if err != nil {
			return missing(err, "offer", "offerId")
		}
		return tx.NewSelect().Model(&terms).Where("id = ?", row.TermsID).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return terms.value(), nil
}

// RecordAudit keeps an audit by the actor, of an offer that it may audit.
func (s *Store) RecordAudit(ctx context.Context, actor proofback.Actor, a *proofback.RedirectAudit) error {
	if err := actor.RequireOfferSide(); err != nil {
		return err
	}
	c := a.Conclude()
	row := &auditRow{
		ID: a.ID, OfferID: a.OfferID, AdvertiserID: a.AdvertiserID, TermsID: a.TermsID, At: a.At, ByUser: actor.UserID,
		Verdict: c.Verdict, Survived: c.Survived, Hops: a.Hops,
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if err := tx.requireOffer(ctx, a.OfferID); err != nil {
			return err
		}
		tx.touched(proofback.KindOffer, a.OfferID)
		tx.touched(proofback.KindRedirectAudit, a.ID)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
}

// OffersToAudit gives active offers, at most limit, that no audit has been made of
// since a moment. Only for Proofback itself.
func (s *Store) OffersToAudit(ctx context.Context, actor proofback.Actor, since time.Time, limit int) ([]uuid.UUID, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, proofback.Errorf(proofback.CodeForbidden, "audits are scheduled by themselves")
	}
	var ids []uuid.UUID
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.NewSelect().
			Model((*offerRow)(nil)).
			Column("id").
			Where("offer.status = ?", proofback.OfferActive).
			Where(`NOT EXISTS (
				SELECT
				FROM redirect_audits AS a
				WHERE a.offer_id = offer.id
				  AND a.id >= ?)`, proofback.UUIDFloor(since)).
			OrderExpr("offer.id").
			Limit(int64(limit)).
			Scan(ctx, &ids)
	})
	return ids, err
}

// RedirectAudits lists audits, newest first: all to staff, those of its own
// offers to an advertiser, none to affiliates.
func (s *Store) RedirectAudits(ctx context.Context, actor proofback.Actor, f proofback.AuditFilter, p proofback.Page) (proofback.Window[*proofback.RedirectAudit], error) {
	var w proofback.Window[*proofback.RedirectAudit]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []auditRow
		q := ownAudits(tx.NewSelect().Model(&rows), actor)
		if f.OfferID != uuid.Nil {
			q.Where("audit.offer_id = ?", f.OfferID)
		}
		if f.Survived != nil {
			q.Where("audit.survived = ?", *f.Survived)
		}
		err := pageByID(q, "audit.id", p).Scan(ctx)
		w = window(p, rows, (*auditRow).value)
		return err
	})
	return w, err
}

// RedirectAuditsByID gives those of ids that the actor may see.
func (s *Store) RedirectAuditsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.RedirectAudit, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]auditRow) *bun.SelectQuery { return ownAudits(tx.NewSelect().Model(rows), actor) },
		func(r *auditRow) (uuid.UUID, *proofback.RedirectAudit) { return r.ID, r.value() })
}

// ownAudits keeps to the audits that the actor may see.
func ownAudits(q *bun.SelectQuery, a proofback.Actor) *bun.SelectQuery {
	if a.Role == proofback.RoleAffiliate {
		return q.Where("FALSE")
	}
	return ownRows(q, a, "audit")
}
