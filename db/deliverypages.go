package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pageOfDeliveries begins the query for a page of what affiliates' endpoints were told.
// The one index that has deliveries in their order has them by destination, so the lists
// of several destinations are put together.
func (s *Store) pageOfDeliveries(ctx context.Context, tx *tx, rows *[]deliveryRow, f proofback.DeliveryFilter, p proofback.Page) (*bun.SelectQuery, error) {
	q := pageByID(selectDeliveries(tx, rows), "delivery.id", p)
	switch {
	case f.DestinationID != uuid.Nil:
		return deliveriesLike(q, f), nil
	case len(f.Statuses) > 0:
		return s.deliveriesBySpan(ctx, tx, q, f, p)
	}
	return deliveriesOfNearest(tx, q, f, p), nil
}

// deliveriesOfNearest begins the query for a page of the deliveries of several
// destinations, whatever their status: those whose first ones come first have the whole
// page. It costs one look at each destination, however much or little there was to tell of
// late.
func deliveriesOfNearest(tx *tx, q *bun.SelectQuery, f proofback.DeliveryFilter, p proofback.Page) *bun.SelectQuery {
	order, reaches, none := "DESC", ">=", uuid.Nil
	if p.Backward {
		order, reaches, none = "ASC", "<=", uuid.Max
	}
	// Of as many destinations as the page has places, and one, none has to be read beyond
	// where the last one begins.
	last := tx.NewSelect().
		Table("destination").
		Column("first").
		OrderExpr("first ?", bun.Safe(order)).
		Offset(int64(p.Limit)).
		Limit(1)
	one := deliveriesOfOne(tx, f, p, "delivery.*").
		Where("delivery.id ? coalesce((?), ?)", bun.Safe(reaches), last, none)
	return q.ModelTableExpr("(WITH destination AS (?) SELECT delivery.* FROM destination CROSS JOIN LATERAL (?) AS delivery) AS delivery",
		pageByID(firstDeliveries(tx, f, p), "delivery.id", p), one)
}

// firstDeliveries begins the query for the first delivery of each destination that the
// actor and the filter mean, whatever its status.
func firstDeliveries(tx *tx, f proofback.DeliveryFilter, p proofback.Page) *bun.SelectQuery {
	f.Statuses = nil
	q := tx.NewSelect().
		TableExpr("destinations AS destination").
		ColumnExpr("destination.id, delivery.id AS first").
		Join("CROSS JOIN LATERAL (?) AS delivery", deliveriesOfOne(tx, f, p, "delivery.id").Limit(1))
	if f.AffiliateID != uuid.Nil {
		q.Where("destination.affiliate_id = ?", f.AffiliateID)
	}
	return notAdvertisers(q, tx.actor, "destination")
}

// deliveriesOfOne begins the query for what of a page is told to one destination.
func deliveriesOfOne(tx *tx, f proofback.DeliveryFilter, p proofback.Page, columns string) *bun.SelectQuery {
	q := tx.NewSelect().
		TableExpr("deliveries AS delivery").
		ColumnExpr(columns).
		Where("delivery.destination_id = destination.id")
	return pageByID(deliveriesLike(notAdvertisers(q, tx.actor, "delivery"), f), "delivery.id", p)
}
