package bench

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// baselineRiver is River as one would use it: a job each, which makes its request
// and writes a row about it. It is tuned, and decides nothing: no template, no
// signature, no order, no guard, no health, and the row is not tied to anything.
const baselineRiver = "River, a row per attempt"

// bareRequestArgs is one request.
type bareRequestArgs struct {
	Destination string `json:"destination"`
	URL         string `json:"url"`
}

func (bareRequestArgs) Kind() string { return "bench_request" }

func (bareRequestArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: bareQueue} }

const bareQueue = "bench"

const (
	bareWorkers     = 400
	bareConnections = 30
	bareCooldown    = 5 * time.Millisecond
)

// bareTable has a row as long as that of an attempt, and its key.
const bareTable = `CREATE TABLE IF NOT EXISTS bench_attempts (LIKE attempts INCLUDING ALL)`

// bareWorker carries a request out.
type bareWorker struct {
	river.WorkerDefaults[bareRequestArgs]
	pool   *pgxpool.Pool
	client *http.Client
}

// startBareRiver works on what waits, until ctx ends.
func startBareRiver(ctx context.Context, pool *pgxpool.Pool) (http.Handler, error) {
	workers := river.NewWorkers()
	transport := &http.Transport{MaxIdleConns: bareWorkers, MaxIdleConnsPerHost: bareWorkers, DisableCompression: true}
	river.AddWorker(workers, &bareWorker{pool: pool, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown:     bareCooldown,
		FetchPollInterval: 100 * time.Millisecond,
		Queues:            map[string]river.QueueConfig{bareQueue: {MaxWorkers: bareWorkers}},
		Workers:           workers,
	})
	if err != nil {
		return nil, err
	}
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	return http.NotFoundHandler(), nil
}

func (w *bareWorker) Work(ctx context.Context, job *river.Job[bareRequestArgs]) error {
	began := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, job.Args.URL, nil)
	if err != nil {
		return err
	}
	answer, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, `
		INSERT INTO bench_attempts (delivery_id, affiliate_id, number, at, url, outcome, response_status, response_body, duration)
		VALUES (gen_random_uuid(), $1, 1, $2, $3, 'DELIVERED', $4, $5, $6)`,
		job.Args.Destination, began, job.Args.URL, answer.StatusCode, string(body), time.Since(began))
	return err
}

// bareJobs makes n jobs for the bare worker.
func (s *suite) bareJobs(ctx context.Context, n int, prefix string) error {
	client, err := river.NewClient(riverpgxv5.New(s.bed.store.Pool()), &river.Config{})
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.bed.store.Pool(), func(tx pgx.Tx) error {
		for first := 0; first < n; first += backlogChunk {
			params := make([]river.InsertManyParams, min(backlogChunk, n-first))
			for i := range params {
				d := &s.destinations[(first+i)%len(s.destinations)]
				params[i].Args = bareRequestArgs{d.id.String(), d.url + "?tx=" + backlogTxID(prefix, first+i) + "&payout=3.19&status=pending&cid=campaign-7"}
			}
			if _, err := client.InsertManyFastTx(ctx, tx, params); err != nil {
				return err
			}
		}
		return nil
	})
}
