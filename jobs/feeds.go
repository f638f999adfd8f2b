package jobs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/outbound"
)

const (
	// feedsEvery is how late an advertiser's list may be fetched.
	feedsEvery = time.Minute
	// feedsAtOnce bounds how many become due at a time.
	feedsAtOnce = 50
	// feedTimeout bounds the fetch of a list.
	feedTimeout = 5 * time.Minute
	// feedJobTimeout leaves room to store it.
	feedJobTimeout = 10 * time.Minute
	// maxFeed bounds a list.
	maxFeed = 1 << 30
)

// dueFeedsArgs asks for the lists that are due to be fetched.
type dueFeedsArgs struct{}

func (dueFeedsArgs) Kind() string { return "due_feeds" }

// fetchFeedArgs ask for one advertiser's list to be fetched and compared.
type fetchFeedArgs struct {
	Advertiser uuid.UUID `json:"advertiser" river:"unique"`
}

func (fetchFeedArgs) Kind() string { return "fetch_feed" }

func (fetchFeedArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: queueFeeds, MaxAttempts: reconcileAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished},
	}
}

type dueFeedsWorker struct {
	river.WorkerDefaults[dueFeedsArgs]
	store *db.Store
}

// Work implements river.Worker.
func (w *dueFeedsWorker) Work(ctx context.Context, _ *river.Job[dueFeedsArgs]) error {
	client := river.ClientFromContext[pgx.Tx](ctx)
	return w.store.TakeDueFeeds(ctx, proofback.System(), feedsAtOnce, func(ctx context.Context, tx pgx.Tx, advertisers []uuid.UUID) error {
		params := make([]river.InsertManyParams, len(advertisers))
		for i, a := range advertisers {
			params[i].Args = fetchFeedArgs{a}
		}
		_, err := client.InsertManyTx(ctx, tx, params)
		return err
	})
}

// feedWorker fetches a list and has it compared. What went wrong is kept as a
// comparison that failed, for the advertiser to see.
type feedWorker struct {
	river.WorkerDefaults[fetchFeedArgs]
	store    *db.Store
	jobs     *Jobs
	outbound *outbound.Client
	keys     *proofback.ClickKeys
	now      func() time.Time
}

// Timeout implements river.Worker.
func (w *feedWorker) Timeout(*river.Job[fetchFeedArgs]) time.Duration { return feedJobTimeout }

// Work implements river.Worker.
func (w *feedWorker) Work(ctx context.Context, job *river.Job[fetchFeedArgs]) error {
	id := job.Args.Advertiser
	feeds, err := w.store.FeedsByAdvertiser(ctx, proofback.System(), []uuid.UUID{id})
	if err != nil {
		return err
	}
	advertisers, err := w.store.AdvertisersByID(ctx, proofback.System(), []uuid.UUID{id})
	if err != nil {
		return err
	}
	feed, advertiser := feeds[id], advertisers[id]
	if feed == nil || advertiser == nil || !feed.Enabled {
		return nil // it was switched off meanwhile
	}
	zone, err := time.LoadLocation(advertiser.TimeZone)
	if err != nil {
		return err
	}
	return w.run(ctx, job, feed, db.NewReconciliation{
		AdvertiserID: id,
		Range:        feed.Period(w.now(), zone),
		Source:       proofback.MaskURL(feed.URL),
		Enqueue:      w.jobs.EnqueueReconciliation,
	})
}

func (w *feedWorker) run(ctx context.Context, job *river.Job[fetchFeedArgs], feed *proofback.ReconciliationFeed, n db.NewReconciliation) error {
	file, err := os.CreateTemp("", "proofback-feed-*")
	if err != nil {
		return err
	}
	_ = os.Remove(file.Name())
	defer func() { _ = file.Close() }()
	header := http.Header{"Accept": {"text/csv, application/x-ndjson;q=0.9, */*;q=0.5"}}
	if feed.ETag != "" {
		header.Set("If-None-Match", feed.ETag)
	}
	got, err := w.outbound.Fetch(ctx, feed.URL, header, file, maxFeed, feedTimeout)
	if err != nil {
		return err
	}
	switch {
	case got.Status == http.StatusNotModified:
		return w.again(ctx, feed, n)
	case got.Status == http.StatusOK && !got.Cut:
	case job.Attempt < job.MaxAttempts:
		return fmt.Errorf("the list was not had: %s", feedProblem(&got))
	default:
		run, err := w.store.FailReconciliation(ctx, proofback.System(), n, feedProblem(&got))
		if err != nil {
			return err
		}
		return w.store.FeedRan(ctx, proofback.System(), feed.ID, run.ID, "")
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n.Read = func(a *proofback.Advertiser) (*proofback.ListReader, error) {
		return proofback.NewListReader(file, proofback.ListOptions{Format: feed.Format, Columns: feed.Columns, Advertiser: a, Keys: w.keys})
	}
	run, err := w.store.StartReconciliation(ctx, proofback.System(), n)
	if proofback.CodeOf(err) == proofback.CodeInvalid {
		run, err = w.store.FailReconciliation(ctx, proofback.System(), n, err.Error())
	}
	if err != nil {
		return err
	}
	return w.store.FeedRan(ctx, proofback.System(), feed.ID, run.ID, got.ETag)
}

// again has the list compared that is kept: the days that it is compared for are others
// by now, and our side has moved on. A list that is not kept is fetched anew next time.
func (w *feedWorker) again(ctx context.Context, feed *proofback.ReconciliationFeed, n db.NewReconciliation) error {
	run, err := w.store.RepeatReconciliation(ctx, proofback.System(), feed.LastRun, n)
	if err != nil {
		return err
	}
	if run == nil {
		return w.store.FeedRan(ctx, proofback.System(), feed.ID, feed.LastRun, "")
	}
	return w.store.FeedRan(ctx, proofback.System(), feed.ID, run.ID, feed.ETag)
}

// feedProblem says in words why a list was not had.
func feedProblem(d *outbound.Download) string {
	if d.Error != "" {
		return d.Error
	}
	return fmt.Sprintf("the feed answered with status %d: expected 200 and the list", d.Status)
}
