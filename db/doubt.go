package db

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// What was sent with its COMMIT may be stored although nobody hears of it: the connection
// breaks, or Postgres is late, since it waits for a lock. Who is told that nothing was
// stored sends it again, and it would count twice where nothing tells the two apart. So
// Postgres is told to end what it does, and then it is looked whether it is there.

// ErrInDoubt is what a change comes to when it could not be found out whether it is
// stored, because Postgres was lost with it.
var ErrInDoubt error = proofback.Errorf(proofback.CodeUnavailable, "the database was lost, and it is not known whether this was stored")

// doubt is an error after which nobody knows whether what was sent is stored.
type doubt struct {
	error
	process uint32 // of Postgres, that it was sent to
}

func (d *doubt) Unwrap() error { return d.error }

const (
	// stopWithin is how long Postgres has for ending what it was told to end.
	stopWithin = time.Second
	// settleWithin is how long it is tried to find out what became of a COMMIT.
	settleWithin = 3 * time.Second
	settlePause  = 20 * time.Millisecond
)

// abandon closes a connection on which something may go on, and has Postgres end that:
// else it would hold its locks and its place among the server's connections for as long
// as it waits itself, and then go on to the COMMIT.
func abandon(conn *pgconn.PgConn) {
	if conn.IsClosed() {
		return // pgconn has done so
	}
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(closing)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		_ = conn.CancelRequest(ctx)
	}()
}

// timedOut reports whether a connection still stands on which something took too long.
func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// stop has Postgres end what it does, and tells what that came to: what it had done by
// then is done.
func (h *hotConn) stop() (refused *pgconn.PgError, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := h.conn.PgConn().CancelRequest(ctx); err != nil {
		return nil, err
	}
	if err := h.until(ctx); err != nil {
		return nil, err
	}
	return readToEnd(h.conn.PgConn())
}

// settle gives no error when it turns out that everything is stored, and d when nothing
// is.
func (s *Store) settle(d *doubt, postback uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	for {
		switch ended, stored, err := s.became(ctx, d.process, postback); {
		case err == nil && stored:
			return nil
		case err == nil && ended:
			return d
		}
		if !wait(ctx, settlePause) {
			return errors.Join(ErrInDoubt, d)
		}
	}
}

// became tells whether a process of Postgres has ended, and whether a postback is stored.
// It is asked in this order: what was committed before the end is seen.
func (s *Store) became(ctx context.Context, process uint32, postback uuid.UUID) (ended, stored bool, err error) {
	var q pgx.Batch
	q.Queue(`SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, int32(process)).QueryRow(func(row pgx.Row) error { return row.Scan(&ended) })
	q.Queue(`SELECT EXISTS (SELECT FROM postbacks WHERE id = $1)`, postback).QueryRow(func(row pgx.Row) error { return row.Scan(&stored) })
	err = s.pool.SendBatch(ctx, &q).Close()
	return ended, stored, err
}
