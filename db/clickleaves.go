package db

import (
	"context"
	"errors"
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
func (s *Store) clicksIn(ctx context.Context, leaves map[string]bool, ids []uuid.UUID) (map[uuid.UUID]*proofback.Click, error) {
	clicks := make(map[uuid.UUID]*proofback.Click, len(ids))
	scan := func(rows pgx.Rows) error {
		for rows.Next() {
			c, err := scanJudged(rows)
			if err != nil {
				return err
			}
			clicks[c.ID] = c
		}
		return rows.Err()
	}
	byTable := map[string][]uuid.UUID{}
	for _, id := range ids {
		table := clickLeaf(id)
		if !leaves[table] {
			table = "clicks"
		}
		byTable[table] = append(byTable[table], id)
	}
	var q pgx.Batch
	for table, ids := range byTable {
		q.Queue(`SELECT `+judgedColumns+` FROM `+table+` WHERE id = ANY ($1)`, ids).Query(scan)
	}
	return clicks, s.hotAsk(ctx, &q)
}

// scanJudged reads judgedColumns, and what follows them.
func scanJudged(row pgx.Row, more ...any) (*proofback.Click, error) {
	c := new(proofback.Click)
	if err := row.Scan(append([]any{&c.ID, &c.At, &c.AffiliateID, &c.TermsID, &c.Outcome, &c.Flags}, more...)...); err != nil {
		return nil, err
	}
	c.At = c.At.UTC()
	return c, nil
}

// clickLeaf is the name of the partition that a click's day has, or would have
// (make_partitions).
func clickLeaf(id uuid.UUID) string {
	var name [len("clicks_20060102")]byte
	return string(proofback.UUIDTime(id).AppendFormat(append(name[:0], "clicks_"...), "20060102"))
}

// clickLeaves are the partitions of clicks that are known to be there.
type clickLeaves struct {
	mu    sync.Mutex
	names map[string]bool // never changed, only replaced
	asked time.Time
}

// leavesFor is how long a partition that was made meanwhile may go unseen: until
// then its clicks are found through the partitioned table.
const leavesFor = time.Minute

func (l *clickLeaves) get(ctx context.Context, pool *pgxpool.Pool) (map[string]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names != nil && time.Since(l.asked) < leavesFor {
		return l.names, nil
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
	l.names, l.asked = make(map[string]bool, len(names)), time.Now()
	for _, name := range names {
		l.names[name] = true
	}
	return l.names, nil
}

func (l *clickLeaves) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = nil
}
