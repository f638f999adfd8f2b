package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// tx is a transaction on behalf of an actor.
type tx struct {
	bun.Conn
	actor proofback.Actor
	now   time.Time

	changes []proofback.AuditChange // so far
	who     *proofback.Actor        // who acts, where the actor is Proofback itself
}

// How transactions begin.
const (
	beginChange = "BEGIN"
	beginRead   = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
)

// endTimeout bounds how long a transaction takes that is given up.
const endTimeout = 5 * time.Second

// tx runs fn in a transaction on behalf of actor and commits it when fn gives no
// error, with what the audit log has to tell of it. Who may only read is refused. Errors of Postgres become domain errors on the way out.
func (s *Store) tx(ctx context.Context, actor proofback.Actor, fn func(ctx context.Context, tx *tx) error) error {
	if err := actor.RequireChange(); err != nil {
		return err
	}
	return s.txWith(ctx, actor, beginChange, fn)
}

// readTx is tx over one snapshot, for what reads.
func (s *Store) readTx(ctx context.Context, actor proofback.Actor, fn func(ctx context.Context, tx *tx) error) error {
	return s.txWith(ctx, actor, beginRead, fn)
}

// txWith is the one place where people's transactions are opened: BEGIN and what binds
// the transaction to a partner are one round trip, which is why it is not left to
// database/sql.
func (s *Store) txWith(ctx context.Context, actor proofback.Actor, begin string, fn func(ctx context.Context, tx *tx) error) error {
	bound, err := binding(actor)
	if err != nil {
		return err
	}
	conn, err := s.bun.Conn(ctx)
	if err != nil {
		return domainError(err)
	}
	defer func() { _ = conn.Close() }()
	t := &tx{Conn: conn, actor: actor, now: s.clock()}
	if err = t.control(ctx, begin+bound); err == nil {
		err = fn(ctx, t)
	}
	if err == nil && begin == beginChange {
		err = t.audit(ctx)
	}
	if err != nil {
		// With the request's context over, the connection is of no use any more. One
		// that does not get back is closed by the pool.
		ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_ = t.control(ended, "ROLLBACK")
		return domainError(err)
	}
	return domainError(t.control(ctx, "COMMIT"))
}

// control sends statements without parameters in one round trip.
func (t *tx) control(ctx context.Context, sql string) error {
	return t.asPgx(func(lent pgx.Tx) error {
		tag, err := lent.Exec(ctx, sql)
		if err == nil && sql == "COMMIT" && tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return err
	})
}

// asPgx lends the transaction's connection to code that wants a pgx.Tx, which
// is River's way to insert jobs. fn must not commit, roll back or keep it.
func (t *tx) asPgx(fn func(pgx.Tx) error) error {
	return t.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errors.New("db: not a pgx connection")
		}
		return fn(lentTx{c.Conn()})
	})
}
