package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/proofback/proofback"
)

// metrics are what /metrics tells.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	answers  answerTimes // those of requests, found faster
	inFlight prometheus.Gauge
	attempts *prometheus.HistogramVec
	batches  *prometheus.HistogramVec
	commits  *prometheus.HistogramVec
	failed   *prometheus.CounterVec
}

// Batches are named by what is in them.
const (
	batchClicks    = "clicks"
	batchPostbacks = "postbacks"
	batchPixels    = "pixels"
)

// What bounds queues beside the number of what is in them.
const (
	clickBytes    = "click_bytes"
	postbackBytes = "postback_bytes"
)

func newMetrics(r role) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "proofback_http_request_duration_seconds",
			Help:    "How long requests took, by route and class of answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "outcome"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "proofback_http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "proofback_delivery_attempt_duration_seconds",
			Help:    "How long attempts to tell affiliates took, by their outcome.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 15},
		}, []string{"outcome"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "proofback_batch_size",
			Help:    "How many clicks, postbacks or pixel signals were stored together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}, []string{"kind"}),
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "proofback_batch_duration_seconds",
			Help:    "How long it took to store a batch of clicks, postbacks or pixel signals, its commit included.",
			Buckets: prometheus.ExponentialBuckets(.0005, 2, 15),
		}, []string{"kind"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "proofback_batches_failed_total",
			Help: "Batches of clicks, postbacks or pixel signals that could not be stored.",
		}, []string{"kind"}),
	}
	version := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "proofback_build_info",
		Help:        "Always 1; its labels tell the version and the role of the process.",
		ConstLabels: prometheus.Labels{"version": versionText(), "role": string(r)},
	})
	version.Set(1)
	if r.works() {
		for _, o := range proofback.Outcomes {
			m.attempts.WithLabelValues(deliveryOutcome(o))
		}
	}
	m.registry.MustRegister(version, m.requests, m.inFlight, m.attempts, m.batches, m.commits, m.failed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// deliveryOutcome is an outcome as a label.
func deliveryOutcome(o proofback.Outcome) string { return strings.ToLower(string(o)) }

// attempt tells of an attempt to tell an affiliate.
func (m *metrics) attempt(o proofback.Outcome, took time.Duration) {
	m.attempts.WithLabelValues(deliveryOutcome(o)).Observe(took.Seconds())
}

// request tells of a request; route is the pattern that it matched, "" and "/" for
// none that is served.
func (m *metrics) request(route string, status int, took time.Duration) {
	if route == "" || route == "/" {
		route = "none"
	}
	m.answers.of(m.requests, answered{route, outcome(status)}).Observe(took.Seconds())
}

// outcome is the class of a status: what was asked for was done (2xx, 3xx), was
// not for a reason of the caller's (4xx) or of ours (5xx), or nobody waited for it.
func outcome(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return "gone"
}

// batch gives what tells of stored batches of a kind.
func (m *metrics) batch(kind string) func(size int, took time.Duration, err error) {
	sizes, commits, failed := m.batches.WithLabelValues(kind), m.commits.WithLabelValues(kind), m.failed.WithLabelValues(kind)
	return func(size int, took time.Duration, err error) {
		if err != nil {
			failed.Inc()
			return
		}
		sizes.Observe(float64(size))
		commits.Observe(took.Seconds())
	}
}

// add has a metric told, in the place of one of the same name: what failed to start
// is started again.
func (m *metrics) add(c prometheus.Collector) {
	m.registry.Unregister(c)
	m.registry.MustRegister(c)
}

// queue tells how much of a kind waits to be stored, and how much may.
func (m *metrics) queue(kind string, length func() int, limit int) {
	most := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "proofback_queue_limit",
		Help:        "How many clicks, postbacks or pixel signals may wait, and how many bytes of clicks and postbacks; more are refused, or dropped where they are diagnostics.",
		ConstLabels: prometheus.Labels{"kind": kind},
	})
	most.Set(float64(limit))
	m.add(most)
	m.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "proofback_queue_length",
		Help:        "How many clicks, postbacks or pixel signals wait to be stored, and how many bytes of clicks and postbacks.",
		ConstLabels: prometheus.Labels{"kind": kind},
	}, func() float64 { return float64(length()) }))
}

// away tells whether Postgres cannot be reached. Every process does: alerts that ask for
// it have to hold where there is no spool as well.
func (m *metrics) away(is func() bool) {
	m.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "proofback_postgres_away",
		Help: "1 while Postgres cannot be reached: clicks go to the spool where there is one, and all else is refused.",
	}, func() float64 {
		if is() {
			return 1
		}
		return 0
	}))
}

// subscribers tells how many are told of changes.
func (m *metrics) subscribers(count func() int) {
	m.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "proofback_subscribers",
		Help: "Subscriptions that are told of conversions as they change.",
	}, func() float64 { return float64(count()) }))
}

// dropped tells how many of a kind were lost, which only diagnostics may be.
func (m *metrics) dropped(kind string, total func() int64) {
	m.add(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name:        "proofback_dropped_total",
		Help:        "How many pixel signals were dropped, because too many waited or they could not be stored.",
		ConstLabels: prometheus.Labels{"kind": kind},
	}, func() float64 { return float64(total()) }))
}

func (m *metrics) register(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}
