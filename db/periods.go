package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// periodRow is a row of periods.
type periodRow struct {
	bun.BaseModel `bun:"table:periods,alias:period"`

	ID       uuid.UUID `bun:"id,pk"`
	Starts   time.Time `bun:"starts"`
	Ends     time.Time `bun:"ends"`
	ClosedAt time.Time `bun:"closed_at"`
	ClosedBy uuid.UUID `bun:"closed_by,nullzero"`

	First         bool      `bun:"is_first,scanonly"`
	ClosedByEmail string    `bun:"closed_by_email,scanonly"`
	StatementsAt  time.Time `bun:"statements_at,scanonly"`
}

func (r *periodRow) value(a proofback.Actor) *proofback.Period {
	p := &proofback.Period{
		ID:            r.ID,
		TimeRange:     proofback.TimeRange{From: r.Starts.UTC(), To: r.Ends.UTC()},
		First:         r.First,
		ClosedAt:      r.ClosedAt.UTC(),
		ClosedBy:      r.ClosedBy,
		ClosedByEmail: r.ClosedByEmail,
		StatementsAt:  utc(r.StatementsAt),
	}
	p.MaskFor(a)
	return p
}

// ClosePeriod closes a month, for good: nothing in it changes any more, and what
// happens to its conversions from then on is booked in the month that is open. The
// month must be over, and follow the one that was closed last; the first to be
// closed takes in all that was before it. What waits for a reference rate must have
// it before.
func (s *Store) ClosePeriod(ctx context.Context, actor proofback.Actor, month proofback.TimeRange) (*proofback.Period, error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, err
	}
	p := &proofback.Period{ID: newID(), TimeRange: month, ClosedBy: actor.UserID}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var books proofback.Books
		err := tx.asPgx(func(pg pgx.Tx) (err error) {
			books, err = scanBooks(pg.QueryRow(ctx, `SELECT close_books()`))
			return err
		})
		if err != nil {
			return err
		}
		p.ClosedAt, p.First = s.clock(), books.ClosedTo.IsZero()
		if err := mayClose(month, books, p.ClosedAt); err != nil {
			return err
		}
		if err := tx.refuseTooEarly(ctx, p); err != nil {
			return err
		}
		if err := tx.refuseWaiting(ctx, month.To); err != nil {
			return err
		}
		row := &periodRow{ID: p.ID, Starts: p.From, Ends: p.To, ClosedAt: p.ClosedAt, ClosedBy: p.ClosedBy}
		tx.changed(proofback.KindPeriod, p.ID, nil, row)
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		return tx.record(ctx, p.Entry(newSalt()))
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// mayClose says why a month cannot be closed, or nil.
func mayClose(month proofback.TimeRange, books proofback.Books, now time.Time) error {
	field := []string{"month"}
	refuse := func(format string, args ...any) error {
		e := proofback.Errorf(proofback.CodeConflict, format, args...)
		e.Field = field
		return e
	}
	switch {
	case now.Before(month.To):
		return refuse("%s is not over: it can be closed from %s on", proofback.MonthName(month.From), month.To.Format(time.RFC3339))
	case books.IsClosed(month.From):
		return refuse("%s is closed already, and a closed month is never opened again", proofback.MonthName(month.From))
	case !books.ClosedTo.IsZero() && !month.From.Equal(books.ClosedTo):
		return refuse("months are closed one after the other: %s is next", proofback.MonthName(books.ClosedTo))
	}
	return nil
}

// refuseTooEarly keeps a mistyped year from being the first month that is closed: each month
// since would have to be closed after it, one by one, and none can be opened again.
func (t *tx) refuseTooEarly(ctx context.Context, p *proofback.Period) error {
	if !p.First {
		return nil
	}
	var begun []time.Time
	err := t.NewSelect().
		TableExpr("conversions AS c").
		ColumnExpr("c.event_at").
		Where("NOT c.test").
		OrderExpr("c.event_at").
		Limit(1).
		Scan(ctx, &begun)
	if err != nil {
		return err
	}
	if len(begun) == 0 || !p.To.AddDate(1, 0, 0).Before(begun[0]) {
		return nil
	}
	e := proofback.Errorf(proofback.CodeConflict, "nothing happened for more than a year after %s, and each month since would have to be closed next: begin with %s or later, which takes in all that was before it",
		proofback.MonthName(p.From), proofback.MonthName(begun[0]))
	e.Field = []string{"month"}
	return e
}

// refuseWaiting makes sure that no amount of the month waits for a reference rate: it
// would change the month when it comes.
func (t *tx) refuseWaiting(ctx context.Context, before time.Time) error {
	var waiting struct {
		N     int
		First time.Time
	}
	err := t.NewSelect().
		TableExpr("conversions AS c").
		ColumnExpr("count(*) AS n, min(c.event_at) AS first").
		Where("c.rate_date IS NULL").
		Where("c.event_at < ?", before).
		Where("c.status <> 'REJECTED'").
		Where("c.settled_status IS NULL").
		Where("NOT c.test").
		Scan(ctx, &waiting)
	if err != nil || waiting.N == 0 {
		return err
	}
	e := proofback.Errorf(proofback.CodeConflict, "amounts of %d conversions wait for a reference rate, the first of %s: import the rates of these days (proofback rates import), or reject what cannot be told",
		waiting.N, waiting.First.UTC().Format(time.DateOnly))
	e.Field = []string{"month"}
	return e
}

// OpenFrom is the first moment that is not closed; zero when nothing is.
func (s *Store) OpenFrom(ctx context.Context, actor proofback.Actor) (time.Time, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return time.Time{}, err
	}
	books, err := scanBooks(s.pool.QueryRow(ctx, `SELECT max(ends) FROM periods`))
	return books.ClosedTo, domainError(err)
}

func selectPeriods(tx *tx, rows *[]periodRow) *bun.SelectQuery {
	return tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("NOT EXISTS (SELECT FROM periods AS p WHERE p.starts < period.starts) AS is_first").
		ColumnExpr("(SELECT email FROM users WHERE id = period.closed_by) AS closed_by_email").
		ColumnExpr("(SELECT r.done_at FROM statement_runs AS r WHERE r.period_id = period.id) AS statements_at")
}

// Periods lists the months that are closed, newest first, to everybody.
func (s *Store) Periods(ctx context.Context, actor proofback.Actor, p proofback.Page) (proofback.Window[*proofback.Period], error) {
	var w proofback.Window[*proofback.Period]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []periodRow
		err := pageByTime(selectPeriods(tx, &rows), "period.starts", "period.id", newestFirst, p).Scan(ctx)
		w = window(p, rows, func(r *periodRow) *proofback.Period { return r.value(actor) })
		return err
	})
	return w, err
}

// PeriodsByID gives those of ids that there are.
func (s *Store) PeriodsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Period, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]periodRow) *bun.SelectQuery { return selectPeriods(tx, rows) },
		func(r *periodRow) (uuid.UUID, *proofback.Period) { return r.ID, r.value(actor) })
}
