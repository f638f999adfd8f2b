package db

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// write stores what a batch came to, but for the new rows: it gives those.
func (b *decideBatch) write(ctx context.Context, tx pgx.Tx, log []proofback.Postback) (*hotRows, error) {
	made := make([]*proofback.Conversion, 0, len(b.items))
	transitions := make([]proofback.Transition, 0, len(b.items))
	entries := make([]proofback.Entry, 0, len(b.items))
	var moved []*proofback.Conversion
	var settled settledMoves
	for i := range b.items {
		d := b.items[i].decision
		if d.Made != nil {
			made = append(made, d.Made)
			if !d.Made.Test {
				entries = append(entries, d.Made.Entry(d.Moved, newSalt()))
			}
		}
		if d.Moved != nil {
			if d.Moved.From != "" && !slices.Contains(made, b.known.byID[d.ConversionID]) {
				moved = append(moved, b.known.byID[d.ConversionID])
			}
			transitions = append(transitions, *d.Moved)
			if d.Made == nil && !b.known.byID[d.ConversionID].Test {
				entries = append(entries, d.Moved.Entry(newSalt()))
			}
			if !d.BookedAt.IsZero() {
				settled.add(b.known.byID[d.ConversionID], d.Moved, d.BookedAt)
			}
		}
	}
	adjustments, err := settled.lines(ctx, tx)
	if err != nil {
		return nil, err
	}
	entries = append(entries, entriesOf(adjustments)...)
	sortByKeys(made)
	deliveries := b.deliveries(transitions)

	var q pgx.Batch
	queueMoves(&q, moved, transitions)
	queueAdjustments(&q, adjustments)
	b.known.caps.queue(&q)
	b.known.nonces.queue(&q)
	if err := b.queueDeferred(&q, made); err != nil {
		return nil, err
	}
	if q.Len() > 0 {
		if err := tx.SendBatch(ctx, &q).Close(); err != nil {
			return nil, err
		}
	}
	if err := b.enqueueLooks(ctx, tx); err != nil {
		return nil, err
	}
	c := newHotRows(b.store.hotOf(tx.Conn()))
	c.postback = log[0].ID
	late := lateTx{lentTx{tx.Conn()}, c}
	if err := b.store.enqueue(ctx, late, column(deliveries, func(d delivery) DeliveryKey { return DeliveryKey{d.id, d.destination} })); err != nil {
		return nil, err
	}
	if len(transitions) > 0 {
		c.after = append(c.after, tellChanges)
	}
	storeRows(c, conversionsTable, made, appendConversion)
	storeRows(c, transitionsTable, pointers(transitions), storedBy(b.xact, appendTransition))
	storeRows(c, ledgerTable, pointers(entries), storedBy(b.xact, appendEntry))
	storeRows(c, deliveriesTable, pointers(deliveries), appendDelivery)
	storeRows(c, postbacksTable, pointers(log), appendPostback)
	return c, nil
}

// pointers are those to the things in a list.
func pointers[T any](list []T) []*T {
	p := make([]*T, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}

// sortByKeys puts conversions in the order of their keys, so that two batches
// that meet on several keys wait for each other and do not deadlock.
func sortByKeys(made []*proofback.Conversion) {
	slices.SortFunc(made, func(a, b *proofback.Conversion) int {
		return cmp.Or(
			bytes.Compare(a.AdvertiserID[:], b.AdvertiserID[:]),
			cmp.Compare(a.TxID, b.TxID),
			bytes.Compare(a.ClickID[:], b.ClickID[:]),
			bytes.Compare(a.GoalID[:], b.GoalID[:]))
	})
}

// queueMoves brings stored conversions to their new status, and fails when one
// is no longer where the decision saw it.
func queueMoves(q *pgx.Batch, moved []*proofback.Conversion, transitions []proofback.Transition) {
	if len(moved) == 0 {
		return
	}
	from := make(map[uuid.UUID]proofback.Status, len(transitions))
	for _, t := range transitions {
		if _, ok := from[t.ConversionID]; !ok {
			from[t.ConversionID] = t.From
		}
	}
	type c = *proofback.Conversion
	q.Queue(`
		UPDATE conversions AS c
		SET status = u.status, reason = u.reason
		FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS u (id, advertiser_id, was, status, reason)
		WHERE c.id = u.id
		AND c.advertiser_id = u.advertiser_id
		AND c.status = u.was`,
		column(moved, func(c c) uuid.UUID { return c.ID }),
		column(moved, func(c c) uuid.UUID { return c.AdvertiserID }),
		column(moved, func(c c) string { return string(from[c.ID]) }),
		column(moved, func(c c) string { return string(c.Status) }),
		column(moved, func(c c) string { return c.Reason }),
	).Query(func(rows pgx.Rows) error {
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if rows.CommandTag().RowsAffected() != int64(len(moved)) {
			return errMovedMeanwhile
		}
		return nil
	})
}
