package db

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// UpdateDestination lets change alter a destination as it stands. While it is
// switched off nothing is sent: what is on its way waits. Switching it on again
// forgets how it was doing, and sends what waits in its order. One that is archived
// is switched off, and stays so when it is fetched back.
func (s *Store) UpdateDestination(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.Destination)) (*proofback.Destination, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var d *proofback.Destination
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.lockDestination(ctx, id)
		if err != nil {
			return err
		}
		d = row.value()
		change(d)
		d.Enabled = d.Enabled && !d.Archived
		if err := d.Validate(); err != nil {
			return err
		}
		if d.URLTemplate != row.URLTemplate { // one that was saved before can still be switched off
			if err := s.requireCallable(d.URLTemplate, "urlTemplate"); err != nil {
				return err
			}
		}
		if d.OfferID != row.OfferID && d.OfferID != uuid.Nil {
			if err := tx.requireOffer(ctx, d.OfferID); err != nil {
				return err
			}
		}
		after := newDestinationRow(d)
		after.Gone, after.Opened, after.ProbeUntil = row.Gone, row.Opened, row.ProbeUntil
		after.ArchivedAt, after.OldSecretUntil = since(d.Archived, row.ArchivedAt, tx.now), row.OldSecretUntil
		resumed := after.follow(row, tx.now)
		d = after.value()
		d.OldSecretUntil = utc(row.OldSecretUntil)
		if resumed {
			if err := s.resume(ctx, tx, after); err != nil {
				return err
			}
			d.OpenUntil = utc(after.OpenUntil)
		}
		tx.changed(proofback.KindAffiliatePostback, id, row, after)
		_, err = tx.NewUpdate().
			Model(after).
			ExcludeColumn("id", "affiliate_id", "secret", "old_secret", "old_secret_until", "created_at").
			Where("id = ?", id).
			Exec(ctx)
		return err
	})
	return d, err
}

// follow draws the consequences of a change for the health, and reports whether
// what waits may be sent now.
func (r *destinationRow) follow(before *destinationRow, now time.Time) (resumed bool) {
	switch {
	case r.Enabled && !before.Enabled:
		r.HealthState, r.HealthSince, r.HealthReason = proofback.HealthUnknown, now, ""
		r.Gone, r.Failures, r.FailingSince = false, 0, time.Time{}
		r.Opened, r.OpenUntil, r.ProbeUntil = 0, time.Time{}, time.Time{}
		return true
	case !r.Enabled && before.Enabled:
		r.HealthState, r.HealthSince, r.HealthReason = proofback.HealthStopped, now, "switched off"
	case r.URLTemplate != before.URLTemplate && !r.OpenUntil.IsZero():
		return true // perhaps it was mended: try it now
	}
	return false
}

// resume has what is parked for a destination sent: one alone at first, which
// shows whether it is in order.
func (s *Store) resume(ctx context.Context, tx *tx, r *destinationRow) error {
	parked, err := tx.NewSelect().
		TableExpr("parked").
		ColumnExpr("1").
		Where("destination_id = ?", r.ID).
		Exists(ctx)
	if err != nil || !parked {
		return err
	}
	r.OpenUntil, r.ProbeUntil = tx.now, time.Time{}
	return tx.asPgx(func(ptx pgx.Tx) error {
		plan := Plan{Releases: []Release{{r.ID, tx.now}}}
		return tx.lentAsOwner(ctx, ptx, func() error { return s.plan(ctx, ptx, plan) })
	})
}

// RotateDestinationSecret gives a destination a new secret, which is not to be had
// again; for keepOld requests are signed with the old one as well.
func (s *Store) RotateDestinationSecret(ctx context.Context, actor proofback.Actor, id uuid.UUID, keepOld time.Duration) (*proofback.Destination, string, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, "", err
	}
	if err := checkKeepOld(keepOld); err != nil {
		return nil, "", err
	}
	var d *proofback.Destination
	var secret string
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.lockDestination(ctx, id)
		if err != nil {
			return err
		}
		secret, err = rotateIn(ctx, s, tx, proofback.KindAffiliatePostback, row, func(r *destinationRow) rotated {
			return rotated{id, &r.Secret, &r.OldSecret, &r.OldSecretUntil}
		}, keepOld)
		d = row.value()
		return err
	})
	return d, secret, err
}

// lockDestination fetches a destination that is going to be changed.
func (t *tx) lockDestination(ctx context.Context, id uuid.UUID) (*destinationRow, error) {
	row := &destinationRow{}
	if t.actor.Role == proofback.RoleAdvertiser { // which has none, and may lock none
		return row, missing(sql.ErrNoRows, "affiliate postback", "id")
	}
	err := ofAffiliate(t.NewSelect().Model(row), t.actor).
		Where("destination.id = ?", id).
		For("UPDATE").
		Scan(ctx)
	return row, missing(err, "affiliate postback", "id")
}
