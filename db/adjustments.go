package db

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// adjustmentRow is a row of adjustments.
type adjustmentRow struct {
	bun.BaseModel `bun:"table:adjustments,alias:adjustment"`

	ID              uuid.UUID                `bun:"id,pk"`
	ConversionID    uuid.UUID                `bun:"conversion_id"`
	AdvertiserID    uuid.UUID                `bun:"advertiser_id"`
	AffiliateID     uuid.UUID                `bun:"affiliate_id"`
	Kind            proofback.AdjustmentKind `bun:"kind"`
	From            proofback.Status         `bun:"from_status"`
	To              proofback.Status         `bun:"to_status"`
	Payout          proofback.Decimal        `bun:"payout"`
	PayoutCurrency  string                   `bun:"payout_currency"`
	Revenue         proofback.Decimal        `bun:"revenue"`
	RevenueCurrency string                   `bun:"revenue_currency"`
	Settled         bool                     `bun:"settled"`
	BookedAt        time.Time                `bun:"booked_at"`
	At              time.Time                `bun:"at"`
	ByKind          proofback.ActorKind      `bun:"by_kind"`
	ByUser          uuid.UUID                `bun:"by_user,nullzero"`
	Reason          string                   `bun:"reason"`
	TransitionID    uuid.UUID                `bun:"transition_id,nullzero"`
	Of              uuid.UUID                `bun:"of_id,nullzero"`
	Amount          proofback.Decimal        `bun:"amount"`
	AmountCurrency  string                   `bun:"amount_currency"`
	AmountIsRevenue bool                     `bun:"amount_is_revenue"`
	Reconciliation  uuid.UUID                `bun:"reconciliation_id,nullzero"`
	Item            int64                    `bun:"item,nullzero"`

	ByEmail string `bun:"by_email,scanonly"`
}

// value gives a row as the actor may see it.
func (r *adjustmentRow) value(actor proofback.Actor) *proofback.Adjustment {
	a := &proofback.Adjustment{
		ID:           r.ID,
		ConversionID: r.ConversionID,
		AdvertiserID: r.AdvertiserID,
		AffiliateID:  r.AffiliateID,
		Kind:         r.Kind,
		From:         r.From,
		To:           r.To,
		Payout:       money(r.Payout, r.PayoutCurrency),
		Revenue:      money(r.Revenue, r.RevenueCurrency),
		Settled:      r.Settled,
		BookedAt:     r.BookedAt.UTC(),
		At:           r.At.UTC(),
		ByKind:       r.ByKind,
		ByUser:       r.ByUser,
		ByEmail:      r.ByEmail,
		Reason:       r.Reason,
		TransitionID: r.TransitionID,
		Of:           r.Of,
		Amount:       money(r.Amount, r.AmountCurrency),
		Item:         proofback.ReconciledItem{Reconciliation: r.Reconciliation, N: r.Item},

		AmountIsRevenue: r.AmountIsRevenue,
	}
	a.MaskFor(actor)
	return a
}

// adjustmentsOf reads the adjustments of conversions that the actor may know of,
// oldest first.
func adjustmentsOf(ctx context.Context, tx *tx, where condition) ([]*proofback.Adjustment, error) {
	var rows []adjustmentRow
	q := tx.NewSelect().
		Model(&rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("(SELECT email FROM users WHERE id = adjustment.by_user) AS by_email").
		OrderExpr("adjustment.at, adjustment.id")
	err := ownRows(where(q), tx.actor, "adjustment").Scan(ctx)
	list := make([]*proofback.Adjustment, 0, len(rows))
	for i := range rows {
		if a := rows[i].value(tx.actor); a.ShownTo(tx.actor) {
			list = append(list, a)
		}
	}
	return list, err
}

// AdjustmentsByConversion gives the adjustments of those conversions that the actor
// may see, oldest first.
func (s *Store) AdjustmentsByConversion(ctx context.Context, actor proofback.Actor, conversions []uuid.UUID) (map[uuid.UUID][]*proofback.Adjustment, error) {
	found := make(map[uuid.UUID][]*proofback.Adjustment, len(conversions))
	list, err := s.adjustments(ctx, actor, where("adjustment.conversion_id IN (?)", bun.List(conversions)))
	for _, a := range list {
		found[a.ConversionID] = append(found[a.ConversionID], a)
	}
	return found, err
}

// AdjustmentsByID gives those of ids that the actor may know of.
func (s *Store) AdjustmentsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Adjustment, error) {
	found := make(map[uuid.UUID]*proofback.Adjustment, len(ids))
	list, err := s.adjustments(ctx, actor, where("adjustment.id IN (?)", bun.List(ids)))
	for _, a := range list {
		found[a.ID] = a
	}
	return found, err
}

func (s *Store) adjustments(ctx context.Context, actor proofback.Actor, where condition) (list []*proofback.Adjustment, err error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) (err error) {
		list, err = adjustmentsOf(ctx, tx, where)
		return err
	})
	return list, err
}

