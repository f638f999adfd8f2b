package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxHotConns bounds the connections that postbacks are decided on: those of the
// writers, and some for what is decided again.
const maxHotConns = 8

// newHotPool makes the pool for the statements that every batch of postbacks
// needs. They are prepared once a connection and keep the plan they are given
// then, since planning one costs more than running it. So whatever is asked here
// must be found by the same index whatever the values are, and however small its table
// was when Postgres last looked: it may have grown a thousandfold before the next look.
func newHotPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	config.MaxConns, config.MinConns, config.MinIdleConns = maxHotConns, 0, 0
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	prepare := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := prepare(ctx, conn); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off`, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// hotTx runs fn in a transaction that a batch begins. Without an error of fn's, the
// rows that it gives are stored and the transaction committed, in one round trip; what
// is to be told after that is told soon.
func (s *Store) hotTx(ctx context.Context, begin *pgx.Batch, fn func(tx pgx.Tx) (*hotRows, error)) error {
	return s.withHot(ctx, func(h *hotConn) error {
		err := h.ask(ctx, begin)
		if err == nil {
			err = s.commitHot(h, fn)
		}
		if err != nil && !h.conn.IsClosed() {
			_, _ = h.conn.Exec(ctx, `ROLLBACK`)
		}
		return err
	})
}

// commitHot runs fn, and stores its rows with a COMMIT.
func (s *Store) commitHot(h *hotConn, fn func(tx pgx.Tx) (*hotRows, error)) error {
	rows, err := fn(lentTx{h.conn})
	if err != nil {
		return err
	}
	err = rows.commit()
	if d, ok := errors.AsType[*doubt](err); ok {
		err = s.settle(d, rows.postback)
	}
	if err == nil && len(rows.after) > 0 {
		s.tell(rows.after...)
	}
	rows.release()
	return err
}

// hotAsk asks outside of a transaction, for what changes nothing.
func (s *Store) hotAsk(ctx context.Context, q *pgx.Batch) error {
	ask := func(h *hotConn) error { return h.ask(ctx, q) }
	err := s.withHot(ctx, ask)
	if outgrown(err) {
		return s.withHot(ctx, ask)
	}
	return err
}

// outgrown reports whether a connection has prepared a statement that a table has
// outgrown: migrations may run while older processes go on. On a new connection it works.
func outgrown(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "0A000" // feature_not_supported: a cached plan must not change result type
}

// withHot lends a connection until ctx's deadline.
func (s *Store) withHot(ctx context.Context, fn func(h *hotConn) error) error {
	conn, err := s.hot.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // the pool drops a connection that is closed or has an open transaction
	h := s.hotOf(conn.Conn())
	if err := h.until(ctx); err != nil {
		return h.lost(err)
	}
	returned := false
	defer func() {
		if !returned { // fn panicked: there may be answers on their way that nobody has read
			h.close()
		}
	}()
	err = fn(h)
	returned = true
	if outgrown(err) {
		h.close()
		s.hot.Reset() // the others know it as well
	}
	if !h.conn.IsClosed() {
		if err := h.until(context.Background()); err != nil {
			return h.lost(err)
		}
	}
	return err
}
