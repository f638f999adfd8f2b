package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// normalizeEvery is how soon rates that were imported by hand are used. Where
// nothing waits it costs one look into an empty index.
const normalizeEvery = 5 * time.Minute

const (
	// rollEvery is how often what is over is counted: the longer, the more clicks a
	// report counts by itself.
	rollEvery = time.Minute
	// rollFor bounds one job within jobTimeout; verifying gets as many days back as
	// it can in it.
	rollFor = 15 * time.Second
)

const (
	// stateEvery is how soon after a month was closed its statements are made. Where
	// there is nothing to do it costs one query.
	stateEvery = time.Minute
	// stateFor bounds one job within jobTimeout; the next one goes on.
	stateFor = 15 * time.Second
)

// dropSessionsArgs asks for the sessions that are over to be dropped.
type dropSessionsArgs struct{}

func (dropSessionsArgs) Kind() string { return "drop_sessions" }

// dropNoncesArgs asks for the nonces that no signature can bring again to be
// dropped.
type dropNoncesArgs struct{}

func (dropNoncesArgs) Kind() string { return "drop_nonces" }

// normalizeWaitingArgs asks for amounts to be normalised whose rate has come by
// another way than the feed.
type normalizeWaitingArgs struct{}

func (normalizeWaitingArgs) Kind() string { return "normalize_waiting" }

// rollUpArgs asks for the counts of clicks that reports read to be brought up to
// date.
type rollUpArgs struct{}

func (rollUpArgs) Kind() string { return "roll_up" }

// verifyRollupsArgs asks for those counts to be compared with the clicks.
type verifyRollupsArgs struct{}

func (verifyRollupsArgs) Kind() string { return "verify_rollups" }

// sealEvery is how soon an entry of the ledger is under a signed checkpoint.
const sealEvery = 10 * time.Second

// sealLedgerArgs asks for the ledger's new entries to be sealed.
type sealLedgerArgs struct{}

func (sealLedgerArgs) Kind() string { return "seal_ledger" }

// makeStatementsArgs asks for the statements of closed months to be made.
type makeStatementsArgs struct{}

func (makeStatementsArgs) Kind() string { return "make_statements" }

// closeCountsEvery is how soon the counts of clicks of an hour are in the ledger after
// its processes have said that they are complete.
const closeCountsEvery = time.Minute

// closeCountsArgs asks for the counts of clicks of hours that are over to be entered
// into the ledger.
type closeCountsArgs struct{}

func (closeCountsArgs) Kind() string { return "close_click_counts" }

// storeWorker calls one Store method.
type storeWorker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	do func(context.Context) error
}

func (w *storeWorker[T]) Work(ctx context.Context, _ *river.Job[T]) error { return w.do(ctx) }

