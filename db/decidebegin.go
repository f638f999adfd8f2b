package db

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// What a batch's transaction begins with: the books are held, and one statement tells what
// stands. Prices, listeners and which offers are counted are in the process' snapshot
// of the set-up, which is asked for no more than its version, and rates are in memory under
// a version of theirs (ratememory.go); what waits for a click is hardly ever there. So none
// of it is looked up unless it is to be.

// queueBegin begins a transaction, and holds the books.
func (b *decideBatch) queueBegin(q *pgx.Batch) {
	q.Queue(`BEGIN`)
	q.Queue(`SELECT ` + holdBooksAlone)
}

// queueStanding asks what stands, in a statement of its own after the one that holds the
// books: each sees what was committed before it began.
func (b *decideBatch) queueStanding(q *pgx.Batch, clicks []uuid.UUID) {
	q.Queue(`SELECT (SELECT max(ends) FROM periods), (SELECT version FROM setup_version WHERE one),
			(SELECT version FROM rates_version WHERE one),
			pg_current_xact_id()::text::bigint, EXISTS (SELECT FROM deferred WHERE click_id = ANY ($1))`,
		clicks).QueryRow(func(row pgx.Row) (err error) {
		var version, rates uuid.UUID // NULL would leave uuid.Nil
		b.books, err = scanBooks(row, &version, &rates, &b.xact, &b.waits)
		b.ratesVersion = rates
		b.store.rates.see(rates)
		b.standing = nil
		if n := b.setup.Snapshot(); version != uuid.Nil && n.version == version {
			b.standing = n
		}
		return err
	})
}

// askRest asks for what q has, and what else is to be looked up by now.
func (b *decideBatch) askRest(ctx context.Context, tx pgx.Tx, q *pgx.Batch) error {
	if b.waits {
		q.Queue(waitingQuery, b.clicks()).Query(b.scanWaiting)
	}
	if b.standing == nil {
		b.queueSetup(q)
	}
	b.bringRates(q)
	if err := b.askAny(ctx, tx, q); err != nil || b.standing == b.priced {
		return err
	}
	// The prices are others than those that rates were wanted by.
	for i := range b.items {
		if it := &b.items[i]; it.click != nil {
			b.wantRates(it, b.overrides(it.click))
		}
	}
	var more pgx.Batch
	b.bringRates(&more)
	return b.askAny(ctx, tx, &more)
}

// askAny asks for what q has, if that is anything.
func (b *decideBatch) askAny(ctx context.Context, tx pgx.Tx, q *pgx.Batch) error {
	if q.Len() == 0 {
		return nil
	}
	return b.store.hotOf(tx.Conn()).ask(ctx, q)
}

// queueSetup asks for what would be in the snapshot.
func (b *decideBatch) queueSetup(q *pgx.Batch) {
	affiliates, offers := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for i := range b.items {
		if c := b.items[i].click; c != nil {
			affiliates[c.AffiliateID], offers[c.OfferID] = true, true
		}
	}
	if len(affiliates) == 0 {
		return
	}
	whose := slices.Collect(maps.Keys(affiliates))
	q.Queue(overridesQuery, whose).Query(b.scanOverrides)
	q.Queue(listenersWhere+`AND affiliate_id = ANY ($1)`, whose).Query(func(rows pgx.Rows) error {
		return scanListeners(rows, b.known.listeners)
	})
	q.Queue(cappedQuery, slices.Collect(maps.Keys(offers))).Query(b.scanCapped)
}

// clicks are those that the batch is about.
func (b *decideBatch) clicks() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(b.items))
	for i := range b.items {
		if c := b.items[i].click; c != nil {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// overrides are an affiliate's prices, of a click's offer at least.
func (b *decideBatch) overrides(c *proofback.Click) []proofback.PayoutOverride {
	if b.standing != nil {
		return b.standing.Overrides(c.AffiliateID, c.OfferID)
	}
	return b.known.overrides[c.AffiliateID]
}

// listeners are an affiliate's destinations that are switched on.
func (b *decideBatch) listeners(affiliate uuid.UUID) []listener {
	if b.standing != nil {
		return b.standing.listeners[affiliate]
	}
	return b.known.listeners[affiliate]
}
