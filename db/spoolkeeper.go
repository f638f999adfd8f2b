package db

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

const (
	// probeEvery is how often Postgres is looked for while it is away.
	probeEvery = time.Second
	// A look may take this long, and twice as long as the last one that was in vain: a
	// server that is back may be slow to let anybody in, as one host of two is that is
	// gone, and would stay away for ever for who does not wait for it.
	probeTimeout    = time.Second
	probeTimeoutMax = 8 * time.Second
	// sayEvery is how often the database is told what the spool keeps, and the
	// spools of dead processes are looked for.
	sayEvery   = 5 * time.Second
	sayTimeout = 5 * time.Second
	// forgetAfter is when a process that says nothing is forgotten. Postbacks stop
	// waiting for its clicks long before.
	forgetAfter = 7 * 24 * time.Hour
)

// run looks after the spool until ctx ends.
func (k *clickSpool) run(ctx context.Context) {
	select {
	case <-k.reached:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		pause, wake := sayEvery, k.wake
		if err := k.turn(ctx); err != nil && ctx.Err() == nil {
			k.complain(ctx, err)
			pause, wake = probeEvery, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// turn does what there is to do.
func (k *clickSpool) turn(ctx context.Context) error {
	if k.store.Away() {
		if err := k.probe(ctx, k.patience); err != nil {
			k.patience = min(2*k.patience, probeTimeoutMax)
			return &lostError{err}
		}
		if err := k.say(ctx); err != nil {
			return err
		}
		k.back()
	}
	if err := k.sayWhenDue(ctx); err != nil {
		return err
	}
	return k.drain(ctx)
}

// complain tells of an error, and has clicks spooled when it says that Postgres is away.
// What is moved may have to wait for somebody's lock until its time is over: who takes
// that for Postgres being away has everybody else refused for it, again and again.
func (k *clickSpool) complain(ctx context.Context, err error) {
	if isLost(err) && (k.store.Away() || k.probe(ctx, probeTimeout) != nil) {
		k.lost(err) // which is told once
		return
	}
	k.log.Error("clicks stay in the spool", "error", err)
}

// probe asks for a connection of its own, and whether it may write.
func (k *clickSpool) probe(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, k.store.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var readOnly string
	if err := conn.QueryRow(ctx, `SHOW transaction_read_only`).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly != "off" {
		return errors.New("the server only reads")
	}
	return nil
}

// back has clicks stored in Postgres again. Connections from before are not used
// any more: whether they still work would only be found out by losing something.
func (k *clickSpool) back() {
	for _, pool := range []*pgxpool.Pool{k.pool, k.store.pool, k.store.hot} {
		pool.Reset()
	}
	k.patience = probeTimeout
	k.store.away.Store(false)
	k.log.Info("postgres is back", "clicks_in_spool", k.files.Stats().Records)
}

// sayWhenDue tells the database what is kept, when it was last told a while ago.
func (k *clickSpool) sayWhenDue(ctx context.Context) error {
	if time.Since(k.said) < sayEvery {
		return nil
	}
	if _, err := k.files.TakeOver(); err != nil {
		k.log.Error("spools of processes that ended cannot be taken over", "error", err)
	}
	if err := k.say(ctx); err != nil {
		return err
	}
	// Not before it was said that there is nothing in them.
	if err := k.files.DropEmpty(); err != nil {
		k.log.Error("empty spools of processes that ended cannot be dropped", "error", err)
	}
	return nil
}

// say tells the database what is kept, by spool. What is spooled after that is
// covered by the time of saying until it is said again.
func (k *clickSpool) say(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sayTimeout)
	defer cancel()
	now := k.store.clock() // before it is looked what is kept
	held := k.files.Holdings()
	known := make(map[uuid.UUID]bool, len(held))
	for _, h := range held {
		known[h.ID] = true
	}
	var gone []uuid.UUID
	for id := range k.known {
		if !known[id] {
			gone = append(gone, id)
		}
	}
	type h = spool.Holding
	q := &pgx.Batch{}
	q.Queue(`
		INSERT INTO spools (id, since, until, seen_at)
		SELECT id, since, until, $4
		FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS u (id, since, until)
		ON CONFLICT (id) DO UPDATE
		SET since = excluded.since, until = excluded.until, seen_at = excluded.seen_at`,
		column(held, func(h h) uuid.UUID { return h.ID }),
		column(held, func(h h) *time.Time { return timeOrNull(h.Since) }),
		column(held, func(h h) *time.Time { return timeOrNull(h.Until) }),
		now)
	q.Queue(`
		DELETE FROM spools
		WHERE id = ANY ($1)
		   OR seen_at < $2`, gone, now.Add(-forgetAfter))
	err := k.with(ctx, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, q).Close() })
	if err == nil {
		k.said, k.known = time.Now(), known
	}
	return err
}

// spoolNotices are what is known of clicks that are in a spool: of this process's
// exactly, of the others' what they last said.
func (s *Store) spoolNotices(ctx context.Context) ([]proofback.SpoolNotice, error) {
	var notices []proofback.SpoolNotice
	ours := []uuid.UUID{}
	if files := s.spool.Load(); files != nil {
		for _, h := range files.Holdings() {
			ours = append(ours, h.ID)
			notices = append(notices, proofback.SpoolNotice{Since: h.Since, Until: h.Until})
		}
	}
	rows, err := s.pool.Query(ctx, `
		SELECT since, until, seen_at
		FROM spools
		WHERE NOT id = ANY ($1)`, ours)
	if err != nil {
		return nil, err
	}
	var n proofback.SpoolNotice
	var since, until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&since, &until, &n.SeenAt}, func() error {
		n.Since, n.Until = time.Time{}, time.Time{}
		if since != nil && until != nil {
			n.Since, n.Until = *since, *until
		}
		notices = append(notices, n)
		return nil
	})
	return notices, err
}

// logDrained tells that clicks have been moved.
func (k *clickSpool) logDrained(clicks, known int, took time.Duration) {
	k.log.Info("clicks were moved from the spool into the database",
		slog.Int("clicks", clicks), slog.Int("stored_before", known), slog.Int64("took_ms", took.Milliseconds()))
}
