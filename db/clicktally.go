package db

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

const (
	// tallyEvery is how often a process says what it counted: what it counted after
	// that is unknown if it is killed.
	tallyEvery   = 5 * time.Second
	tallyTimeout = 5 * time.Second
	// tallyAfter is how long after an hour's end its clicks may still be on their way.
	tallyAfter = time.Minute
	// tallyKeep is how long an hour is remembered after its end.
	tallyKeep = 3 * time.Hour
)

// clickTally counts what becomes of clicks, by the hour in which they were made. It
// costs a click two additions.
type clickTally struct {
	store   *Store
	process uuid.UUID
	current atomic.Pointer[hourTally]
	ended   chan struct{}

	saying sync.Mutex // held while the database is told; taken before mu, which clicks may wait for
	mu     sync.Mutex
	hours  map[int64]*hourTally // by hours since the epoch
}

// hourTally are the counters of an hour.
type hourTally struct {
	hour                               int64
	accepted, stored, spooled, refused atomic.Int64

	said proofback.ClickCount // under the tally's saying
}

func newClickTally(s *Store) *clickTally {
	return &clickTally{store: s, process: newID(), ended: make(chan struct{}), hours: map[int64]*hourTally{}}
}

const hourSeconds = int64(time.Hour / time.Second)

// accept counts a click that is to be stored.
func (t *clickTally) accept(at time.Time) *hourTally {
	n := at.Unix() / hourSeconds
	h := t.current.Load()
	if h == nil || h.hour != n {
		h = t.of(n)
		if last := t.current.Load(); last == nil || last.hour < n {
			t.current.Store(h)
		}
	}
	h.accepted.Add(1)
	return h
}

// of gives the counters of an hour.
func (t *clickTally) of(n int64) *hourTally {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hours[n]
	if h == nil {
		h = &hourTally{hour: n}
		t.hours[n] = h
	}
	return h
}

// errSpooled says that a click is kept in the spool.
var errSpooled = errors.New("the click is in the spool")

// Write stores a click and returns once it is committed, or where Postgres is away,
// once it is on disk in the spool. If a cap of its offer turns out to be reached,
// that is the outcome that it is stored with and that c has then. An UNAVAILABLE
// error says that nobody may count on it: the queue is full, Postgres is away and
// the spool does not take the click, or ctx ended first (then the click may yet be
// stored).
//
// Clicks that are counted for a cap are not spooled: whether there is a place left
// only Postgres knows.
func (w *ClickWriter) Write(ctx context.Context, c *proofback.Click) error {
	h := w.tally.accept(c.At)
	err := w.take(ctx, c)
	switch {
	case err == nil:
		h.stored.Add(1)
	case errors.Is(err, errSpooled):
		h.spooled.Add(1)
		return nil
	default:
		h.refused.Add(1)
	}
	return err
}

