package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// holdCaps takes hold of the counters that the conversions count for, before the
// conversions themselves: deciding does it in this order, and the two would wait
// for each other otherwise. Staff are not stopped by a cap, since they say why;
// what they approve is counted.
func (m *mover) holdCaps(ctx context.Context) error {
	var rows []struct {
		AdvertiserID uuid.UUID
		OfferID      uuid.UUID
		EventAt      time.Time
		TimeZone     string
	}
	err := m.tx.NewSelect().
		TableExpr("conversions AS c").
		Join("JOIN advertisers AS a ON a.id = c.advertiser_id").
		ColumnExpr("c.advertiser_id, c.offer_id, c.event_at, a.time_zone").
		Where("c.id IN (?)", bun.List(m.ids)).
		Scan(ctx, &rows)
	if err != nil {
		return err
	}
	m.zones = map[uuid.UUID]*time.Location{}
	may := capSet{}
	for _, r := range rows {
		zone, ok := m.zones[r.AdvertiserID]
		if !ok {
			if zone, err = time.LoadLocation(r.TimeZone); err != nil {
				return err
			}
			m.zones[r.AdvertiserID] = zone
		}
		may.addAll(r.OfferID, r.EventAt, zone)
	}
	return m.tx.asPgx(func(tx pgx.Tx) (err error) {
		m.caps, err = holdCaps(ctx, tx, may, nil)
		return err
	})
}

// update moves the rows.
func (m *mover) update(ctx context.Context, moving []*movable) error {
	ids, advertisers, take := make([]uuid.UUID, len(moving)), make([]uuid.UUID, len(moving)), make([]bool, len(moving))
	why := (&proofback.Transition{To: m.to, Reason: m.reason}).ConversionReason()
	for i, row := range moving {
		ids[i], advertisers[i], take[i] = row.ID, row.AdvertiserID, row.TakesClick
		before := row.value(m.tx.actor)
		row.Status, row.Reason = m.to, why
		if row.TakesClick {
			row.ClaimsFrom, row.ClaimsTo = row.EventAt, time.Time{}
		}
		after := row.value(m.tx.actor)
		m.caps.take(before, after, m.zones[row.AdvertiserID])
		m.moved = append(m.moved, after)
	}
	_, err := m.tx.NewRaw(`
		UPDATE conversions AS c
		SET
			status = ?,
			reason = ?,
			claims = CASE WHEN m.takes THEN tstzrange(c.event_at, NULL) ELSE c.claims END
		FROM unnest(?::uuid[], ?::uuid[], ?::boolean[]) AS m (id, advertiser_id, takes)
		WHERE c.id = m.id
		  AND c.advertiser_id = m.advertiser_id`,
		m.to, why, pgdialect.Array(ids), pgdialect.Array(advertisers), pgdialect.Array(take)).Exec(ctx)
	if err != nil {
		return err
	}
	return m.tx.asPgx(func(tx pgx.Tx) error {
		var q pgx.Batch
		m.caps.queue(&q)
		return tx.SendBatch(ctx, &q).Close()
	})
}

// transitions are the moves of conversions that have not moved yet.
func (m *mover) transitions(moving []*movable) []proofback.Transition {
	by := proofback.ByUser
	if m.tx.actor.Role == proofback.RoleSystem {
		by = proofback.BySystem
	}
	list := make([]proofback.Transition, len(moving))
	for i, row := range moving {
		list[i] = proofback.Transition{
			ID:           newID(),
			ConversionID: row.ID,
			AdvertiserID: row.AdvertiserID,
			AffiliateID:  row.AffiliateID,
			From:         row.Status,
			To:           m.to,
			At:           m.tx.now,
			ByKind:       by,
			ByUser:       m.tx.actor.UserID,
			Reason:       m.reason,
		}
	}
	return list
}

// settle books what moves of a closed month.
func (m *mover) settle(ctx context.Context, moving []*movable, transitions []proofback.Transition) error {
	var settled settledMoves
	for i, row := range moving {
		if m.books.IsClosed(row.EventAt) {
			settled.add(row.value(m.tx.actor), &transitions[i], m.books.Book(row.EventAt, m.tx.now))
		}
	}
	var lines []proofback.Adjustment
	err := m.tx.asPgx(func(tx pgx.Tx) (err error) {
		lines, err = settled.lines(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return m.tx.bookLines(ctx, lines)
}

// explain keeps who moved what and why, and enters it into the ledger.
func (m *mover) explain(ctx context.Context, transitions []proofback.Transition) error {
	rows := make([]transitionRow, len(transitions))
	entries := make([]proofback.Entry, len(transitions))
	for i := range transitions {
		rows[i] = newTransitionRow(&transitions[i])
		entries[i] = transitions[i].Entry(newSalt())
	}
	if _, err := m.tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return err
	}
	return m.tx.record(ctx, entries...)
}

// tell has the affiliates' endpoints told.
func (m *mover) tell(ctx context.Context, moving []*movable, transitions []proofback.Transition) error {
	list := make([]Announcement, len(moving))
	for i, row := range moving {
		list[i] = Announcement{
			TransitionID: transitions[i].ID,
			ConversionID: row.ID,
			ClickID:      row.ClickID,
			AffiliateID:  row.AffiliateID,
			OfferID:      row.OfferID,
			EventType:    row.EventType,
			Status:       m.to,
		}
	}
	return m.tx.asPgx(func(tx pgx.Tx) error { return m.store.announce(ctx, tx, list) })
}
