package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Job is one run. Exactly one of the traffics is set.
type Job struct {
	Addr        string // host:port of the server; not used by Inserts
	Connections int
	Warmup      time.Duration // driven like the rest and not measured
	Duration    time.Duration
	// Rate is how many requests begin in a second; 0 begins each when the one
	// before it on the same connection is answered.
	Rate int
	// First is the number of the first request; those that follow count up.
	First uint64

	Clicks    *ClickTraffic    `json:",omitempty"`
	Postbacks *PostbackTraffic `json:",omitempty"`
	Inserts   *InsertTraffic   `json:",omitempty"`
	Pages     *PageTraffic     `json:",omitempty"`
}

// Result is what came of a Job.
type Result struct {
	// Outcomes counts every request, those of the warm-up included: by status,
	// and by what the answer says was decided ("200 accepted").
	Outcomes map[string]int
	// Measured are the requests that ended in the measured time, Elapsed.
	Measured int
	Elapsed  time.Duration
	// Latency is theirs: from sending to the whole answer, or in an open loop
	// from the moment that the request was due.
	Latency Histogram
}

// Requests is how many there were in all.
func (r *Result) Requests() int {
	n := 0
	for _, count := range r.Outcomes {
		n += count
	}
	return n
}

// PerSecond is the rate at which requests were answered.
func (r *Result) PerSecond() float64 { return float64(r.Measured) / r.Elapsed.Seconds() }

// sender is one connection.
type sender interface {
	// send carries request n out and tells the outcome, in bytes that hold until
	// the next call.
	send(n uint64) ([]byte, error)
	close()
}

const (
	connectTimeout = 30 * time.Second
	answerTimeout  = 15 * time.Second // after the end of a run
)

// Run carries a job out.
func Run(ctx context.Context, j Job) (*Result, error) {
	if j.Connections < 1 || j.Duration <= 0 {
		return nil, errors.New("load: a job needs connections and a duration")
	}
	r := &run{Job: j}
	r.next.Store(j.First)
	defer r.hangUp()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	r.measureFrom, r.end = began.Add(j.Warmup), began.Add(j.Warmup+j.Duration)
	tallies := make([]tally, len(r.senders))
	var all sync.WaitGroup
	if j.Rate > 0 {
		due := make(chan time.Time, j.Rate)
		all.Go(func() { r.dispatch(ctx, due) })
		for i := range tallies {
			all.Go(func() { r.open(r.senders[i], due, &tallies[i]) })
		}
	} else {
		for i := range tallies {
			all.Go(func() { r.closed(ctx, r.senders[i], &tallies[i]) })
		}
	}
	all.Wait()
	return r.sum(tallies)
}

// connect opens the connections.
func (r *run) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	deadline := time.Now().Add(connectTimeout + r.Warmup + r.Duration + answerTimeout)
	dial, err := r.dialer()
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for range r.Connections {
		s, err := dial(ctx, deadline)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		r.senders = append(r.senders, s)
	}
	return nil
}

// dialer gives what opens one connection.
func (r *run) dialer() (func(context.Context, time.Time) (sender, error), error) {
	var t traffic
	switch {
	case r.Clicks != nil:
		t = newClickRequests(r.Clicks, r.Addr)
	case r.Postbacks != nil:
		var err error
		if t, err = newPostbackRequests(r.Postbacks, r.Addr); err != nil {
			return nil, err
		}
	case r.Pages != nil:
		return r.Pages.dial(r.Addr), nil
	case r.Inserts != nil:
		return r.Inserts.dial, nil
	default:
		return nil, errors.New("a job needs a traffic")
	}
	return func(ctx context.Context, deadline time.Time) (sender, error) {
		return dialHTTP(ctx, r.Addr, deadline, t)
	}, nil
}

func (r *run) hangUp() {
	for _, s := range r.senders {
		s.close()
	}
}
