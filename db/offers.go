package db

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// CreateOffer makes an offer of an advertiser with the first version of its
// terms, and tells the ledger. Goals get their ids here.
func (s *Store) CreateOffer(ctx context.Context, actor proofback.Actor, advertiser uuid.UUID, t proofback.Terms) (*proofback.Offer, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	o := &proofback.Offer{ID: newID(), AdvertiserID: advertiser, CreatedAt: s.clock()}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		t.OfferID, t.AdvertiserID, t.Version = o.ID, advertiser, 0
		row := &offerRow{ID: o.ID, AdvertiserID: advertiser, Name: t.Name, Status: t.Status, Access: t.Access, CreatedAt: o.CreatedAt}
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		o.Terms = t
		if err := tx.nameGoals(ctx, &o.Terms); err != nil {
			return err
		}
		tx.changed(proofback.KindOffer, o.ID, nil, o.Terms)
		return tx.nextTerms(ctx, &o.Terms)
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// UpdateOffer lets change alter an offer's terms as they stand and makes the
// next version of what came of it; clicks already made keep theirs. A change of
// nothing makes no version.
func (s *Store) UpdateOffer(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.Terms)) (*proofback.Offer, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	var o *proofback.Offer
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &offerRow{}
		if err := tx.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return missing(err, "offer", "id")
		}
		terms := &termsRow{}
		if err := tx.NewSelect().Model(terms).Where("id = ?", row.TermsID).Scan(ctx); err != nil {
			return err
		}
		o = &proofback.Offer{ID: row.ID, AdvertiserID: row.AdvertiserID, CreatedAt: row.CreatedAt.UTC(), Terms: *terms.value()}
		before, err := json.Marshal(o.Terms)
		if err != nil {
			return err
		}
		change(&o.Terms)
		if err := o.Terms.Validate(); err != nil {
			return err
		}
		if err := tx.nameGoals(ctx, &o.Terms); err != nil {
			return err
		}
		after, err := json.Marshal(o.Terms)
		tx.changed(proofback.KindOffer, id, json.RawMessage(before), json.RawMessage(after))
		if err != nil || bytes.Equal(before, after) {
			return err
		}
		return tx.nextTerms(ctx, &o.Terms)
	})
	return o, err
}

// nextTerms writes t as the next version of its offer's terms, puts it in
// force, and tells the ledger. The caller holds the offer's row.
func (t *tx) nextTerms(ctx context.Context, terms *proofback.Terms) error {
	terms.ID, terms.Version, terms.CreatedAt = newID(), terms.Version+1, t.now
	if _, err := t.NewInsert().Model(newTermsRow(terms, t.actor.UserID)).Exec(ctx); err != nil {
		return err
	}
	_, err := t.NewUpdate().
		Model((*offerRow)(nil)).
		Set("terms_id = ?", terms.ID).
		Set("name = ?", terms.Name).
		Set("status = ?", terms.Status).
		Set("access = ?", terms.Access).
		Where("id = ?", terms.OfferID).
		Exec(ctx)
	if err != nil {
		return err
	}
	return t.record(ctx, terms.Entry())
}

// nameGoals gives each goal of terms the id that its event type has had in this
// offer from the first version on, and new event types new ones.
func (t *tx) nameGoals(ctx context.Context, terms *proofback.Terms) error {
	if len(terms.Goals) == 0 {
		return nil
	}
	rows := make([]goalRow, len(terms.Goals))
	for i, g := range terms.Goals {
		rows[i] = goalRow{ID: newID(), OfferID: terms.OfferID, EventType: g.EventType, CreatedAt: t.now}
	}
	if _, err := t.NewInsert().Model(&rows).On("CONFLICT ON CONSTRAINT goals_event_type DO NOTHING").Exec(ctx); err != nil {
		return err
	}
	var known []goalRow
	if err := t.NewSelect().Model(&known).Where("offer_id = ?", terms.OfferID).Scan(ctx); err != nil {
		return err
	}
	ids := make(map[string]uuid.UUID, len(known))
	for _, g := range known {
		ids[g.EventType] = g.ID
	}
	for i := range terms.Goals {
		terms.Goals[i].ID = ids[terms.Goals[i].EventType]
	}
	return nil
}

// goalRow is a row of goals: a goal's identity over all versions of its offer.
type goalRow struct {
	bun.BaseModel `bun:"table:goals,alias:goal"`

	ID        uuid.UUID `bun:"id,pk"`
	OfferID   uuid.UUID `bun:"offer_id"`
	EventType string    `bun:"event_type"`
	CreatedAt time.Time `bun:"created_at"`
}
