package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
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
	lanes     *lanes // by destination
	shares    *lanes // by affiliate
	retry     proofback.RetryPolicy
	observe   func(proofback.Outcome, time.Duration)
	log       *slog.Logger
	now       func() time.Time
	random    func() float64
	failed    atomic.Int64                            // when an attempt last failed, in Unix nanoseconds
	templates *lru.Cache[string, *proofback.Template] // as they are written

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
	// recordGather is how long what came of an attempt waits for others: nobody waits
	// for it, and a transaction each would cost more than all the rest.
	recordGather = 5 * time.Millisecond
)

func newDeliverWorker(store *db.Store, client *outbound.Client, c Config) *deliverWorker {
	system := proofback.System()
	w := &deliverWorker{
		store:     store,
		client:    client,
		clickKeys: c.ClickKeys,
		lanes:     newLanes(c, c.PerDestination),
		shares:    newLanes(c, c.DeliverWorkers), // half of all: there are as many first attempts beside deliver jobs
		retry:     c.Retry,
		observe:   c.Observe,
		log:       c.Log,
		now:       c.Now,
		random:    c.Random,
		templates: newTemplates(),
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
	w.records.pause = recordGather
	return w
}

// maxTemplates is how many are kept read.
const maxTemplates = 10_000

func newTemplates() *lru.Cache[string, *proofback.Template] {
	templates, err := lru.New[string, *proofback.Template](maxTemplates)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return templates
}

// Work implements river.Worker.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	return w.deliver(ctx, job.Args.due())
}

// deliver makes an attempt, unless it is no longer due. The error is a
// river.JobSnooze when it may not be made yet.
func (w *deliverWorker) deliver(ctx context.Context, due db.DueDelivery) error {
	leave, err := w.enter(ctx, due)
	if err != nil {
		return err
	}
	defer leave()
	s, err := w.loads.call(ctx, due)
	if err != nil || s == nil { // nil: the job is stale
		return err
	}
	return w.send(ctx, s, leave)
}

// enter takes a place for a request to a destination, which leave gives back.
func (w *deliverWorker) enter(ctx context.Context, due db.DueDelivery) (leave func(), err error) {
	again, ok := w.lanes.enter(ctx, due.DestinationID)
	if !ok {
		return nil, river.JobSnooze(again)
	}
	entered := w.now()
	return sync.OnceFunc(func() { w.lanes.leave(due.DestinationID, entered) }), nil
}

// send makes the attempt that s is for, if it may be made, and records it.
func (w *deliverWorker) send(ctx context.Context, s *db.Sending, leave func()) error {
	due := s.Due()
	again, ok := w.shares.enter(ctx, s.Delivery.AffiliateID)
	if !ok {
		return river.JobSnooze(again)
	}
	entered := w.now()
	leaveShare := sync.OnceFunc(func() { w.shares.leave(s.Delivery.AffiliateID, entered) })
	defer leaveShare()
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
		leaveShare()
	}
	err = w.record(ctx, due, s, res)
	if res.Outcome != proofback.OutcomeDelivered {
		w.failed.Store(time.Now().UnixNano()) // before the place is given back
	}
	return err
}

// failedSince is whether an attempt has failed after a moment, so that its
// destination may not be what it was.
func (w *deliverWorker) failedSince(moment time.Time) bool {
	return w.failed.Load() >= moment.UnixNano()
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
	template, ok := w.templates.Get(s.Destination.URLTemplate)
	if !ok {
		var err error
		if template, err = proofback.ParseDestinationTemplate(s.Destination.URLTemplate); err != nil {
			return r, err.Error()
		}
		w.templates.Add(s.Destination.URLTemplate, template)
	}
	r = outbound.Request{Method: s.Destination.Method, URL: m.Expand(template), Header: http.Header{}}
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
