package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// Conversions lists conversions: all to staff, its own to a partner, each
// without the money that is not the actor's to see.
func (s *Store) Conversions(ctx context.Context, actor proofback.Actor, f proofback.ConversionFilter, o proofback.ConversionOrder, p proofback.Page) (proofback.Window[*proofback.Conversion], error) {
	var w proofback.Window[*proofback.Conversion]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	if err := f.Validate(); err != nil {
		return w, err
	}
	var rows []conversionRow
	show := func(r *conversionRow) *proofback.Conversion { return r.value(actor) }
	if q := plainConversions(actor, f, o, p, func(r *conversionRow) { rows = append(rows, *r) }); q != nil {
		err := s.readOnce(ctx, actor, *q)
		return window(p, rows, show), err
	}
	order := newestFirst
	if o.OldestFirst {
		order = oldestFirst
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		q := selectConversions(tx, &rows)
		if o.By == proofback.ByReceivedAt {
			q = pageByReceipt(tx, q, f, order, p)
		} else {
			q = pageByTime(conversionsLike(q, f, ""), "conversion.event_at", "conversion.id", order, p)
		}
		err := q.Scan(ctx)
		w = window(p, rows, show)
		return err
	})
	return w, err
}

// ConversionsByID gives those of ids that the actor may see.
func (s *Store) ConversionsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Conversion, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.Conversion, len(ids))
	return found, s.readOnce(ctx, actor, conversionsByID(actor, ids, func(r *conversionRow) { found[r.ID] = r.value(actor) }))
}

// TransitionsByConversion gives every move of those of the conversions that the
// actor may see, oldest first.
func (s *Store) TransitionsByConversion(ctx context.Context, actor proofback.Actor, conversions []uuid.UUID) (map[uuid.UUID][]*proofback.Transition, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID][]*proofback.Transition, len(conversions))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		list, err := transitionsOf(ctx, tx, conversions)
		for _, t := range list {
			found[t.ConversionID] = append(found[t.ConversionID], t)
		}
		return err
	})
	return found, err
}

// transitionsOf reads the moves of conversions, oldest first.
func transitionsOf(ctx context.Context, tx *tx, conversions []uuid.UUID) ([]*proofback.Transition, error) {
	if len(conversions) == 0 {
		return nil, nil
	}
	var rows []transitionRow
	q := tx.NewSelect().
		Model(&rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("(SELECT email FROM users WHERE id = transition.by_user) AS by_email").
		Where("transition.conversion_id IN (?)", bun.List(conversions)).
		OrderExpr("transition.at, transition.id")
	err := ownRows(q, tx.actor, "transition").Scan(ctx)
	list := make([]*proofback.Transition, len(rows))
	for i := range rows {
		list[i] = rows[i].value(tx.actor)
	}
	return list, err
}

// conversionsLike narrows a query. received is the column that tells when those that it is
// about were received; none where that may be either of them.
func conversionsLike(q *bun.SelectQuery, f proofback.ConversionFilter, received bun.Ident) *bun.SelectQuery {
	if f.ClickID == uuid.Nil {
		q.Where("conversion.test = ?", f.Tests)
	}
	switch {
	case f.Basis == proofback.BasisReceived && received == "":
		receivedWithin(q, f.TimeRange)
	case f.Basis == proofback.BasisReceived:
		within(q, received, f.TimeRange)
	case f.Basis == proofback.BasisClick:
		madeWithin(q, "conversion.click_id", "conversion.click_at", f.TimeRange)
	default:
		within(q, "conversion.event_at", f.TimeRange)
	}
	if f.OfferID != uuid.Nil {
		q.Where("conversion.offer_id = ?", f.OfferID)
	}
	if f.AffiliateID != uuid.Nil {
		q.Where("conversion.affiliate_id = ?", f.AffiliateID)
	}
	if f.AdvertiserID != uuid.Nil {
		q.Where("conversion.advertiser_id = ?", f.AdvertiserID)
	}
	if f.EventType != "" {
		q.Where("conversion.event_type = ?", f.EventType)
	}
	if len(f.Statuses) > 0 {
		q.Where("conversion.status IN (?)", bun.List(f.Statuses))
	}
	if f.TransactionID != "" {
		withTxID(q, f.TransactionID)
	}
	if f.ClickID != uuid.Nil {
		q.Where("conversion.click_id = ?", f.ClickID)
	}
	return q
}

// withTxID finds conversions by transaction id. The index for it begins with the
// advertiser, of whom there are few: each is looked up in it, which costs less
// than a further index on every conversion would.
func withTxID(q *bun.SelectQuery, txid string) *bun.SelectQuery {
	return q.
		Where("conversion.txid = ?", txid).
		Where("conversion.advertiser_id IN (SELECT id FROM advertisers)")
}
