package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// GoalsByID gives those of ids whose offers the actor may see, each as the
// newest terms that had it say, with the money that the actor may see.
func (s *Store) GoalsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Goal, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.Goal, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []struct {
			OfferID uuid.UUID
			Goal    proofback.Goal `bun:"type:jsonb"`
		}
		q := tx.NewSelect().
			TableExpr("goals AS goal").
			Join("JOIN offers AS offer ON offer.id = goal.offer_id").
			Join(`CROSS JOIN LATERAL (
				SELECT g
				FROM terms AS t
				CROSS JOIN jsonb_array_elements(t.body -> 'goals') AS g
				WHERE t.offer_id = offer.id
				  AND g ->> 'id' = goal.id::text
				ORDER BY t.version DESC
				LIMIT 1) AS newest`).
			ColumnExpr("goal.offer_id, newest.g AS goal").
			Where("goal.id IN (?)", bun.List(ids))
		if err := visibleOffers(q, actor, evenByLink).Scan(ctx, &rows); err != nil {
			return err
		}
		offers := make([]uuid.UUID, len(rows))
		for i := range rows {
			offers[i] = rows[i].OfferID
		}
		own, err := tx.ownPrices(ctx, offers)
		for i := range rows {
			one := []proofback.Goal{rows[i].Goal}
			showGoals(actor, one, own, tx.now)
			found[one[0].ID] = &one[0]
		}
		return err
	})
	return found, err
}

// OwnPrice is what an affiliate is to be paid for a goal instead of the goal's
// own payout, for clicks from From on; zero is now.
type OwnPrice struct {
	AffiliateID uuid.UUID
	GoalID      uuid.UUID
	Payout      proofback.Price
	From        time.Time
}

// SetPayout gives an affiliate its own price for a goal, and tells the ledger.
// Earlier prices stay for the clicks that were made under them.
func (s *Store) SetPayout(ctx context.Context, actor proofback.Actor, p OwnPrice) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if err := p.Payout.Validate("payout"); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		goal := &goalRow{}
		if err := tx.NewSelect().Model(goal).Where("id = ?", p.GoalID).Scan(ctx); err != nil {
			return missing(err, "goal", "goalId")
		}
		if p.From.IsZero() {
			p.From = tx.now
		}
		row := &overrideRow{
			ID:          newID(),
			AffiliateID: p.AffiliateID,
			OfferID:     goal.OfferID,
			GoalID:      goal.ID,
			Payout:      p.Payout,
			ValidFrom:   p.From,
			CreatedAt:   tx.now,
			CreatedBy:   actor.UserID,
		}
		tx.changed(proofback.KindGoal, goal.ID, nil, row)
		tx.touched(proofback.KindAffiliate, p.AffiliateID)
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		override := row.value()
		return tx.record(ctx, override.Entry())
	})
}
