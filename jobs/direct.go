package jobs

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/proofback/proofback/db"
)

const (
	// handAfter is how long a delivery that cannot be made at once waits for others
	// that cannot either, before all of them become jobs.
	handAfter = 20 * time.Millisecond
	// handWithin bounds that, also when the process is being stopped.
	handWithin = 5 * time.Second
	// soon is what River waits for by itself; what is to come later is looked for by
	// its leader, each 5 s.
	soon = 5 * time.Second
)

// tried is a delivery that was carried out, or whose job is to follow.
type tried struct {
	key  db.DeliveryKey
	next *river.InsertManyParams
	err  error // it could not even be loaded
}

// carryOut makes the first attempts of deliveries, all at the same time. It saves
// a job each, and the time until that is fetched. What must wait (for a place, for
// an older status, for its destination's rate) becomes a job of its own, soon and
// without regard to what is still in flight.
func (w *fanOutWorker) carryOut(ctx context.Context, job *river.Job[fanOutArgs], keys []db.DeliveryKey) error {
	results := make(chan tried, len(keys))
	open := make(map[db.DeliveryKey]bool, len(keys))
	var looking sync.WaitGroup // for a slot
	looking.Add(len(keys))
	for _, key := range keys {
		open[key] = true
		go func() { results <- w.try(ctx, key, sync.OnceFunc(looking.Done)) }()
	}
	go func() {
		looking.Wait()
		<-w.turns
	}()
	var later []river.InsertManyParams
	var unloaded error
	var hand <-chan time.Time
	for n := len(open); n > 0; {
		select {
		case t := <-results:
			n--
			if unloaded = errors.Join(unloaded, t.err); t.err != nil {
				continue // it stays with this job
			}
			delete(open, t.key)
			if t.next == nil {
				continue
			}
			if later = append(later, *t.next); hand == nil {
				hand = time.After(handAfter)
			}
		case <-hand:
			hand = nil
			if w.handOverIn(ctx, job, later, open) == nil {
				later = nil
			}
		}
	}
	if len(later) > 0 {
		unloaded = errors.Join(unloaded, w.handOverIn(ctx, job, later, open))
	}
	return unloaded
}

// handOverIn hands over although ctx may have ended.
func (w *fanOutWorker) handOverIn(ctx context.Context, job *river.Job[fanOutArgs], later []river.InsertManyParams, open map[db.DeliveryKey]bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handWithin)
	defer cancel()
	stay := slices.Collect(maps.Keys(open))
	return w.handOver(ctx, job, later, stay)
}

// try makes a first attempt as soon as there is room for one; found is called when
// it has that, or does without.
func (w *fanOutWorker) try(ctx context.Context, key db.DeliveryKey, found func()) tried {
	defer found()
	began := time.Now()
	s, err := w.deliver.loads.call(ctx, db.DueDelivery{ID: key.ID, DestinationID: key.DestinationID})
	if err != nil || s == nil { // nil: it is not due
		return tried{key: key, err: err}
	}
	room := time.NewTimer(patience)
	defer room.Stop()
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-room.C:
		return w.later(s, nil)
	case <-ctx.Done():
		return w.later(s, nil)
	}
	leave, err := w.deliver.enter(ctx, s.Due())
	if err != nil {
		return w.later(s, err)
	}
	defer leave()
	found()
	if w.deliver.failedSince(began) { // perhaps at this destination: what was loaded may be of old
		if s, err = w.deliver.loads.call(ctx, s.Due()); err != nil || s == nil {
			return tried{key: key, err: err}
		}
	}
	if err := w.deliver.send(ctx, s, leave); err != nil {
		return w.later(s, err)
	}
	return tried{key: key}
}

// later is the job of a delivery that was not made, for what reason ever: a fault
// is told when it happens to that job as well.
func (w *fanOutWorker) later(s *db.Sending, reason error) tried {
	next := river.InsertManyParams{Args: newDeliverArgs(s.Due())}
	if snooze, ok := errors.AsType[*rivertype.JobSnoozeError](reason); ok && snooze.Duration >= soon {
		next = w.jobs.at(w.jobs.now().Add(snooze.Duration), newDeliverArgs(s.Due()))
	}
	return tried{key: db.DeliveryKey{ID: s.Delivery.ID, DestinationID: s.Delivery.DestinationID}, next: &next}
}