// run says what was counted until ctx ends.
func (t *clickTally) run(ctx context.Context) {
	defer close(t.ended)
	tick := time.NewTicker(tallyEvery)
	defer tick.Stop()
	for {
		if !t.store.Away() {
			if err := t.say(ctx, false); err != nil && ctx.Err() == nil {
				t.store.log.WarnContext(ctx, "what became of clicks could not be told", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// end says what was counted for the last time.
func (t *clickTally) end(ctx context.Context) {
	<-t.ended
	if t.store.Away() {
		return // and the counts stay incomplete
	}
	if err := t.say(context.WithoutCancel(ctx), true); err != nil {
		t.store.log.WarnContext(ctx, "what became of clicks could not be told: the counts of this hour stay incomplete", "error", err)
	}
}

// say tells the database what was counted, as far as that is news. An hour is said
// before its first click is there to be counted, so that one in which the process is
// killed is known to be incomplete.
func (t *clickTally) say(ctx context.Context, last bool) error {
	ctx, cancel := context.WithTimeout(ctx, tallyTimeout)
	defer cancel()
	now := t.store.clock()
	if !last {
		t.of(now.Unix() / hourSeconds)
		t.of(now.Add(tallyAfter).Unix() / hourSeconds)
	}
	t.saying.Lock()
	defer t.saying.Unlock()
	news, told := t.news(now, last)
	if len(news) == 0 {
		return nil
	}
	if err := t.store.sayClickCounts(ctx, t.process, news, now); err != nil {
		return err
	}
	for i, h := range told {
		h.said = news[i]
	}
	return nil
}

// news are the counts that were not told yet, and whose they are. saying is held.
func (t *clickTally) news(now time.Time, last bool) (news []proofback.ClickCount, of []*hourTally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, h := range t.hours {
		c := h.read()
		over := time.Unix((n+1)*hourSeconds, 0)
		c.Complete = c.Accepted == c.Stored+c.Spooled+c.Refused && (last || now.After(over.Add(tallyAfter)))
		if c != h.said {
			news, of = append(news, c), append(of, h)
		} else if c.Complete && now.After(over.Add(tallyKeep)) {
			delete(t.hours, n)
		}
	}
	return news, of
}

// read takes the counters so that no click is counted as answered and not as accepted.
func (h *hourTally) read() proofback.ClickCount {
	c := proofback.ClickCount{
		Hour:   time.Unix(h.hour*hourSeconds, 0).UTC(),
		Stored: h.stored.Load(), Spooled: h.spooled.Load(), Refused: h.refused.Load(),
	}
	c.Accepted = h.accepted.Load()
	return c
}

// countsLock keeps counts from being closed while they are said.
const countsLock = `hashtext('proofback.click_counts')`

// sayClickCounts writes what a process counted so far. What of it was closed already,
// because nothing was heard for long, is in the ledger: the rest is a row of its own.
func (s *Store) sayClickCounts(ctx context.Context, process uuid.UUID, list []proofback.ClickCount, now time.Time) error {
	type c = proofback.ClickCount
	numbers := func(of func(c) int64) []int64 { return column(list, of) }
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared(`+countsLock+`)`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO click_counts (id, process, hour, accepted, stored, spooled, refused, said_at, complete)
			SELECT gen_random_uuid(), $1, u.hour, u.accepted - d.accepted, u.stored - d.stored, u.spooled - d.spooled, u.refused - d.refused, $2, u.complete
			FROM unnest($3::timestamptz[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::boolean[])
				AS u (hour, accepted, stored, spooled, refused, complete)
			CROSS JOIN LATERAL (
				SELECT count(*) AS n, coalesce(sum(accepted), 0) AS accepted, coalesce(sum(stored), 0) AS stored,
					coalesce(sum(spooled), 0) AS spooled, coalesce(sum(refused), 0) AS refused
				FROM click_counts AS done
				WHERE done.process = $1
				  AND done.hour = u.hour
				  AND done.closed_at IS NOT NULL
			) AS d
			WHERE d.n = 0 OR u.stored > d.stored OR u.spooled > d.spooled OR u.refused > d.refused
			ON CONFLICT (hour, process) WHERE closed_at IS NULL
			DO UPDATE SET accepted = excluded.accepted, stored = excluded.stored, spooled = excluded.spooled, refused = excluded.refused,
				said_at = excluded.said_at, complete = excluded.complete`,
			process, now,
			column(list, func(c c) time.Time { return c.Hour }),
			numbers(func(c c) int64 { return c.Accepted }),
			numbers(func(c c) int64 { return c.Stored }),
			numbers(func(c c) int64 { return c.Spooled }),
			numbers(func(c c) int64 { return c.Refused }),
			column(list, func(c c) bool { return c.Complete }))
		return err
	})
}

// nameHours says, before clicks are moved out of a segment, that somebody accepted clicks
// in their hours and has not told how many: who took them while Postgres was away, and was
// killed, never could, and they would be clicks that nobody accepted. What this process
// took itself it tells soon; whoever left the others is known by its folder alone.
func (k *clickSpool) nameHours(ctx context.Context, g *spool.Segment, clicks []spooledClick) error {
	process, earlier := g.Left()
	if !earlier {
		process = k.process
	}
	hours := map[time.Time]bool{}
	for _, c := range clicks {
		hours[c.at.UTC().Truncate(time.Hour)] = true
	}
	if len(hours) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tallyTimeout)
	defer cancel()
	// Not from before counting began, since all hours from the first on are verified.
	return k.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			INSERT INTO click_counts (id, process, hour, accepted, stored, spooled, refused, said_at, complete)
			SELECT gen_random_uuid(), $1, u.hour, 0, 0, 0, 0, $2, false
			FROM unnest($3::timestamptz[]) AS u (hour)
			WHERE u.hour >= coalesce((SELECT min(hour) FROM click_counts), '-infinity')
			  AND NOT EXISTS (SELECT FROM click_counts AS c WHERE c.hour = u.hour AND c.process = $1)
			ON CONFLICT DO NOTHING`, process, k.store.clock(), slices.Collect(maps.Keys(hours)))
		return err
	})
}

// queueTold counts clicks that are stored in the same transaction without a visitor.
func queueTold(q *pgx.Batch, clicks map[time.Time]int64, now time.Time) {
	if len(clicks) == 0 {
		return
	}
	var hours []time.Time
	var counts []int64
	for hour, n := range clicks {
		hours, counts = append(hours, hour), append(counts, n)
	}
	q.Queue(`
		INSERT INTO click_counts (id, hour, accepted, stored, spooled, refused, said_at, complete)
		SELECT gen_random_uuid(), hour, n, n, 0, 0, $3, true
		FROM unnest($1::timestamptz[], $2::bigint[]) AS u (hour, n)`, hours, counts, now)
}
