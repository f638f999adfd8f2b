package db

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// judgedColumns are what a decision needs of a click, beside what its terms tell: whose
// offer it was sent to. They stand in the index of its key, so nothing else is read.
const judgedColumns = `id, at, affiliate_id, terms_id, outcome, flags`

// judgedClicks brings judgedColumns of clicks, by id: from the partition
// of each one's day, all in one round trip. Asked for several ids at once, the
// partitioned table would look for every id in every partition.
func (s *Store) judgedClicks(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*proofback.Click, error) {
	leaves, err := s.leaves.get(ctx, s.hot)
	if err != nil {
		return nil, err
	}
	clicks, err := s.clicksIn(ctx, leaves, ids)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42P01" { // undefined_table
		s.leaves.forget() // one was dropped
		return s.clicksIn(ctx, nil, ids)
	}
	return clicks, err
}

// clicksIn looks clicks up, those of other days than the leaves' in the
// partitioned table.
func (s *Store) clicksIn(ctx context.Context, leaves map[clickDay]*clickLeaf, ids []uuid.UUID) (map[uuid.UUID]*proofback.Click, error) {
	found := make([]proofback.Click, 0, len(ids))
	clicks := make(map[uuid.UUID]*proofback.Click, len(ids))
	var c proofback.Click
	into := judgedInto(&c)
	scan := func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return err
			}
			c.At = c.At.UTC()
			found = append(found, c)
			clicks[c.ID] = &found[len(found)-1]
		}
		return rows.Err()
	}
	var q pgx.Batch
	var elsewhere []uuid.UUID
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) // which is by day
	for len(ids) > 0 {
		day, n := clickDayOf(ids[0]), 1
		for n < len(ids) && clickDayOf(ids[n]) == day {
			n++
		}
		if leaf := leaves[day]; leaf != nil {
			q.Queue(leaf.judged, ids[:n]).Query(scan)
		} else {
			elsewhere = append(elsewhere, ids[:n]...)
		}
		ids = ids[n:]
	}
	if len(elsewhere) > 0 {
		q.Queue(judgedFrom(`clicks`), elsewhere).Query(scan)
	}
	return clicks, s.hotAsk(ctx, &q)
}

func judgedFrom(table string) string {
	return `SELECT ` + judgedColumns + ` FROM ` + table + ` WHERE id = ANY ($1)`
}

// judgedInto is where judgedColumns are read into.
func judgedInto(c *proofback.Click) []any {
	return []any{&c.ID, &c.At, &c.AffiliateID, &c.TermsID, &c.Outcome, &c.Flags}
}

// clickDay is a UTC day, counted from that of Unix time's beginning.
type clickDay int64

// clickDayOf is the day on which a click was made, by its id.
func clickDayOf(id uuid.UUID) clickDay { return clickDayAt(proofback.UUIDTime(id)) }

func clickDayAt(t time.Time) clickDay {
	day := int64(24 * time.Hour / time.Second)
	return clickDay(t.Unix() / day)
}

// clickLeaf is a day's partition of clicks, with the statements that ask it.
type clickLeaf struct {
	judged           string // judgedColumns of some clicks
	meet, meetByTxID string // what a lone request asks (meetClick)
}

// clickLeaves are the partitions of clicks that are known to be there.
type clickLeaves struct {
	mu    sync.Mutex
	days  map[clickDay]*clickLeaf // never changed, only replaced
	asked time.Time
}

// leavesFor is how long a partition that was made meanwhile may go unseen: until
// then its clicks are found through the partitioned table.
const leavesFor = time.Minute

func (l *clickLeaves) get(ctx context.Context, pool *pgxpool.Pool) (map[clickDay]*clickLeaf, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.days != nil && time.Since(l.asked) < leavesFor {
		return l.days, nil
	}
	rows, err := pool.Query(ctx, `
		SELECT inhrelid::regclass::text
		FROM pg_inherits
		WHERE inhparent = 'clicks'::regclass
		AND NOT inhdetachpending`)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	l.days, l.asked = make(map[clickDay]*clickLeaf, len(names)), time.Now()
	for _, name := range names {
		if day, err := time.Parse(leafName, name); err == nil { // the default partition is no day's
			l.days[clickDayAt(day)] = newClickLeaf(name)
		}
	}
	return l.days, nil
}

// leafName is the name of the partition of clicks of a day (make_partitions).
const leafName = "clicks_20060102"

func newClickLeaf(name string) *clickLeaf {
	return &clickLeaf{judged: judgedFrom(name), meet: meetClick(name, false), meetByTxID: meetClick(name, true)}
}

func (l *clickLeaves) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.days = nil
}
