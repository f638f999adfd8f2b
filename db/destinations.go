package db

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// CreateDestination names an endpoint of an affiliate and gives the secret that
// signs what is sent to it, which is not to be had again. Left out: GET, every
// status, retries on what tells nothing about whether the request was taken.
func (s *Store) CreateDestination(ctx context.Context, actor proofback.Actor, d proofback.Destination) (*proofback.Destination, string, error) {
	affiliate, err := actingAffiliate(actor, d.AffiliateID)
	if err != nil {
		return nil, "", err
	}
	d.ID, d.CreatedAt, d.AffiliateID, d.Enabled = newID(), s.clock(), affiliate, true
	d.HealthState, d.HealthSince = proofback.HealthUnknown, d.CreatedAt
	if d.Method == "" {
		d.Method = "GET"
	}
	if d.Statuses == nil {
		d.Statuses = proofback.AllStatuses()
	}
	if d.RetryOn == nil {
		d.RetryOn = proofback.DefaultRetryOn()
	}
	if err := cmp.Or(d.Validate(), s.requireCallable(d.URLTemplate, "urlTemplate")); err != nil {
		return nil, "", err
	}
	secret := NewSecret()
	row := newDestinationRow(&d)
	row.Secret = s.sealer.Seal(secret, d.ID)
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		if d.OfferID != uuid.Nil {
			if err := tx.requireOffer(ctx, d.OfferID); err != nil {
				return err
			}
		}
		tx.changed(proofback.KindAffiliatePostback, d.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return &d, secret, nil
}

// Destinations lists affiliates' endpoints, newest first: all to staff, its own
// to an affiliate, none to advertisers.
func (s *Store) Destinations(ctx context.Context, actor proofback.Actor, f proofback.DestinationFilter, p proofback.Page) (proofback.Window[*proofback.Destination], error) {
	var w proofback.Window[*proofback.Destination]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []destinationRow
		q := ofAffiliate(tx.NewSelect().Model(&rows), actor)
		if f.AffiliateID != uuid.Nil {
			q.Where("destination.affiliate_id = ?", f.AffiliateID)
		}
		if f.OfferID != uuid.Nil {
			q.Where("destination.offer_id = ?", f.OfferID)
		}
		if f.Enabled != nil {
			q.Where("destination.enabled = ?", *f.Enabled)
		}
		if f.Archived != nil {
			q.Where("(destination.archived_at IS NOT NULL) = ?", *f.Archived)
		}
		err := pageByID(q, "destination.id", p).Scan(ctx)
		w = window(p, rows, (*destinationRow).value)
		return err
	})
	return w, err
}

// DestinationsByID gives those of ids that the actor may see.
func (s *Store) DestinationsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Destination, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]destinationRow) *bun.SelectQuery {
			return ofAffiliate(tx.NewSelect().Model(rows), actor)
		},
		func(r *destinationRow) (uuid.UUID, *proofback.Destination) { return r.ID, r.value() })
}