func addUpkeep(workers *river.Workers, store *db.Store, c Config) {
	river.AddWorker(workers, &storeWorker[makePartitionsArgs]{do: func(ctx context.Context) error {
		return keepPartitions(ctx, store, c.Log)
	}})
	river.AddWorker(workers, &storeWorker[dropPartitionsArgs]{do: func(ctx context.Context) error {
		return dropPartitions(ctx, store, c)
	}})
	river.AddWorker(workers, &storeWorker[dropSessionsArgs]{do: func(ctx context.Context) error {
		return store.DropSessions(ctx, proofback.System())
	}})
	river.AddWorker(workers, &storeWorker[releaseStrandedArgs]{do: func(ctx context.Context) error {
		return releaseStranded(ctx, store)
	}})
	river.AddWorker(workers, &storeWorker[normalizeWaitingArgs]{do: func(ctx context.Context) error {
		_, err := store.NormalizeWaiting(ctx, proofback.System(), c.Setup)
		return err
	}})
	river.AddWorker(workers, &storeWorker[rollUpArgs]{do: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rollFor)
		defer cancel()
		_, err := store.RollUp(ctx, proofback.System())
		if ctx.Err() != nil {
			return nil // the next one goes on
		}
		return err
	}})
	river.AddWorker(workers, &storeWorker[verifyRollupsArgs]{do: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rollFor)
		defer cancel()
		_, err := store.VerifyRollups(ctx, proofback.System(), func(d db.RollupDifference) error {
			c.Log.ErrorContext(ctx, "a rolled up count is wrong: reports leave it out until it is counted anew", "difference", d.String())
			return nil
		})
		return err
	}})
	if c.Seal != nil {
		river.AddWorker(workers, &storeWorker[sealLedgerArgs]{do: c.Seal})
	}
	river.AddWorker(workers, &storeWorker[closeCountsArgs]{do: func(ctx context.Context) error {
		_, err := store.CloseClickCounts(ctx, proofback.System())
		return err
	}})
	if c.Verify != nil {
		river.AddWorker(workers, &verifyWorker{verify: c.Verify})
	}
	river.AddWorker(workers, &storeWorker[makeStatementsArgs]{do: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, stateFor)
		defer cancel()
		made, err := store.MakeStatements(ctx, proofback.System())
		if made > 0 {
			c.Log.InfoContext(ctx, "made statements", "count", made)
		}
		switch {
		case ctx.Err() != nil:
			return nil // the next one goes on
		case proofback.CodeOf(err) == proofback.CodeConflict:
			c.Log.WarnContext(ctx, "statements wait", "error", err)
			return nil
		}
		return err
	}})
	river.AddWorker(workers, &storeWorker[dropReportsArgs]{do: func(ctx context.Context) error {
		return store.DropReportRuns(ctx, proofback.System())
	}})
	river.AddWorker(workers, &storeWorker[dropNoncesArgs]{do: func(ctx context.Context) error {
		return store.DropNonces(ctx, proofback.System())
	}})
}

// unfinished are the states of jobs that are still to be done.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// periodicJobs run when a process becomes the one that leads, and from then on
// at their intervals. The hourly ones are unique in their hour, since leaders
// change; rates are fetched at every start, by one at a time.
func periodicJobs(c Config) []*river.PeriodicJob {
	inItsHour := river.UniqueOpts{ByPeriod: time.Hour}
	atATime := river.UniqueOpts{ByState: unfinished}
	every := func(period time.Duration, args river.JobArgs, unique river.UniqueOpts) *river.PeriodicJob {
		queue := queueUpkeep
		if own, ok := args.(river.JobArgsWithInsertOpts); ok {
			queue = own.InsertOpts().Queue
		}
		return river.NewPeriodicJob(river.PeriodicInterval(period), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: queue, UniqueOpts: unique}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	list := []*river.PeriodicJob{
		every(time.Hour, makePartitionsArgs{}, inItsHour),
		every(time.Hour, dropPartitionsArgs{}, atATime),
		every(time.Hour, dropSessionsArgs{}, inItsHour),
		every(time.Hour, dropNoncesArgs{}, inItsHour),
		every(rollEvery, rollUpArgs{}, atATime),
		every(closeCountsEvery, closeCountsArgs{}, atATime),
		every(time.Hour, verifyRollupsArgs{}, inItsHour),
		every(stateEvery, makeStatementsArgs{}, atATime),
		every(normalizeEvery, normalizeWaitingArgs{}, atATime),
		every(ratesEvery, fetchRatesArgs{}, atATime),
		every(time.Hour, dueAuditsArgs{}, inItsHour),
		every(strandedEvery, releaseStrandedArgs{}, atATime),
		every(feedsEvery, dueFeedsArgs{}, atATime),
		every(reportsEvery, dueReportsArgs{}, atATime),
		every(time.Hour, dropReportsArgs{}, inItsHour),
	}
	if c.Seal != nil {
		list = append(list, every(sealEvery, sealLedgerArgs{}, atATime))
	}
	if c.Verify != nil {
		list = append(list, nightly())
	}
	return list
}
