package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// probeWithin is how long the one attempt that a half-open breaker lets through
// may take before another one is let through.
const probeWithin = jobTimeout + 5*time.Second

// How long a delivery stays away that must wait for an older one. Mostly it is
// woken before.
const (
	minBehind = time.Second
	maxBehind = 15 * time.Minute
)

// admit reports whether a delivery may be attempted now. If not, it has seen to
// what is to become of it, and err is what the job ends with.
func (w *deliverWorker) admit(ctx context.Context, due db.DueDelivery, s *db.Sending) (may bool, err error) {
	d := &s.Destination
	switch {
	case s.Gone:
		return false, w.store.EndDelivery(ctx, proofback.System(), due, proofback.DeliveryFailed)
	case !d.Enabled, d.Breaker(w.now()) == proofback.BreakerOpen:
		return false, w.park(ctx, due)
	case d.LatestOnly && s.Newer:
		return false, w.store.EndDelivery(ctx, proofback.System(), due, proofback.DeliveryCancelled)
	}
	if !s.OlderDue.IsZero() {
		if first, err := w.isFirst(ctx, due, s); !first || err != nil {
			return false, err
		}
	}
	if d.MaxPerSecond > 0 {
		next, ok, err := w.store.TakeSlot(ctx, proofback.System(), d.ID)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, river.JobSnooze(w.lanes.pace(d.ID, next, time.Second/time.Duration(d.MaxPerSecond)))
		}
	}
	if d.Breaker(w.now()) == proofback.BreakerHalfOpen {
		if may, err := w.store.ClaimProbe(ctx, proofback.System(), d.ID, probeWithin); !may || err != nil {
			if err != nil {
				return false, err
			}
			return false, w.park(ctx, due)
		}
	}
	return true, nil
}

// isFirst reports whether nothing older must be told before: statuses of one
// conversion arrive in their order.
func (w *deliverWorker) isFirst(ctx context.Context, due db.DueDelivery, s *db.Sending) (bool, error) {
	if s.Destination.LatestOnly {
		if first, err := w.store.CancelOlder(ctx, proofback.System(), due); first || err != nil {
			return first, err
		}
	}
	return false, river.JobSnooze(min(max(s.OlderDue.Sub(w.now()), minBehind), maxBehind))
}

// park takes a delivery out of the way of a destination that nothing may be sent
// to. When it may again by now, the job is done once more.
func (w *deliverWorker) park(ctx context.Context, due db.DueDelivery) error {
	parked, err := w.parks.call(ctx, due)
	if err != nil || parked {
		return err
	}
	return river.JobSnooze(0)
}
