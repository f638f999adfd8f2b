package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// clickCountRow is a row of click_counts.
type clickCountRow struct {
	bun.BaseModel `bun:"table:click_counts,alias:click_count"`

	ID       uuid.UUID `bun:"id,pk"`
	Process  uuid.UUID `bun:"process,nullzero"`
	Hour     time.Time `bun:"hour"`
	Accepted int64     `bun:"accepted"`
	Stored   int64     `bun:"stored"`
	Spooled  int64     `bun:"spooled"`
	Refused  int64     `bun:"refused"`
	SaidAt   time.Time `bun:"said_at"`
	Complete bool      `bun:"complete"`
	ClosedAt time.Time `bun:"closed_at,nullzero"`
}

func (r *clickCountRow) value() *proofback.ClickCount {
	return &proofback.ClickCount{
		ID: r.ID, Process: r.Process, Hour: r.Hour.UTC(), Accepted: r.Accepted, Stored: r.Stored, Spooled: r.Spooled, Refused: r.Refused,
		SaidAt: r.SaidAt.UTC(), Complete: r.Complete, ClosedAt: utc(r.ClosedAt),
	}
}

const (
	// silentFor is how long nothing is heard of a process before its counts are closed as
	// they are.
	silentFor = 15 * time.Minute
	// closeAtOnce bounds the counts of one transaction.
	closeAtOnce = 1000
)

// CloseClickCounts enters the counts of hours that are over into the ledger: those that
// are complete at once, those of processes that say nothing any more after a quarter of
// an hour. It gives how many. System.
func (s *Store) CloseClickCounts(ctx context.Context, actor proofback.Actor) (closed int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	for n := closeAtOnce; n == closeAtOnce; closed += n {
		err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
			// Nobody says anything meanwhile: see sayClickCounts.
			if _, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(` + countsLock + `)`).Exec(ctx); err != nil {
				return err
			}
			var rows []clickCountRow
			err := tx.NewRaw(`
				UPDATE click_counts AS c
				SET closed_at = ?0
				WHERE c.id IN (
					SELECT id
					FROM click_counts
					WHERE closed_at IS NULL
					  AND hour <= ?0::timestamptz - interval '1 hour'
					  AND (complete OR said_at < ?1 AND hour < ?1::timestamptz - interval '1 hour')
					ORDER BY hour
					LIMIT ?2)
				RETURNING *`, tx.now, tx.now.Add(-silentFor), closeAtOnce).Scan(ctx, &rows)
			if n = len(rows); err != nil || n == 0 {
				return err
			}
			entries := make([]proofback.Entry, n)
			for i := range rows {
				entries[i] = rows[i].value().Entry()
			}
			return tx.record(ctx, entries...)
		})
		if err != nil {
			return closed, err
		}
	}
	return closed, nil
}

// ClickHours lists hours in which clicks were counted, newest first: what processes
// counted, and how many clicks are there. Staff.
func (s *Store) ClickHours(ctx context.Context, actor proofback.Actor, r proofback.TimeRange, p proofback.Page) (proofback.Window[*proofback.ClickHour], error) {
	var w proofback.Window[*proofback.ClickHour]
	if err := actor.RequireStaff(); err != nil {
		return w, err
	}
	if err := r.Validate(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var hours []time.Time
		q := tx.NewSelect().Table("click_counts").ColumnExpr("DISTINCT hour")
		if !r.From.IsZero() {
			q.Where("hour >= ?", r.From)
		}
		if !r.To.IsZero() {
			q.Where("hour < ?", r.To)
		}
		if p.After != nil {
			q.Where("hour < ?", p.After.At)
		}
		if p.Before != nil {
			q.Where("hour > ?", p.Before.At)
		}
		if p.Backward {
			q.OrderExpr("hour")
		} else {
			q.OrderExpr("hour DESC")
		}
		if err := q.Limit(int64(p.Limit)+1).Scan(ctx, &hours); err != nil {
			return err
		}
		w = window(p, hours, func(hour *time.Time) *proofback.ClickHour {
			return &proofback.ClickHour{Hour: hour.UTC(), Complete: true, Closed: true}
		})
		if len(w.Items) == 0 {
			return nil
		}
		return tx.fillClickHours(ctx, w.Items)
	})
	return w, err
}

// fillClickHours reads the counts of hours, and counts their clicks.
func (t *tx) fillClickHours(ctx context.Context, list []*proofback.ClickHour) error {
	byHour := make(map[int64]*proofback.ClickHour, len(list))
	hours := make([]time.Time, len(list))
	for i, h := range list {
		byHour[h.Hour.Unix()], hours[i] = h, h.Hour
	}
	var rows []clickCountRow
	if err := t.NewSelect().Model(&rows).Where("hour IN (?)", bun.List(hours)).OrderExpr("hour, process, closed_at").Scan(ctx); err != nil {
		return err
	}
	for i := range rows {
		c := rows[i].value()
		h := byHour[c.Hour.Unix()]
		h.Accepted += c.Accepted
		h.Stored += c.Stored
		h.Spooled += c.Spooled
		h.Refused += c.Refused
		h.Complete = h.Complete && c.Complete
		h.Closed = h.Closed && !c.ClosedAt.IsZero()
		h.Counts = append(h.Counts, c)
	}
	return t.asPgx(func(pg pgx.Tx) error {
		kept, err := keptFrom(ctx, pg, "clicks")
		if err != nil {
			return err
		}
		rows, err := pg.Query(ctx, `
			SELECT h.hour, (SELECT count(*) FROM clicks WHERE id >= uuid_floor(h.hour) AND id < uuid_floor(h.hour + interval '1 hour'))
			FROM unnest($1::timestamptz[]) AS h (hour)`, hours)
		if err != nil {
			return err
		}
		var hour time.Time
		var there int64
		_, err = pgx.ForEachRow(rows, []any{&hour, &there}, func() error {
			h := byHour[hour.Unix()]
			if hour.Before(kept) && (there == 0 || there < h.Stored+h.Spooled) {
				there = -1 // what is there came out of a spool after the others were dropped
			}
			h.There = there
			return nil
		})
		return err
	})
}
