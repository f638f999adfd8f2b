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
	log       *slog.Logger
	now       func() time.Time
	random    func() float64
}

func newDeliverWorker(store *db.Store, client *outbound.Client, c Config) *deliverWorker {
	return &deliverWorker{
		store:     store,
		client:    client,
		clickKeys: c.ClickKeys,
		lanes:     newLanes(c),
		retry:     c.Retry,
		log:       c.Log,
		now:       c.Now,
		random:    c.Random,
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

	s, res, err := w.attempt(ctx, due)
	switch {
	case proofback.CodeOf(err) == proofback.CodeNotFound:
		return nil // stale
	case errors.Is(err, errInterrupted):
		return river.JobSnooze(0) // at once, elsewhere
	case err != nil:
		return err
	case !s.Destination.Enabled:
		return w.store.FailDelivery(ctx, proofback.System(), due)
	}
	if res.Outcome == proofback.OutcomeDelivered {
		leave() // else whoever comes next should find the destination as this leaves it
	}
	return w.record(ctx, due, s, res)
}

// errInterrupted is the end of an attempt that tells nothing, because this
// process is being stopped.
var errInterrupted = errors.New("jobs: interrupted")

// attempt sends what is due, unless its destination is switched off.
func (w *deliverWorker) attempt(ctx context.Context, due db.DueDelivery) (s *db.Sending, res outbound.Result, err error) {
	s, err = w.store.LoadDelivery(ctx, proofback.System(), due)
	if err != nil || !s.Destination.Enabled {
		return s, res, err
	}
	request, problem := w.request(s)
	if problem != "" {
		return s, outbound.Result{
			At:      w.now().UTC().Truncate(time.Microsecond),
			URL:     proofback.MaskURL(s.Destination.URLTemplate),
			Outcome: proofback.OutcomeInvalidURL,
			Error:   problem,
		}, nil
	}
	if res, err = w.client.Do(ctx, request); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		err = errInterrupted
	}
	return s, res, err
}

// request makes the request of an attempt, or tells the problem with the template,
// which may be refused by rules that are newer than itself.
func (w *deliverWorker) request(s *db.Sending) (r outbound.Request, problem string) {
	m := proofback.Message{
		Delivery:   &s.Delivery,
		Conversion: &s.Conversion,
		Click:      &s.Click,
		ClickID:    w.clickKeys.Encode(s.Conversion.ClickID),
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
	id, now := m.IdempotencyKey(), w.now()
	r.Header.Set("Idempotency-Key", id)
	r.Header.Set(proofback.HeaderWebhookID, id)
	r.Header.Set(proofback.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(proofback.HeaderWebhookSignature, proofback.SignWebhook(s.Secret, id, now, r.Body))
	return r, ""
}

// record writes down what came of an attempt, and what follows. It goes on when
// the job is interrupted: what was sent cannot be taken back, and forgetting it
// would send it again.
func (w *deliverWorker) record(ctx context.Context, due db.DueDelivery, s *db.Sending, res outbound.Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	number := s.Delivery.Attempts + 1
	a := db.AttemptRecord{
		Due: due,
		Attempt: proofback.Attempt{
			DeliveryID:     due.ID,
			Number:         number,
			At:             res.At,
			URL:            res.URL,
			Outcome:        res.Outcome,
			ResponseStatus: res.Status,
			ResponseBody:   res.Body,
			Duration:       res.Duration,
			Error:          res.Error,
		},
	}
	if res.Outcome.Retries(s.Destination.RetryOn) {
		if wait, ok := w.retry.Wait(number-s.Before, w.random()); ok {
			asked, _ := proofback.RetryAfter(res.RetryAfter, w.now())
			a.Next = w.now().Add(max(wait, asked))
		}
	}
	recorded, err := w.store.RecordAttempt(ctx, proofback.System(), a)
	for wait := recordPause; err != nil && pause(ctx, wait); wait *= 2 {
		recorded, err = w.store.RecordAttempt(ctx, proofback.System(), a)
	}
	if err != nil {
		return err
	}
	w.tell(ctx, s, a, recorded)
	return nil
}

// How long recording is tried for, in all and before the first repetition.
const (
	recordTimeout = 8 * time.Second
	recordPause   = 50 * time.Millisecond
)

// pause waits, and reports whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tell logs what a person may want to look into.
func (w *deliverWorker) tell(ctx context.Context, s *db.Sending, a db.AttemptRecord, recorded bool) {
	level, event := slog.LevelDebug, "delivery attempted"
	switch {
	case !recorded:
		level, event = slog.LevelWarn, "delivery attempted by two at once"
	case a.Outcome == proofback.OutcomeGone:
		level, event = slog.LevelWarn, "destination stopped"
	case a.Outcome != proofback.OutcomeDelivered && a.Next.IsZero():
		level, event = slog.LevelWarn, "delivery failed"
	}
	w.log.LogAttrs(ctx, level, event,
		slog.String("delivery_id", a.DeliveryID.String()),
		slog.String("destination_id", s.Destination.ID.String()),
		slog.String("affiliate_id", s.Destination.AffiliateID.String()),
		slog.Int("attempt", a.Number),
		slog.String("outcome", string(a.Outcome)),
		slog.Int("status", a.ResponseStatus),
		slog.Duration("duration", a.Duration),
	)
}
