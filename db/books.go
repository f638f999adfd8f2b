package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// holdBooks keeps months from being closed until the transaction ends, and tells
// which are. Whoever moves conversions takes it before any other lock: who waits to
// close would else stand between two that wait for each other.
const holdBooks = `SELECT hold_books()`

// holdBooksAlone is an expression that keeps months from being closed, as hold_books does.
// Which are is for a later statement to ask.
const holdBooksAlone = `pg_advisory_xact_lock_shared(hashtext('proofback.books'))`

// scanBooks reads what hold_books and close_books give, and what follows it.
func scanBooks(row pgx.Row, more ...any) (proofback.Books, error) {
	var to *time.Time
	if err := row.Scan(append([]any{&to}, more...)...); err != nil || to == nil {
		return proofback.Books{}, err
	}
	return proofback.Books{ClosedTo: to.UTC()}, nil
}

// holdBooks is the statement, in a transaction on behalf of an actor.
func (t *tx) holdBooks(ctx context.Context) (books proofback.Books, err error) {
	err = t.asPgx(func(pg pgx.Tx) error {
		books, err = scanBooks(pg.QueryRow(ctx, holdBooks))
		return err
	})
	return books, err
}

// settledMoves books the moves of conversions whose months are closed.
type settledMoves struct {
	moves       []settledMove
	corrections map[uuid.UUID][]proofback.Adjustment // by conversion
}

type settledMove struct {
	conversion *proofback.Conversion
	transition *proofback.Transition
	bookedAt   time.Time
}

func (s *settledMoves) add(c *proofback.Conversion, t *proofback.Transition, bookedAt time.Time) {
	s.moves = append(s.moves, settledMove{c, t, bookedAt})
}

// lines are the adjustments that the moves are booked by. What a conversion was
// corrected by moves with it.
func (s *settledMoves) lines(ctx context.Context, tx pgx.Tx) ([]proofback.Adjustment, error) {
	if len(s.moves) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT id, conversion_id,
			coalesce(payout::text, ''), coalesce(payout_currency, ''), coalesce(revenue::text, ''), coalesce(revenue_currency, '')
		FROM adjustments
		WHERE conversion_id = ANY ($1)
		AND kind = 'AMOUNT'
		ORDER BY id`, column(s.moves, func(m settledMove) uuid.UUID { return m.conversion.ID }))
	if err != nil {
		return nil, err
	}
	s.corrections = map[uuid.UUID][]proofback.Adjustment{}
	var a proofback.Adjustment
	into := []any{&a.ID, &a.ConversionID, &a.Payout.Amount, &a.Payout.Currency, &a.Revenue.Amount, &a.Revenue.Currency}
	_, err = pgx.ForEachRow(rows, into, func() error {
		s.corrections[a.ConversionID] = append(s.corrections[a.ConversionID], a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var lines []proofback.Adjustment
	for _, m := range s.moves {
		lines = append(lines, proofback.SettledMove(m.transition, m.conversion, s.corrections[m.conversion.ID], m.bookedAt, newID)...)
	}
	return lines, nil
}

// queueAdjustments stores adjustments.
func queueAdjustments(q *pgx.Batch, lines []proofback.Adjustment) {
	if len(lines) == 0 {
		return
	}
	type a = proofback.Adjustment
	ids := func(of func(a) uuid.UUID) []*uuid.UUID {
		return column(lines, func(l a) *uuid.UUID { return idOrNull(of(l)) })
	}
	texts := func(of func(a) string) []*string {
		return column(lines, func(l a) *string { return orNull(of(l)) })
	}
	times := func(of func(a) time.Time) []time.Time { return column(lines, of) }
	q.Queue(`
		INSERT INTO adjustments (id, conversion_id, advertiser_id, affiliate_id, kind, from_status, to_status,
			payout, payout_currency, revenue, revenue_currency, settled, booked_at, at, by_kind, by_user, reason, transition_id, of_id,
			amount, amount_currency, amount_is_revenue, reconciliation_id, item)
		SELECT id, conversion_id, advertiser_id, affiliate_id, kind, from_status, to_status,
			payout::numeric, payout_currency, revenue::numeric, revenue_currency, settled, booked_at, at, by_kind, by_user, reason, transition_id, of_id,
			amount::numeric, amount_currency, amount_is_revenue, reconciliation_id, nullif(item, 0)
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
			$8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::timestamptz[], $14::timestamptz[],
			$15::text[], $16::uuid[], $17::text[], $18::uuid[], $19::uuid[],
			$20::text[], $21::text[], $22::boolean[], $23::uuid[], $24::bigint[])
			AS a (id, conversion_id, advertiser_id, affiliate_id, kind, from_status, to_status,
				payout, payout_currency, revenue, revenue_currency, settled, booked_at, at, by_kind, by_user, reason, transition_id, of_id,
				amount, amount_currency, amount_is_revenue, reconciliation_id, item)`,
		ids(func(l a) uuid.UUID { return l.ID }),
		ids(func(l a) uuid.UUID { return l.ConversionID }),
		ids(func(l a) uuid.UUID { return l.AdvertiserID }),
		column(lines, func(l a) uuid.UUID { return l.AffiliateID }),
		texts(func(l a) string { return string(l.Kind) }),
		texts(func(l a) string { return string(l.From) }),
		texts(func(l a) string { return string(l.To) }),
		texts(func(l a) string { return string(l.Payout.Amount) }),
		texts(func(l a) string { return l.Payout.Currency }),
		texts(func(l a) string { return string(l.Revenue.Amount) }),
		texts(func(l a) string { return l.Revenue.Currency }),
		column(lines, func(l a) bool { return l.Settled }),
		times(func(l a) time.Time { return l.BookedAt }),
		times(func(l a) time.Time { return l.At }),
		texts(func(l a) string { return string(l.ByKind) }),
		ids(func(l a) uuid.UUID { return l.ByUser }),
		column(lines, func(l a) string { return l.Reason }),
		ids(func(l a) uuid.UUID { return l.TransitionID }),
		ids(func(l a) uuid.UUID { return l.Of }),
		texts(func(l a) string { return string(l.Amount.Amount) }),
		texts(func(l a) string { return l.Amount.Currency }),
		column(lines, func(l a) bool { return l.AmountIsRevenue }),
		ids(func(l a) uuid.UUID { return l.Item.Reconciliation }),
		column(lines, func(l a) int64 { return l.Item.N }))
}

// bookLines stores adjustments, and enters them into the ledger.
func (t *tx) bookLines(ctx context.Context, lines []proofback.Adjustment) error {
	if len(lines) == 0 {
		return nil
	}
	var q pgx.Batch
	queueAdjustments(&q, lines)
	if err := t.asPgx(func(tx pgx.Tx) error { return tx.SendBatch(ctx, &q).Close() }); err != nil {
		return err
	}
	return t.record(ctx, entriesOf(lines)...)
}

// entriesOf are the ledger's of adjustments.
func entriesOf(lines []proofback.Adjustment) []proofback.Entry {
	entries := make([]proofback.Entry, len(lines))
	for i := range lines {
		entries[i] = lines[i].Entry(newSalt())
	}
	return entries
}
