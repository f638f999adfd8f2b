package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

// clickSpool is a ClickWriter's second way to keep clicks. Those that Postgres
// could not take are spooled; once it was lost, all are, without asking it, until
// a look each second finds it back. Then they are moved into the database, in
// their order and beside the live ones.
type clickSpool struct {
	store   *Store
	files   *spool.Spool
	pool    *pgxpool.Pool // the writer's, with a connection for this
	log     *slog.Logger
	pace    *rate.Limiter // of moving, in clicks a second
	process uuid.UUID     // by which the tally counts
	drained atomic.Int64

	patience time.Duration // with the next look for Postgres

	ended   chan struct{} // closed when nothing is done any more
	reached chan struct{} // closed when Postgres was first reached
	wake    chan struct{} // holds one when there is something to be done at once
	said    time.Time     // when the database was last told what is kept
	known   map[uuid.UUID]bool
}

func newClickSpool(s *Store, pool *pgxpool.Pool, process uuid.UUID, c *ClickWriterConfig) *clickSpool {
	k := &clickSpool{
		store:   s,
		files:   c.Spool,
		pool:    pool,
		log:     s.log,
		process: process,

		patience: probeTimeout,

		pace:    rate.NewLimiter(rate.Limit(c.DrainPerSecond), drainChunk),
		ended:   make(chan struct{}),
		reached: make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
	s.spool.Store(k.files)
	if c.Unreached {
		s.away.Store(true)
	} else {
		close(k.reached)
	}
	return k
}

func (k *clickSpool) start(ctx context.Context) {
	go func() {
		defer close(k.ended)
		k.run(ctx)
	}()
}

// Reached says that Postgres was reached, and has this version's schema. It is
// to be called once, when the writer was made with Unreached.
func (w *ClickWriter) Reached() { close(w.spool.reached) }

// Drained is how many clicks have been moved from the spool into the database.
func (w *ClickWriter) Drained() int64 {
	if w.spool == nil {
		return 0
	}
	return w.spool.drained.Load()
}

func (w *ClickWriter) isAway() bool { return w.spool != nil && w.spool.store.Away() }

// keep spools a click, given its row, that Postgres did not take for a reason that
// has nothing to do with it.
func (w *ClickWriter) keep(ctx context.Context, c *proofback.Click, row []byte, reason error) error {
	passes := errors.Is(reason, ErrAway) || isLost(reason) || unavailable(reason) || housedMeanwhile(reason)
	if w.spool == nil || w.isCounted(c) || !passes {
		return clickUnavailable(reason)
	}
	return w.spool.keep(ctx, c, row)
}

// Away reports whether Postgres could not be reached when it was last tried.
// Only a ClickWriter with a spool tries; without one the answer is always no.
func (s *Store) Away() bool { return s.away.Load() }

// ErrAway is what is answered without asking Postgres while it is away.
var ErrAway error = proofback.Errorf(proofback.CodeUnavailable, "the database is away: nothing was stored, try again")

// lostError is an error that Postgres was lost with: it may or may not have done
// what was asked.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// lostWith tells errors that a connection did not survive, or that kept it from
// being made, and those of a server that only reads, from Postgres' plain answers.
func lostWith(conn *pgxpool.Conn, err error) error {
	if err == nil {
		return nil
	}
	const readOnly = "25006"
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if conn == nil || conn.Conn().IsClosed() || ok && pg.Code == readOnly {
		return &lostError{err}
	}
	return err
}

// isLost reports whether Postgres was lost with an error.
func isLost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// lost has all clicks spooled from now on.
func (k *clickSpool) lost(err error) {
	if k.store.away.CompareAndSwap(false, true) {
		k.log.Warn("postgres is away: clicks are kept in the spool until it is back", "error", err)
		k.wakeUp()
	}
}

func (k *clickSpool) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default: // it has been woken
	}
}

// keep spools a click, given its row, and returns once it is on disk: with errSpooled.
func (k *clickSpool) keep(ctx context.Context, c *proofback.Click, row []byte) error {
	payload := appendSpooled(make([]byte, 0, len(row)+len(c.UserAgent)+len(c.Referrer)+8), c, row)
	if err := k.files.Append(ctx, spool.Record{At: c.At, Payload: payload}); err != nil {
		return clickUnavailable(err)
	}
	if !k.store.Away() {
		k.wakeUp()
	}
	return errSpooled
}

// spooledFormat is the first byte of each click in a spool. A change of what
// follows, or of the columns of a row, takes another one.
const spooledFormat = 1

// appendSpooled appends what is kept of a click: its texts and its row.
func appendSpooled(b []byte, c *proofback.Click, row []byte) []byte {
	b = append(b, spooledFormat)
	for _, text := range [...]string{c.UserAgent, c.Referrer} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return append(b, row...)
}

// spooledClick is a click that was in a spool.
type spooledClick struct {
	id              uuid.UUID
	at              time.Time
	agent, referrer string
	row             []byte
}

func readSpooled(r spool.Record) (spooledClick, error) {
	c := spooledClick{at: r.At}
	b := r.Payload
	if len(b) == 0 || b[0] != spooledFormat {
		return c, errors.New("not in this version's format")
	}
	b = b[1:]
	for _, text := range [...]*string{&c.agent, &c.referrer} {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return c, errors.New("cut short")
		}
		*text = string(b[size : size+int(n)])
		b = b[size+int(n):]
	}
	const beforeID = 2 + 4 // the number of columns, and the first one's length
	if len(b) < beforeID+len(c.id) || binary.BigEndian.Uint16(b) != clickColumns {
		return c, fmt.Errorf("not a row of %d columns", clickColumns)
	}
	c.id, c.row = uuid.UUID(b[beforeID:beforeID+len(c.id)]), b
	return c, nil
}

// with lends the connection that the spool's own work is done on.
func (k *clickSpool) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := k.pool.Acquire(ctx)
	if err != nil {
		return &lostError{err}
	}
	defer conn.Release()
	return lostWith(conn, do(conn.Conn()))
}
