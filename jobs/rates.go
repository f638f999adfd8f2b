package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

const (
	// ratesEvery is how often reference rates are fetched: they are published once
	// a day, and a missed time is made up for soon.
	ratesEvery   = 6 * time.Hour
	ratesAgain   = 30 * time.Minute // after a failure
	ratesTimeout = 15 * time.Second
	// maxRatesFeed is more than the ECB's feed of all days since 1999.
	maxRatesFeed = 32 << 20
)

// fetchRatesArgs asks for the newest reference rates.
type fetchRatesArgs struct{}

func (fetchRatesArgs) Kind() string { return "fetch_rates" }

// ratesWorker fetches reference rates from where the operator said, and then
// normalises what waited for them. A dead feed is told in the log and changes
// nothing: amounts go on waiting, never at an old rate.
type ratesWorker struct {
	river.WorkerDefaults[fetchRatesArgs]
	store *db.Store
	setup *db.Setup
	url   string
	log   *slog.Logger
}

func (w *ratesWorker) Work(ctx context.Context, _ *river.Job[fetchRatesArgs]) error {
	stored, failed := w.fetch(ctx)
	// Rates may have been imported by hand as well.
	normalized, err := w.store.NormalizeWaiting(ctx, proofback.System(), w.setup)
	if err != nil {
		return err
	}
	if stored > 0 || normalized > 0 {
		w.log.Info("reference rates", "stored", stored, "normalized", normalized)
	}
	if failed != nil {
		w.log.Warn("the feed of reference rates failed: new amounts in other currencies wait", "url", proofback.MaskURL(w.url), "again_in", ratesAgain, "error", failed)
		return river.JobSnooze(ratesAgain)
	}
	return nil
}

func (w *ratesWorker) fetch(ctx context.Context) (int64, error) {
	if w.url == "" {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ratesTimeout)
	defer cancel()
	feed, err := openFeed(ctx, w.url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = feed.Close() }()
	return w.store.StoreECBFeed(ctx, proofback.System(), io.LimitReader(feed, maxRatesFeed))
}

// openFeed opens an operator's URL: http, https or file.
func openFeed(ctx context.Context, address string) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, withoutURL(err)
	}
	if u.Scheme == "file" {
		return os.Open(u.Path)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	return resp.Body, nil
}

// withoutURL is what went wrong with a request, without its URL, in which a feed's key
// may be.
func withoutURL(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err
	}
	return err
}
