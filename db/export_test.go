package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// ChangeAs and ReadAs open an actor's transaction as every method does, for tests of
// what it may do whatever the methods ask for.
func (s *Store) ChangeAs(ctx context.Context, actor proofback.Actor, fn func(pgx.Tx) error) error {
	return s.tx(ctx, actor, func(_ context.Context, tx *tx) error { return tx.asPgx(fn) })
}

func (s *Store) ReadAs(ctx context.Context, actor proofback.Actor, fn func(pgx.Tx) error) error {
	return s.readTx(ctx, actor, func(_ context.Context, tx *tx) error { return tx.asPgx(fn) })
}

// AsOwnerWithin has fn run with the owner's rights, in the middle of an actor's
// transaction.
func (s *Store) AsOwnerWithin(ctx context.Context, actor proofback.Actor, before, fn, after func(pgx.Tx) error) error {
	return s.tx(ctx, actor, func(_ context.Context, tx *tx) error {
		return tx.asPgx(func(lent pgx.Tx) error {
			if err := before(lent); err != nil {
				return err
			}
			if err := tx.lentAsOwner(ctx, lent, func() error { return fn(lent) }); err != nil {
				return err
			}
			return after(lent)
		})
	})
}

// EnsureRole makes a role as partners' are made.
func EnsureRole(ctx context.Context, pool *pgxpool.Pool, role string) error {
	return ensureRole(ctx, pool, role)
}

// RollUpSooner makes RollUp count a quarter hour as soon as it is over and there is
// a click in it, and the values of a day a few clicks at a time.
func (s *Store) RollUpSooner() { s.rollClicks, s.valueClicks = 1, 5 }

// SplitReportsSooner makes the totals and the page of a report apart wherever they can be.
func (s *Store) SplitReportsSooner() { s.reportSplit = 1 }

// InLateTx runs fn in a transaction whose rows are sent with its COMMIT.
func InLateTx(ctx context.Context, s *Store, fn func(tx pgx.Tx) error) error {
	var q pgx.Batch
	q.Queue(`BEGIN`)
	return s.hotTx(ctx, &q, func(tx pgx.Tx) (*hotRows, error) {
		c := newHotRows(s.hotOf(tx.Conn()))
		return c, fn(lateTx{lentTx{tx.Conn()}, c})
	})
}

// IsWorthIt reports whether a Decider of four writers begins another batch.
func IsWorthIt(share, waiting, onTheirWay, slow int) bool {
	d := Decider{atOnce: 4, share: share, queue: make([]*undecided, waiting), batches: onTheirWay, busy: onTheirWay + slow}
	return d.isWorthIt()
}

// SayCounts tells the database what became of clicks so far, as a writer does every few
// seconds.
func (w *ClickWriter) SayCounts(ctx context.Context) error { return w.tally.say(ctx, false) }

// KeepOnDisk is KeepIn on a disk that takes a while.
func (u *Setup) KeepOnDisk(path, network string, takes time.Duration) {
	u.KeepIn(path, network)
	u.file.replace = func(path string, b []byte) error {
		<-time.After(takes)
		return replaceFile(path, b)
	}
}

// MaxPrepared is how many statements a connection keeps.
const MaxPrepared = maxPrepared

// ReadOnce reads by one statement without parameters.
func (s *Store) ReadOnce(ctx context.Context, actor proofback.Actor, sql string, read func(pgx.Rows) error) error {
	return s.readOnce(ctx, actor, pageQuery{sql: sql, read: read})
}

// JudgedColumns are what a postback asks of its click.
const JudgedColumns = judgedColumns

// KnownByTxID is what several postbacks ask of transaction ids.
const KnownByTxID = knownByTxID

// HotAsk asks on a connection for postbacks.
func HotAsk(ctx context.Context, s *Store, q *pgx.Batch) error { return s.hotAsk(ctx, q) }

// DomainError is what callers of a Store are told of an error.
func DomainError(err error) error { return domainError(err) }

// AppendDecimal writes a number as Postgres takes it, after its length.
func AppendDecimal(b []byte, d proofback.Decimal) []byte { return appendDecimal(b, d) }

// ChangeCursor is where whoever was told of everything until now would go on.
func (s *Store) ChangeCursor(ctx context.Context) (string, error) {
	p, err := s.snapshotNow(ctx)
	return p.String(), err
}
