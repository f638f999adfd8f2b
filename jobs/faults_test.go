package jobs

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/proofback/proofback"
)

func TestFaultsAreRetriedSoonAndAtLeastEachMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	policy := faultPolicy{now: func() time.Time { return now }}
	for errs, want := range map[int]time.Duration{0: time.Second, 1: 4 * time.Second, 3: 16 * time.Second, 7: time.Minute, 1000: time.Minute} {
		got := policy.NextRetry(&rivertype.JobRow{Errors: make([]rivertype.AttemptError, errs)}).Sub(now)
		if got != want {
			t.Errorf("after %d errors: %s, want %s", errs, got, want)
		}
	}
}

func TestADeliveryWhoseJobIsGivenUpFails(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.destination(t, "https://t.example/")
	ids := f.approve(t, 1, nil)
	args, err := json.Marshal(newDeliverArgs(f.due(t, ids...)[0]))
	if err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	h := &errorHandler{store: f.store, log: slog.New(slog.NewTextHandler(&log, nil))}
	job := &rivertype.JobRow{Kind: deliverArgs{}.Kind(), EncodedArgs: args, Attempt: 24, MaxAttempts: 25}
	h.HandleError(t.Context(), job, errors.New("broken"))
	f.await(t, proofback.DeliveryPending, ids...)
	job.Attempt = 25
	h.HandlePanic(t.Context(), job, "broken too", "here")
	f.await(t, proofback.DeliveryFailed, ids...)
	if out := log.String(); !strings.Contains(out, "error=broken") || !strings.Contains(out, `panic="broken too"`) || !strings.Contains(out, "given_up=true") {
		t.Errorf("logged %s", out)
	}
}

// Nobody looks for a delivery that has neither a job nor a place among what is parked, and
// none can be retried by hand that seems about to be sent.
func TestDeliveriesWhoseFanOutIsGivenUpFail(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	bad, _ := f.destination(t, rec.URL+"/bad")
	// What waits for its rate is handed over to jobs of its own, which are not given up.
	good, _ := f.destination(t, rec.URL+"/good", func(d *proofback.Destination) { d.MaxPerSecond = 2 })
	f.exec(t, `UPDATE destinations SET secret = '\x00' WHERE id = $1`, bad)
	f.approve(t, 3, nil)
	f.exec(t, `UPDATE river_job SET max_attempts = 1 WHERE kind = 'fan_out'`)
	f.start(t)
	for destination, status := range map[uuid.UUID]proofback.DeliveryStatus{good: proofback.DeliveryDelivered, bad: proofback.DeliveryFailed} {
		f.eventually(t, string(status), `SELECT count(*) FROM deliveries WHERE destination_id = $1 AND status = $2`, 3, destination, string(status))
	}
}

func TestDeliveriesWhoseFanOutHasHandedThemOverStay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.destination(t, "https://t.example/")
	ids := f.approve(t, 1, nil)
	// The last try has committed, and the connection was lost before it heard of that.
	f.exec(t, `UPDATE river_job SET state = 'completed', finalized_at = now() WHERE kind = 'fan_out'`)
	job := &rivertype.JobRow{Kind: fanOutArgs{}.Kind(), Attempt: 25, MaxAttempts: 25}
	if err := f.store.Pool().QueryRow(t.Context(), `SELECT id, args FROM river_job WHERE kind = 'fan_out'`).Scan(&job.ID, &job.EncodedArgs); err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	h := &errorHandler{store: f.store, log: slog.New(slog.NewTextHandler(&log, nil))}
	h.HandleError(t.Context(), job, errors.New("connection lost"))
	f.await(t, proofback.DeliveryPending, ids...)
	if out := log.String(); strings.Contains(out, "not ended") {
		t.Errorf("logged %s", out)
	}
}

// What was answered 202 waits for as long as it was said to, whatever is broken meanwhile.
func TestALookAtADeferredRequestIsNotGivenUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	postback := newID(t)
	f.exec(t, `INSERT INTO deferred (postback_id, click_id, reading, sealed, until) VALUES ($1, $2, '{}', '\x00', now() + interval '1 day')`, postback, f.click)
	err := pgx.BeginFunc(t.Context(), f.store.Pool(), func(tx pgx.Tx) error {
		return f.inserting.EnqueueLooks(t.Context(), tx, []uuid.UUID{postback})
	})
	if err != nil {
		t.Fatal(err)
	}
	f.exec(t, `UPDATE river_job SET max_attempts = 1`)
	f.start(t)
	f.eventually(t, "it is looked at again", `SELECT count(*) FROM river_job WHERE kind = 'look_again' AND state = 'scheduled'`, 1)
}

// Who watches must hear of a job that keeps failing before it is given up, also where it is
// being tried whenever somebody looks.
func TestTheAlertOfFailingJobsComesBeforeTheyAreGivenUp(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/ops/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, _ := strings.Cut(string(text), "alert: ProofbackJobsFailing\n")
	said := regexp.MustCompile(`(?s)max_over_time\(proofback_jobs\{state="retryable"\}\[(\w+)\].*?for: (\w+)`).FindStringSubmatch(rule)
	if said == nil {
		t.Fatal("the rule looks at moments, in which a job may just be running")
	}
	window, err := time.ParseDuration(said[1])
	if err != nil {
		t.Fatal(err)
	}
	lasting, err := time.ParseDuration(said[2])
	if err != nil {
		t.Fatal(err)
	}
	now := time.Time{}
	policy := faultPolicy{now: func() time.Time { return now }}
	for errs := range river.MaxAttemptsDefault - 1 {
		now = policy.NextRetry(&rivertype.JobRow{Errors: make([]rivertype.AttemptError, errs)})
	}
	if tried := now.Sub(time.Time{}); lasting > tried {
		t.Errorf("a job is tried for %s, and the alert wants it to fail for %s", tried, lasting)
	}
	if window < time.Minute+jobTimeout {
		t.Errorf("over %s a job that fails may be seen in no other state than running", window)
	}
}
