package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/mail"
	"github.com/proofback/proofback/jobs/outbound"
)

// The queues, each with workers of its own, so that none keeps another waiting.
const (
	queueDeliver   = "deliver"
	queueFanOut    = "fanout"
	queueLook      = "look"
	queueAudit     = "audit"
	queueUpkeep    = "upkeep"
	queueReconcile = "reconcile"
	queueFeeds     = "feeds"
	queueMail      = "mail"
	queueReports   = "reports"
	queueVerify    = "verify"
)

const (
	// fetchCooldown bounds how fast a queue is worked: at most its workers' number
	// of jobs each 5 ms. A longer one delays every job by half of it on average.
	fetchCooldown = 5 * time.Millisecond
	// pollInterval finds the jobs that no notification told of: those whose reminder
	// was lost, and where nobody is reminded.
	pollInterval = time.Second
	// rarePollInterval is the same where jobs are few and can wait: asking is most of
	// what a program costs that has nothing to do.
	rarePollInterval = 10 * time.Second
	// jobTimeout leaves room around the longest attempt for the database.
	jobTimeout = 20 * time.Second
	// rescueAfter is when a job of a process that died is taken up again. It must
	// be longer than jobTimeout and what recording may take after it.
	rescueAfter = 30 * time.Second
	// completedFor is how long completed jobs are kept to be looked at; the
	// delivery log is kept for good. It must be longer than the longest period that
	// an upkeep job is unique in.
	completedFor = 6 * time.Hour
)

// Config says how Jobs works.
type Config struct {
	// InsertOnly is for processes that make work but do none: Start does nothing.
	InsertOnly bool
	// Setup is what deferred postbacks are decided with; not needed with
	// InsertOnly.
	Setup *db.Setup
	// RatesURL is where reference rates are fetched, in the ECB's XML format: http,
	// https or file; "" fetches none.
	RatesURL string
	// Seal has the ledger sealed; nil leaves it to other processes.
	Seal func(context.Context) error
	// Verify has the database held against itself, once a night; nil leaves it to
	// other processes.
	Verify func(context.Context) error
	// Retention is how long clicks and the postback log are kept; default for ever.
	Retention db.Retention
	// KeepReports is how long the files of saved reports are kept; default 30 days.
	KeepReports time.Duration
	// ClickKeys write {click_id}; not needed with InsertOnly, unless for Audit.
	ClickKeys *proofback.ClickKeys
	// Outbound says what may be reached. Its Now and IdlePerHost are set here.
	Outbound outbound.Config
	// Mail hands letters over; nil: nothing is mailed.
	Mail *mail.Sender
	// AppURL is where partners' UI is, without a slash at its end: letters link to it;
	// "" for none.
	AppURL string
	// Retry is the schedule of attempts; default proofback.DefaultRetryPolicy().
	Retry proofback.RetryPolicy
	// Health says when a destination is spared; default
	// proofback.DefaultHealthPolicy().
	Health proofback.HealthPolicy
	// DeliverWorkers bounds the requests in flight in this process: that many first
	// attempts, and that many of deliver jobs; default 200. A waiting one costs some
	// 50 KB; a database connection is only held before and after.
	DeliverWorkers int
	// PerDestination bounds those to one destination; default 5. More sends to a
	// fast endpoint faster, and lets a slow one hold more workers.
	PerDestination int
	// Observe is told of each attempt: what came of it, and how long it took.
	// Default: nobody is.
	Observe func(o proofback.Outcome, took time.Duration)
	// StopTimeout is how long Stop lets running jobs end by themselves before it
	// interrupts them; default 5 s. What is interrupted is done again.
	StopTimeout time.Duration
	// Log takes what has no caller to be told; default slog.Default().
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Random draws evenly from [0, 1) for jitter; default math/rand/v2.
	Random func() float64
}

