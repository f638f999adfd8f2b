package load

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// run is a Job that is being carried out.
type run struct {
	Job
	senders     []sender
	next        atomic.Uint64 // number of the next request
	measureFrom time.Time
	end         time.Time
}

// tally is what one connection counted.
type tally struct {
	outcomes map[string]int
	measured int
	latency  Histogram
	err      error
}

// closed sends one request after the other.
func (r *run) closed(ctx context.Context, s sender, t *tally) {
	for sent := time.Now(); sent.Before(r.end) && ctx.Err() == nil; {
		answered, ok := r.send(s, sent, t)
		if !ok {
			return
		}
		sent = answered
	}
}

// open sends requests as they fall due.
func (r *run) open(s sender, due <-chan time.Time, t *tally) {
	for at := range due {
		if _, ok := r.send(s, at, t); !ok {
			return
		}
	}
}

// dispatch tells when requests are due, evenly spread, whatever becomes of them:
// when all connections are busy they wait, and their latency counts from here.
func (r *run) dispatch(ctx context.Context, due chan<- time.Time) {
	defer close(due)
	const least = 250 * time.Microsecond
	gap := time.Second / time.Duration(r.Rate)
	for at := time.Now(); at.Before(r.end); {
		now := time.Now()
		for ; !at.After(now) && at.Before(r.end); at = at.Add(gap) {
			select {
			case due <- at:
			case <-ctx.Done():
				return
			}
		}
		runtime.Gosched() // whoever sends goes first, on this thread: to wake another takes longer
		sleep(max(time.Until(at), least))
	}
}

// send sends one request and counts what came of it, from a moment on. A
// connection that breaks ends the run: what is measured is a server that works.
func (r *run) send(s sender, from time.Time, t *tally) (answered time.Time, ok bool) {
	outcome, err := s.send(r.next.Add(1) - 1)
	if err != nil {
		t.err = err
		return answered, false
	}
	answered = time.Now()
	if t.outcomes == nil {
		t.outcomes = map[string]int{}
	}
	t.outcomes[string(outcome)]++
	if answered.After(r.measureFrom) && (r.Rate > 0 || answered.Before(r.end)) {
		t.measured++
		t.latency.Add(answered.Sub(from))
	}
	return answered, true
}

// sum puts together what the connections counted.
func (r *run) sum(tallies []tally) (*Result, error) {
	total := &Result{Outcomes: map[string]int{}, Elapsed: r.Duration}
	for i := range tallies {
		t := &tallies[i]
		if t.err != nil {
			return nil, t.err
		}
		for outcome, n := range t.outcomes {
			total.Outcomes[outcome] += n
		}
		total.Measured += t.measured
		total.Latency.Merge(&t.latency)
	}
	return total, nil
}
