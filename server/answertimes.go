package main

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// answered is a route and the class of an answer to it.
type answered struct{ route, outcome string }

// answerTimes keeps the histograms of what was answered already: there are few, and each
// request needs one. Looking takes no lock. The zero value has none.
type answerTimes struct {
	known  atomic.Pointer[map[answered]prometheus.Observer] // never written to
	adding sync.Mutex
}

// of gives the one of times for a.
func (t *answerTimes) of(times *prometheus.HistogramVec, a answered) prometheus.Observer {
	if known := t.known.Load(); known != nil {
		if o, ok := (*known)[a]; ok {
			return o
		}
	}
	t.adding.Lock()
	defer t.adding.Unlock()
	more := map[answered]prometheus.Observer{}
	if known := t.known.Load(); known != nil {
		more = maps.Clone(*known)
	}
	o := times.WithLabelValues(a.route, a.outcome)
	more[a] = o
	t.known.Store(&more)
	return o
}