func (c *Config) setDefaults() {
	if c.Retry == nil {
		c.Retry = proofback.DefaultRetryPolicy()
	}
	if c.Health == (proofback.HealthPolicy{}) {
		c.Health = proofback.DefaultHealthPolicy()
	}
	if c.DeliverWorkers == 0 {
		c.DeliverWorkers = 200
	}
	if c.PerDestination == 0 {
		c.PerDestination = 5
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 5 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(proofback.Outcome, time.Duration) {}
	}
	if c.KeepReports == 0 {
		c.KeepReports = defaultKeepReports
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	// Many destinations may be at one host.
	c.Outbound.Now, c.Outbound.IdlePerHost = c.Now, c.DeliverWorkers
}

// Jobs makes jobs and, unless it is insert-only, works on them.
type Jobs struct {
	client     *river.Client[pgx.Tx]
	outbound   *outbound.Client
	auditor    *auditor
	deliver    *deliverWorker
	testLimits *lru.Cache[uuid.UUID, *rate.Limiter] // by affiliate
	reminder   *reminder
	now        func() time.Time
	insertOnly bool
	stopRescue func()
}

// New makes the job client of a process and the Store's Enqueuer. It works on
// nothing before Start.
func New(store *db.Store, c Config) (*Jobs, error) {
	if (c.ClickKeys == nil || c.Setup == nil) && !c.InsertOnly {
		return nil, fmt.Errorf("jobs: click keys and the set-up are needed to work")
	}
	c.setDefaults()
	j := &Jobs{outbound: outbound.New(c.Outbound), testLimits: newTestLimits(), reminder: newReminder(store.JobPool()), now: c.Now, insertOnly: c.InsertOnly}
	j.deliver = newDeliverWorker(store, j.outbound, c)
	j.auditor = newAuditor(store, j.outbound, c)
	workers := river.NewWorkers()
	river.AddWorker(workers, &fanOutWorker{store: store, deliver: j.deliver, jobs: j, slots: make(chan struct{}, c.DeliverWorkers), turns: make(chan struct{}, maxTurns)})
	river.AddWorker(workers, j.deliver)
	river.AddWorker(workers, &releaseWorker{store: store, lanes: j.deliver.lanes})
	river.AddWorker(workers, &lookWorker{store: store, setup: c.Setup, keys: c.ClickKeys, log: c.Log})
	river.AddWorker(workers, &ratesWorker{store: store, setup: c.Setup, url: c.RatesURL, log: c.Log})
	river.AddWorker(workers, &reconcileWorker{store: store})
	river.AddWorker(workers, &dueFeedsWorker{store: store})
	river.AddWorker(workers, &feedWorker{store: store, jobs: j, outbound: j.outbound, keys: c.ClickKeys, now: c.Now})
	river.AddWorker(workers, &dueReportsWorker{store: store})
	river.AddWorker(workers, &reportWorker{store: store, keep: c.KeepReports, log: c.Log})
	river.AddWorker(workers, &mailReportWorker{store: store, mail: c.Mail, log: c.Log})
	river.AddWorker(workers, &dueAuditsWorker{store: store, now: c.Now})
	river.AddWorker(workers, &auditWorker{auditor: j.auditor})
	river.AddWorker(workers, &tokenMailWorker{store: store, sender: c.Mail, appURL: c.AppURL})
	addUpkeep(workers, store, c)

	config := &river.Config{
		CompletedJobRetentionPeriod: completedFor,
		ErrorHandler:                &errorHandler{store: store, log: c.Log},
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           pollInterval,
		JobTimeout:                  jobTimeout,
		Logger:                      c.Log,
		RescueStuckJobsAfter:        rescueAfter,
		RetryPolicy:                 faultPolicy{now: c.Now},
		SoftStopTimeout:             c.StopTimeout,
		Workers:                     workers,
	}
	if !c.InsertOnly {
		config.Queues = map[string]river.QueueConfig{
			queueDeliver: {MaxWorkers: c.DeliverWorkers},
			queueFanOut:  {MaxWorkers: c.DeliverWorkers},
			queueLook:    {MaxWorkers: 4},
			queueMail:    {MaxWorkers: 4, FetchPollInterval: rarePollInterval},
			queueAudit:   {MaxWorkers: 2, FetchPollInterval: rarePollInterval},
			queueUpkeep:  {MaxWorkers: 2, FetchPollInterval: rarePollInterval},
			// One at a time sorts whole lists.
			queueReconcile: {MaxWorkers: 1, FetchPollInterval: rarePollInterval},
			// Some wait for minutes for what an advertiser sends slowly.
			queueFeeds:   {MaxWorkers: 4, FetchPollInterval: rarePollInterval},
			queueReports: {MaxWorkers: 2, FetchPollInterval: rarePollInterval},
			queueVerify:  {MaxWorkers: 1, FetchPollInterval: rarePollInterval},
		}
		config.PeriodicJobs = periodicJobs(c)
	}
	var err error
	if j.client, err = river.NewClient(riverpgxv5.New(store.JobPool()), config); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	store.SetEnqueuer(j)
	if c.Mail != nil {
		store.SetMailer(tokenMailer{j})
	}
	return j, nil
}

// Kinds are the kinds of jobs, by River's names.
func Kinds() []string {
	all := []river.JobArgs{
		deliverArgs{},
		fanOutArgs{},
		releaseArgs{},
		releaseStrandedArgs{},
		lookArgs{},
		auditArgs{},
		dueAuditsArgs{},
		fetchRatesArgs{},
		normalizeWaitingArgs{},
		rollUpArgs{},
		verifyRollupsArgs{},
		sealLedgerArgs{},
		verifyArgs{},
		closeCountsArgs{},
		makePartitionsArgs{},
		dropPartitionsArgs{},
		dropSessionsArgs{},
		dropNoncesArgs{},
		makeStatementsArgs{},
		reconcileArgs{},
		dueFeedsArgs{},
		fetchFeedArgs{},
		dueReportsArgs{},
		makeReportArgs{},
		mailReportArgs{},
		dropReportsArgs{},
	}
	kinds := make([]string, len(all))
	for i, args := range all {
		kinds[i] = args.Kind()
	}
	return kinds
}

// River is the job client, for those who show its jobs.
func (j *Jobs) River() *river.Client[pgx.Tx] { return j.client }

// Start begins to work, until Stop: the end of ctx does not end the work.
func (j *Jobs) Start(ctx context.Context) error {
	if j.insertOnly {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err := j.client.Start(ctx); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { rescue(ctx, j.deliver.store, j.deliver.log) })
	j.stopRescue = func() { cancel(); running.Wait() }
	return nil
}

// Stop takes no more jobs, lets those that run end within Config.StopTimeout,
// interrupts the others, and returns when all have ended or ctx has. It must be
// called before the Store is closed.
func (j *Jobs) Stop(ctx context.Context) error {
	defer j.outbound.Close()
	defer j.reminder.close()
	if j.stopRescue == nil {
		return nil // it was not started
	}
	j.stopRescue()
	if err := j.client.Stop(ctx); err != nil {
		return fmt.Errorf("jobs: some did not end in time: %w", err)
	}
	return nil
}
