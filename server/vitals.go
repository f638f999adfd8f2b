package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs"
)

// How the vitals are found out: Postgres is asked when they are wanted, and not
// more often than this, however many want them.
const (
	vitalsEvery   = 10 * time.Second
	vitalsTimeout = 3 * time.Second
)

// vitals tell what is the same in every process on a database: what waits there,
// and what should be watched. Nobody asks Postgres while nobody asks them.
type vitals struct {
	ask  func(context.Context) (*db.Vitals, error)
	away func() bool
	log  *slog.Logger

	last atomic.Pointer[db.Vitals] // nil when they could not be had

	asking sync.Mutex // guards what follows
	asked  time.Time
}

// look gives the vitals as they were a moment ago, nil when they cannot be had.
func (v *vitals) look(ctx context.Context) *db.Vitals {
	v.asking.Lock()
	defer v.asking.Unlock()
	v.refresh(ctx, vitalsEvery)
	return v.last.Load()
}

// refresh asks for the vitals when they are older than they may be. The caller
// holds asking.
func (v *vitals) refresh(ctx context.Context, age time.Duration) {
	if time.Since(v.asked) < age {
		return
	}
	var now *db.Vitals
	if !v.away() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), vitalsTimeout)
		defer cancel()
		var err error
		if now, err = v.ask(ctx); err != nil {
			now = nil
			v.log.WarnContext(ctx, "what is watched of the database cannot be told", "error", err)
		}
	}
	v.last.Store(now)
	v.asked = time.Now()
}

// warnEvery is how old may be what is warned of.
const warnEvery = time.Minute

// warning says what was not as it should be a while ago although everything works,
// "" for nothing. It waits for nobody, since whoever asks whether the program is
// ready does not.
func (v *vitals) warning(ctx context.Context) string {
	if v.asking.TryLock() {
		go func() {
			defer v.asking.Unlock()
			v.refresh(ctx, warnEvery)
		}()
	}
	last := v.last.Load()
	if last == nil {
		return ""
	}
	var said []string
	for _, p := range last.Partitions {
		if p.Strays > 0 {
			said = append(said, "rows of "+p.Table+" are in the default partition")
		}
		if p.DaysAhead < 1 {
			said = append(said, "there is no partition of "+p.Table+" for tomorrow: is there a worker?")
		}
	}
	return strings.Join(said, "; ")
}

// What vitals tell.
var (
	vitalsUp          = vital("vitals_up", "1 when what is below could be asked of Postgres, else 0 and it is left out.")
	vitalsAhead       = vital("partitions_ahead", "For how many UTC days after today there are partitions.", "table")
	vitalsStrays      = vital("default_partition_rows", "Rows in the default partition, which should be none; counted up to 100,000.", "table")
	vitalsJobs        = vital("jobs", "Jobs that are not done, by kind and River's state; counted up to 100,000.", "kind", "state")
	vitalsJobAge      = vital("job_wait_seconds", "For how long the oldest job of a kind that could be worked on has been waiting; 0 when there is none.", "kind")
	vitalsDestination = vital("destinations", "Affiliates' destinations, by the state of their health.", "state")
	vitalsBreakers    = vital("destinations_open_breakers", "Destinations that nothing is sent to until their breaker lets one attempt through.")
	vitalsParked      = vital("deliveries_parked", "Deliveries that wait for their destination to get well; counted up to 100,000.")
	vitalsDeferred    = vital("postbacks_deferred", "Postbacks that wait to be decided; counted up to 100,000.")
	vitalsNoRate      = vital("conversions_awaiting_rate", "Conversions that wait for a reference rate; counted up to 100,000.")
	vitalsRollupLag   = vital("rollup_lag_seconds", "How far the counts that reports read lie behind; they count the rest themselves.")
	vitalsDifferences = vital("discrepancies", "Differences that the checks of `proofback verify` found and that are still there, by check.", "check")
	vitalsVerifiedAge = vital("verified_age_seconds", "How long ago all checks of `proofback verify` were last through, or the database was made.")
	vitalsRatesAge    = vital("rates_age_seconds", "How long ago the newest day with reference rates began; weekends have none.")
)

func vital(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("proofback_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (v *vitals) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		vitalsUp, vitalsAhead, vitalsStrays, vitalsJobs, vitalsJobAge, vitalsDestination, vitalsBreakers,
		vitalsParked, vitalsDeferred, vitalsNoRate, vitalsRollupLag, vitalsRatesAge, vitalsDifferences, vitalsVerifiedAge,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (v *vitals) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	last := v.look(context.Background())
	if last == nil {
		tell(vitalsUp, 0)
		return
	}
	tell(vitalsUp, 1)
	for _, p := range last.Partitions {
		tell(vitalsAhead, float64(p.DaysAhead), p.Table)
		tell(vitalsStrays, float64(p.Strays), p.Table)
	}
	tellJobs(tell, last)
	for _, state := range proofback.HealthStates {
		tell(vitalsDestination, float64(last.Destinations[state]), strings.ToLower(string(state)))
	}
	tell(vitalsBreakers, float64(last.OpenBreakers))
	tell(vitalsParked, float64(last.Parked))
	tell(vitalsDeferred, float64(last.Deferred))
	tell(vitalsNoRate, float64(last.AwaitingRate))
	for _, check := range proofback.SelfChecks() {
		tell(vitalsDifferences, float64(last.Discrepancies[check]), strings.ToLower(string(check)))
	}
	tell(vitalsVerifiedAge, last.At.Sub(last.VerifiedAt).Seconds())
	if !last.RolledUp.IsZero() {
		tell(vitalsRollupLag, last.At.Sub(last.RolledUp).Seconds())
	}
	if !last.RatesDay.IsZero() {
		tell(vitalsRatesAge, last.At.Sub(last.RatesDay).Seconds())
	}
}

// tellJobs tells of every kind of jobs, also of those that there are none of.
func tellJobs(tell func(*prometheus.Desc, float64, ...string), last *db.Vitals) {
	const available = "available" // River's word for what a worker may take
	waits := map[string]float64{}
	told := map[[2]string]bool{}
	for _, j := range last.Jobs {
		tell(vitalsJobs, float64(j.Count), j.Kind, j.State)
		told[[2]string{j.Kind, j.State}] = true
		if j.State == available {
			waits[j.Kind] = max(0, last.At.Sub(j.Oldest).Seconds())
		}
	}
	for _, kind := range jobs.Kinds() {
		if !told[[2]string{kind, available}] {
			tell(vitalsJobs, 0, kind, available)
		}
		tell(vitalsJobAge, waits[kind], kind)
	}
}
