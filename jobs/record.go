package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/outbound"
)

// record writes down what came of an attempt, and what follows. It goes on when
// the job is interrupted: what was sent cannot be taken back, and forgetting it
// would send it again.
func (w *deliverWorker) record(ctx context.Context, due db.DueDelivery, s *db.Sending, res outbound.Result) error {
	w.observe(res.Outcome, res.Duration)
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
			Exchange:       res.Exchange,
		},
		LatestOnly: s.Destination.LatestOnly,
	}
	if res.Outcome.Retries(s.Destination.RetryOn) {
		if wait, ok := w.retry.Wait(number-s.Before, w.random()); ok {
			asked, _ := proofback.RetryAfter(res.RetryAfter, w.now())
			a.Next = w.now().Add(max(wait, asked))
		}
	}
	recorded, err := w.records.call(ctx, a)
	for wait := recordPause; err != nil && pause(ctx, wait); wait *= 2 {
		recorded, err = w.records.call(ctx, a)
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
