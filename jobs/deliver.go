package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/outbound"
)

// deliverArgs name one attempt. The destination stands beside the delivery so
// that a saturated one is told without asking the database.
type deliverArgs struct {
	Delivery    uuid.UUID `json:"delivery"`
	Destination uuid.UUID `json:"destination"`
	DueAt       time.Time `json:"due_at"`
}

func newDeliverArgs(due db.DueDelivery) deliverArgs {
	return deliverArgs{due.ID, due.DestinationID, due.DueAt.UTC()}
}

func (a deliverArgs) due() db.DueDelivery {
	return db.DueDelivery{ID: a.Delivery, DestinationID: a.Destination, DueAt: a.DueAt}
}

func (deliverArgs) Kind() string { return "deliver" }

func (deliverArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueDeliver} }

// deliverWorker makes one attempt of a delivery.
type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	store     *db.Store
	client    *outbound.Client
	clickKeys *proofback.ClickKeys
	lanes     *lanes
	retry     proofback.RetryPolicy
	observe   func(proofback.Outcome, time.Duration)
	log       *slog.Logger
	now       func() time.Time
	random    func() float64

	// What many workers ask of the database at the same time is asked at once.
	loads   *gatherer[db.DueDelivery, *db.Sending]
	parks   *gatherer[db.DueDelivery, bool]
	records *gatherer[db.AttemptRecord, bool]
}

// How much is asked of the database at once, and how often at the same time: two
// keep Postgres busy while the answer of one is on its way.
const (
	gatherTurns = 2
	gatherMost  = 128
)

func newDeliverWorker(store *db.Store, client *outbound.Client, c Config) *deliverWorker {
	system := proofback.System()
	return &deliverWorker{
		store:     store,
		client:    client,
		clickKeys: c.ClickKeys,
		lanes:     newLanes(c),
		retry:     c.Retry,
		observe:   c.Observe,
		log:       c.Log,
		now:       c.Now,
		random:    c.Random,
		loads: newGatherer(func(ctx context.Context, due []db.DueDelivery) ([]*db.Sending, error) {
			return store.LoadDeliveries(ctx, system, due)
		}, gatherTurns, gatherMost),
		parks: newGatherer(func(ctx context.Context, due []db.DueDelivery) ([]bool, error) {
			return store.ParkDeliveries(ctx, system, due)
		}, gatherTurns, gatherMost),
		records: newGatherer(func(ctx context.Context, attempts []db.AttemptRecord) ([]bool, error) {
			return store.RecordAttempts(ctx, system, c.Health, attempts)
		}, gatherTurns, gatherMost),
	}
}

// Work implements river.Worker.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	due := job.Args.due()
	again, ok := w.lanes.enter(ctx, due.DestinationID)
	if !ok {
		return river.JobSnooze(again)
	}
	entered := w.now()
	leave := sync.OnceFunc(func() { w.lanes.leave(due.DestinationID, entered) })
	defer leave()

	s, err := w.loads.call(ctx, due)
	if err != nil || s == nil { // nil: the job is stale
		return err
	}
	if may, err := w.admit(ctx, due, s); !may {
		return err
	}
	res, err := w.attempt(ctx, s)
	if errors.Is(err, errInterrupted) {
		return river.JobSnooze(0) // at once, elsewhere
	}
	if err != nil {
		return err
	}
	if res.Outcome == proofback.OutcomeDelivered {
		leave() // else whoever comes next should find the destination as this leaves it
	}
	return w.record(ctx, due, s, res)
}

// errInterrupted is the end of an attempt that tells nothing, because this
// process is being stopped.
var errInterrupted = errors.New("jobs: interrupted")

// attempt sends a message to its destination.
func (w *deliverWorker) attempt(ctx context.Context, s *db.Sending) (res outbound.Result, err error) {
	request, problem := w.request(s)
	if problem != "" {
		return outbound.Result{
			At:       w.now().UTC().Truncate(time.Microsecond),
			URL:      proofback.MaskURL(s.Destination.URLTemplate),
			Outcome:  proofback.OutcomeInvalidURL,
			Error:    problem,
			Exchange: proofback.Exchange{Method: s.Destination.Method},
		}, nil
	}
	if res, err = w.client.Do(ctx, request); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		err = errInterrupted
	}
	return res, err
}

// request makes the request of an attempt, or tells the problem with the template,
// which may be refused by rules that are newer than itself.
func (w *deliverWorker) request(s *db.Sending) (r outbound.Request, problem string) {
	m := proofback.Message{
		Delivery:   &s.Delivery,
		Conversion: &s.Conversion,
		Click:      &s.Click,
		ClickID:    w.clickKeys.Encode(s.Conversion.ClickID),
		Test:       s.Test,
	}
	url, err := m.URL(s.Destination.URLTemplate)
	if err != nil {
		return r, err.Error()
	}
	r = outbound.Request{Method: s.Destination.Method, URL: url, Header: http.Header{}}
	if r.Method == http.MethodPost {
		r.Body = m.Body()
		r.Header.Set("Content-Type", "application/json")
	}
	if s.Test {
		r.Header.Set(headerTest, "true")
	}
	id, now := m.IdempotencyKey(), w.now()
	r.Header.Set("Idempotency-Key", id)
	r.Header.Set(proofback.HeaderWebhookID, id)
	r.Header.Set(proofback.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(proofback.HeaderWebhookSignature, proofback.SignWebhookWithAll(s.Secrets, id, now, r.Body))
	return r, ""
}

// headerTest marks what testAffiliatePostback sends.
const headerTest = "Proofback-Test"
