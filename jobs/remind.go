package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// remindAfter is long enough for the transaction that made a job to commit, and
	// for River to notify again: it tells of one job in each fetchCooldown, and
	// decides on it before the commit.
	remindAfter = 25 * time.Millisecond
	// remindWithin bounds a reminder.
	remindWithin = 5 * time.Second
)

// reminder notifies once more, soon after jobs were made, so that those which River
// told nobody of are not first found by the next poll. However many are made
// meanwhile, a queue has one reminder under way. One that is lost costs a poll.
type reminder struct {
	pool *pgxpool.Pool

	mu     sync.Mutex
	due    map[string]*time.Timer // by queue
	firing sync.WaitGroup
	closed bool
}

func newReminder(pool *pgxpool.Pool) *reminder {
	return &reminder{pool: pool, due: map[string]*time.Timer{}}
}

// of has a queue reminded.
func (r *reminder) of(queue string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.due[queue] != nil {
		return
	}
	r.due[queue] = time.AfterFunc(remindAfter, func() { r.fire(queue) })
}

func (r *reminder) fire(queue string) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	delete(r.due, queue)
	r.firing.Add(1)
	r.mu.Unlock()
	defer r.firing.Done()
	ctx, cancel := context.WithTimeout(context.Background(), remindWithin)
	defer cancel()
	_, _ = r.pool.Exec(ctx, `SELECT pg_notify(current_schema() || '.river_insert', $1)`, fmt.Sprintf(`{"queue": %q}`, queue))
}

// close reminds of nothing more, and returns when nothing is under way.
func (r *reminder) close() {
	r.mu.Lock()
	r.closed = true
	for _, t := range r.due {
		t.Stop()
	}
	r.mu.Unlock()
	r.firing.Wait()
}
