package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// hangsFor is for how long a receiver that hangs keeps each request.
const hangsFor = 10 * time.Second

// receivers play affiliates' endpoints: one each, on a port of its own of this
// machine. They know an event by its transaction id.
type receivers struct {
	list []*receiver
	// busy is for how long each request is worked on.
	busy atomic.Int64
	// holding is how many requests are being answered at this moment.
	holding atomic.Int64
}

// receiver is one endpoint.
type receiver struct {
	all     *receivers
	server  *http.Server
	url     string
	hanging atomic.Bool

	mu       sync.Mutex
	arrived  map[string]int // how often each event came
	first    time.Time
	last     time.Time
	latency  load.Histogram // from sending the postback, where it was stamped
	counting time.Time      // events that were sent before are not in latency
	cutoff   time.Time      // …
	early    time.Time      // … and when the last one that was sent before that came
}

func openReceivers(ctx context.Context, n int) (*receivers, error) {
	all := &receivers{}
	for range n {
		r := &receiver{all: all, arrived: map[string]int{}}
		var c net.ListenConfig
		l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		r.url = "http://" + l.Addr().String() + "/in"
		r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
		all.list = append(all.list, r)
		go func() { _ = r.server.Serve(l) }() // ends with close
	}
	return all, nil
}

func (all *receivers) close() error {
	var errs []error
	for _, r := range all.list {
		errs = append(errs, r.server.Close())
	}
	return errors.Join(errs...)
}

// ServeHTTP counts an event and answers it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	r.all.holding.Add(1)
	defer r.all.holding.Add(-1)
	hold := time.Duration(r.all.busy.Load())
	if r.hanging.Load() {
		hold = hangsFor
	} else {
		r.count(txidOf(req.URL.RawQuery), at)
	}
	if hold > 0 {
		timer := time.NewTimer(hold)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return
		}
	}
	_, _ = w.Write(okBody)
}

var okBody = []byte("ok")

// txidOf is the transaction id that an event was told with. Those of a benchmark
// have nothing in them that would be escaped.
func txidOf(query string) string {
	_, txid, _ := strings.Cut(query, "tx=")
	txid, _, _ = strings.Cut(txid, "&")
	return txid
}

func (r *receiver) count(txid string, at time.Time) {
	sent, stamped := load.SentAt(txid)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived[txid]++
	if r.first.IsZero() {
		r.first = at
	}
	r.last = at
	if stamped && sent.Before(r.cutoff) {
		r.early = at
	}
	if stamped && r.arrived[txid] == 1 && sent.After(r.counting) {
		r.latency.Add(at.Sub(sent))
	}
}

// reset forgets what has arrived. What is sent from a moment on is in the
// latency.
func (all *receivers) reset(counting time.Time) {
	for _, r := range all.list {
		r.mu.Lock()
		r.arrived, r.latency = map[string]int{}, load.Histogram{}
		r.first, r.last, r.counting = time.Time{}, time.Time{}, counting
		r.cutoff, r.early = time.Time{}, time.Time{}
		r.mu.Unlock()
	}
}

// wereSentBefore has them tell when the last of those events comes that were sent
// before a moment.
func (all *receivers) wereSentBefore(moment time.Time) {
	for _, r := range all.list {
		r.mu.Lock()
		r.cutoff = moment
		r.mu.Unlock()
	}
}

// has is whether an event has arrived.
func (all *receivers) has(txid string) bool {
	for _, r := range all.list {
		r.mu.Lock()
		_, ok := r.arrived[txid]
		r.mu.Unlock()
		if ok {
			return true
		}
	}
	return false
}

// tally is what has arrived.
type tally struct {
	events      int // different ones
	repeated    int // arrivals of one that had arrived
	first, last time.Time
	early       time.Time // the last of those that wereSentBefore is about
	latency     load.Histogram
}

// told puts together what all have counted but one; nil leaves out none.
func (all *receivers) told(but *receiver) tally {
	var t tally
	for _, r := range all.list {
		if r == but {
			continue
		}
		r.mu.Lock()
		t.events += len(r.arrived)
		for _, n := range r.arrived {
			t.repeated += n - 1
		}
		if t.first.IsZero() || !r.first.IsZero() && r.first.Before(t.first) {
			t.first = r.first
		}
		if r.last.After(t.last) {
			t.last = r.last
		}
		if r.early.After(t.early) {
			t.early = r.early
		}
		t.latency.Merge(&r.latency)
		r.mu.Unlock()
	}
	return t
}

// await waits until n different events have arrived, or for as long as nothing
// new comes within patience.
func (all *receivers) await(ctx context.Context, n int, patience time.Duration) (tally, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	before, since := -1, time.Now()
	for {
		t := all.told(nil)
		if t.events >= n {
			return t, nil
		}
		if t.events != before {
			before, since = t.events, time.Now()
		}
		if time.Since(since) > patience {
			return t, errors.New(strconv.Itoa(n-t.events) + " of " + strconv.Itoa(n) + " events did not arrive")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}