// AdjustConversions corrects what conversions are worth, on the word of staff: each
// becomes an adjustment by the difference, or is named in problems on its own; the
// problem's Field is ["adjustments", its position]. Where its sale is corrected, what
// follows from it does so by the terms of its click. Where the conversion stands does
// not change by it. While its month is open the correction is booked with the
// conversion, after that now.
func (s *Store) AdjustConversions(ctx context.Context, actor proofback.Actor, list []proofback.Correction, reason string) (made []*proofback.Adjustment, problems proofback.Problems, err error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, nil, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case len(list) == 0 || len(list) > maxMoves:
		return nil, nil, proofback.Invalid([]string{"adjustments"}, "name from 1 to %d conversions", maxMoves)
	case reason == "":
		return nil, nil, proofback.Invalid([]string{"reason"}, "say why")
	case utf8.RuneCountInString(reason) > maxReason:
		return nil, nil, proofback.Invalid([]string{"reason"}, "at most %d characters", maxReason)
	}
	return s.adjustAll(ctx, actor, corrector{list: list, reason: reason})
}

// adjustAll carries corrections through, again where they lost a race.
func (s *Store) adjustAll(ctx context.Context, actor proofback.Actor, like corrector) ([]*proofback.Adjustment, proofback.Problems, error) {
	for attempt := 1; ; attempt++ {
		c := like
		err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
			c.tx = tx
			return c.correct(ctx, s)
		})
		if err == nil || c.preview && errors.Is(err, errPreview) {
			if len(c.made) > 0 && !c.preview {
				s.tellOfChanges()
			}
			return c.made, c.problems, nil
		}
		if attempt == decideAttempts || !lostRace(err) {
			return nil, nil, err
		}
	}
}

// corrector carries one call of AdjustConversions through its transaction.
type corrector struct {
	tx       *tx
	list     []proofback.Correction
	reason   string
	preview  bool // nothing is kept
	made     []*proofback.Adjustment
	problems proofback.Problems
}

func (c *corrector) correct(ctx context.Context, s *Store) error {
	books, err := c.tx.holdBooks(ctx)
	if err != nil {
		return err
	}
	ids := column(c.list, func(k proofback.Correction) uuid.UUID { return k.ConversionID })
	var rows []conversionRow
	// The locks are taken in the order in which moves take them.
	err = selectConversions(c.tx, &rows).
		Where("conversion.id IN (?)", bun.List(ids)).
		OrderExpr("conversion.id").
		For("UPDATE OF conversion").
		Scan(ctx)
	if err != nil {
		return err
	}
	if err := c.tx.nowAfter(ctx, s, ids); err != nil {
		return err
	}
	found := make(map[uuid.UUID]*proofback.Conversion, len(rows))
	for i := range rows {
		found[rows[i].ID] = rows[i].value(c.tx.actor)
	}
	before, err := adjustmentsOf(ctx, c.tx, where("adjustment.conversion_id IN (?)", bun.List(ids)))
	if err != nil {
		return err
	}
	known := map[uuid.UUID][]*proofback.Adjustment{}
	for _, a := range before {
		known[a.ConversionID] = append(known[a.ConversionID], a)
	}
	prices, err := c.pricings(ctx, found)
	if err != nil {
		return err
	}
	var lines []proofback.Adjustment
	for i := range c.list {
		v := found[c.list[i].ConversionID]
		if v == nil {
			c.refuse(i, proofback.NotFound("conversion"))
			continue
		}
		if v.Test {
			c.refuse(i, proofback.Errorf(proofback.CodeConflict, "this is a test of an integration: it is worth nothing"))
			continue
		}
		a, problem := c.list[i].Correct(v, known[v.ID], prices[v.ID])
		if problem != nil {
			c.refuse(i, problem)
			continue
		}
		c.complete(&a, v, books)
		c.tx.changed(proofback.KindConversion, v.ID, nil, map[string]any{
			"adjusted_amount": a.Amount.Amount, "adjusted_payout": a.Payout.Amount, "adjusted_revenue": a.Revenue.Amount, "reason": a.Reason,
		})
		lines = append(lines, a)
		known[v.ID] = append(known[v.ID], &a)
		c.made = append(c.made, &a)
	}
	if err := c.tx.bookLines(ctx, lines); err != nil || !c.preview {
		return err
	}
	return errPreview
}

// complete says who corrects, when and why, and when that is booked.
func (c *corrector) complete(a *proofback.Adjustment, v *proofback.Conversion, books proofback.Books) {
	a.ID, a.At, a.Reason = newID(), c.tx.now, c.reason
	a.ByKind, a.ByUser = proofback.ByUser, c.tx.actor.UserID
	if c.tx.actor.Role == proofback.RoleSystem {
		a.ByKind = proofback.BySystem
	}
	a.Settled, a.BookedAt = books.IsClosed(v.EventAt), books.Book(v.EventAt, c.tx.now)
}

func (c *corrector) refuse(position int, e *proofback.Error) {
	e.Field = []string{"adjustments", strconv.Itoa(position)}
	c.problems = append(c.problems, e)
}
