package db

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

// Config says how a Store works.
type Config struct {
	// URL is the Postgres to use, as a URL or key=value string. pgxpool's own
	// parameters (pool_max_conns …) are understood.
	URL string
	// MaxConns bounds the pool; 0 takes what URL says, else 20. Clicks and postbacks
	// are stored on connections beside it.
	MaxConns int32
	// Currency is the network's own, in which amounts are normalised; it must
	// not change over the life of a database. Default EUR.
	Currency string
	// Sealer keeps partners' secrets; it must be the same in all processes.
	Sealer *Sealer
	// CheckURL judges a URL that is to be called by us, when it is saved; its errors
	// are of code BAD_USER_INPUT, without a field. Default: all are taken.
	CheckURL func(rawURL string) error
	// Tracer sees every statement; default none.
	Tracer pgx.QueryTracer
	// Log takes what has no caller to be told; default slog.Default().
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Store is the one way to the database. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool
	hot      *pgxpool.Pool // for what every postback needs
	tracer   pgx.QueryTracer
	jobs     *pgxpool.Pool // for River
	leaves   clickLeaves
	counters *counters                               // of conversions, for caps
	terms    *lru.Cache[uuid.UUID, *proofback.Terms] // as they were read for offers
	rates    *rateMemory                             // as postbacks found them
	bun      *bun.DB
	sealer   *Sealer
	currency string
	log      *slog.Logger
	now      func() time.Time
	checkURL func(rawURL string) error
	enqueuer Enqueuer
	mailer   Mailer // nil: no mail is sent

	rollClicks  int // before a day is over (RollUp)
	valueClicks int // at a time
	reportSplit int // rows (reportQuery.read)

	word changeWord // of conversions that changed

	away  atomic.Bool                 // Postgres was lost, and is not found back yet
	spool atomic.Pointer[spool.Spool] // of this process; nil when it has none
}

// Enqueuer puts the jobs that a change makes necessary into its transaction.
// Package jobs implements it.
type Enqueuer interface {
	// EnqueueDeliveries asks for deliveries that tx has recorded to be carried
	// out once it commits.
	EnqueueDeliveries(ctx context.Context, tx pgx.Tx, deliveries []DeliveryKey) error
	// EnqueuePlan asks for attempts and releases to be made when they are due,
	// once tx commits.
	EnqueuePlan(ctx context.Context, tx pgx.Tx, p Plan) error
	// EnqueueLooks asks for deferred postbacks to be looked at again soon after tx
	// commits.
	EnqueueLooks(ctx context.Context, tx pgx.Tx, postbacks []uuid.UUID) error
}

// fences are second to the deadlines that whoever asks has: Postgres ends what
// outlives them, so that nothing that was forgotten holds locks without end. An
// export may be idle for as long as somebody takes to download a page.
const fences = `SET statement_timeout = '5min'; SET idle_in_transaction_session_timeout = '5min'`

// Open connects to Postgres and makes sure that it answers. It does not migrate.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := OpenAway(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.pool.Ping(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// OpenAway is Open where Postgres may be away: it is not asked anything yet.
func OpenAway(ctx context.Context, c Config) (*Store, error) {
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, err
	}
	if c.MaxConns > 0 {
		pc.MaxConns = c.MaxConns
	} else if pc.MaxConns < 20 {
		pc.MaxConns = 20
	}
	// Exec sends a query in one round trip and prepares nothing, so that plans
	// never depend on what a connection did before. The hot paths ask for more.
	pc.ConnConfig.Tracer = c.Tracer
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pc.ConnConfig.RuntimeParams["application_name"] = "proofback"
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		registerUUIDs(conn.TypeMap())
		_, err := conn.PgConn().Exec(ctx, fences).ReadAll()
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, err
	}
	hot, err := newHotPool(ctx, pool.Config())
	if err != nil {
		pool.Close()
		return nil, err
	}
	jobs, err := newJobPool(ctx, pool.Config())
	if err != nil {
		hot.Close()
		pool.Close()
		return nil, err
	}
	s := &Store{
		pool:     pool,
		hot:      hot,
		tracer:   c.Tracer,
		jobs:     jobs,
		counters: newCounters(pool, makeSaleCounters),
		bun:      bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New()),
		sealer:   c.Sealer,
		currency: c.Currency,
		terms:    newLRU[uuid.UUID, *proofback.Terms](termsCacheSize),
		rates:    newRateMemory(),
		log:      c.Log,
		now:      c.Now,
		checkURL: c.CheckURL,

		rollClicks:  rollClicks,
		valueClicks: valueClicks,
		reportSplit: reportSplit,
	}
	if s.currency == "" {
		s.currency = "EUR"
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// requireCallable wants a URL that we may call; field is its name in the API.
func (s *Store) requireCallable(rawURL, field string) error {
	if s.checkURL == nil {
		return nil
	}
	err := s.checkURL(rawURL)
	var e *proofback.Error
	if errors.As(err, &e) {
		return proofback.Invalid([]string{field}, "%s", e.Message)
	}
	return err
}

// Close waits for borrowed connections and closes the pool.
func (s *Store) Close() {
	s.word.sent.Wait()
	_ = s.bun.Close() // only the database/sql façade; it owns no connection
	s.jobs.Close()
	s.hot.Close()
	s.pool.Close()
}

// Pool lends the connection pool, for transactions that River has a part in.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// JobPool lends River a pool for its own statements.
func (s *Store) JobPool() *pgxpool.Pool { return s.jobs }

// SetEnqueuer says who enqueues jobs; it must be called before the first change
// of a conversion. It exists because the job client is made from the pool.
func (s *Store) SetEnqueuer(e Enqueuer) { s.enqueuer = e }

// Ping reports whether Postgres answers.
func (s *Store) Ping(ctx context.Context) error { return s.pool.Ping(ctx) }

// Currency is the network's own.
func (s *Store) Currency() string { return s.currency }

// clock is now in UTC at the precision that Postgres keeps.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// random gives out what ids and salts are made of.
var random = proofback.RandomBlocks{From: rand.Reader}

// newID makes a row's key: a UUIDv7 of the current time.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7FromReader(&random)) }
