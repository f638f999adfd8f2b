package jobs

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func TestResetsAndTimeoutsAreRetriedWithTheSameKey(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Outbound.Timeout = 200 * time.Millisecond })
	rec := receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 1:
			reset(w)
		case 2:
			<-r.Context().Done()
		}
	})
	// A POST: net/http repeats a GET by itself when a kept connection breaks.
	destination, _ := f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)

	want := []attempt{{Number: 1, Outcome: "NETWORK_FAILURE"}, {Number: 2, Outcome: "TIMEOUT"}, {Number: 3, Outcome: "DELIVERED", Status: 200}}
	if diff := cmp.Diff(want, f.attempts(t, ids[0]), cmpopts.IgnoreFields(attempt{}, "URL", "Error")); diff != "" {
		t.Errorf("attempts, -want +got:\n%s", diff)
	}
	got := rec.got()
	if len(got) != 3 {
		t.Fatalf("got %+v", got)
	}
	for _, r := range got {
		if r.header.Get("Idempotency-Key") != got[0].header.Get("Idempotency-Key") || r.body != got[0].body {
			t.Errorf("the retries differ: %+v", got)
		}
	}
	f.eventually(t, "healthy again", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'HEALTHY'`, 1, destination)
}

func TestTheLastAttemptFailsTheDeliveryAndKeepsIt(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	f := setup(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { reset(w) })
	destination, _ := f.destination(t, rec.URL+"/?api_key=s3cr3t-value")
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	if got := f.attempts(t, ids[0]); len(got) != 3 || got[2].Outcome != "NETWORK_FAILURE" {
		t.Errorf("attempts %+v", got)
	}
	f.eventually(t, "failing", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'FAILING' AND enabled AND health_reason <> ''`, 1, destination)
	f.eventually(t, "nothing is due", `SELECT count(*) FROM deliveries WHERE next_attempt_at IS NULL`, 1)
	if out := log.String(); !strings.Contains(out, "delivery failed") || strings.Contains(out, "s3cr3t-value") {
		t.Errorf("logged %s", out)
	}
}

// syncBuffer is a buffer that a logger may write to from many goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestAnswersAreNotRetriedUnlessTheDestinationAsksForIt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for code, want := range map[int]string{302: "REDIRECT", 404: "CLIENT_ERROR", 429: "TOO_MANY_REQUESTS", 500: "SERVER_ERROR"} {
		rec := receive(t, status(code))
		f.destination(t, rec.URL+"/"+want)
	}
	asking := receive(t, status(503))
	f.destination(t, asking.URL+"/asking", func(d *proofback.Destination) {
		d.RetryOn = []proofback.RetryOn{proofback.RetryServerError}
	})
	ids := f.approve(t, 1, nil)
	if len(ids) != 5 {
		t.Fatalf("%d deliveries", len(ids))
	}
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	for _, id := range ids {
		got := f.attempts(t, id)
		want := 1
		if strings.HasSuffix(got[0].URL, "/asking") {
			want = 3
		} else if !strings.HasSuffix(got[0].URL, got[0].Outcome) {
			t.Errorf("%s is %s", got[0].URL, got[0].Outcome)
		}
		if len(got) != want {
			t.Errorf("%s: %d attempts, want %d", got[0].URL, len(got), want)
		}
	}
}

func TestRetryAfterPutsTheNextAttemptOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) {
		d.RetryOn = []proofback.RetryOn{proofback.RetryTooManyRequests}
	})
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.eventually(t, "put off", `
		SELECT count(*)
		FROM deliveries
		WHERE id = $1
		  AND status = 'PENDING'
		  AND attempts = 1
		  AND next_attempt_at BETWEEN now() + interval '59 minutes' AND now() + interval '61 minutes'`, 1, ids[0])
	f.eventually(t, "the next attempt is planned", `
		SELECT count(*)
		FROM river_job AS j
		JOIN deliveries AS d ON d.id::text = j.args->>'delivery'
		WHERE j.state = 'scheduled'
		  AND j.scheduled_at = d.next_attempt_at`, 1)
}

func TestGoneStopsTheDestinationAndWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.PerDestination = 1 })
	rec := receive(t, status(http.StatusGone))
	destination, _ := f.destination(t, rec.URL)
	ids := f.approve(t, 3, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	f.eventually(t, "stopped", `
		SELECT count(*)
		FROM destinations
		WHERE id = $1
		  AND NOT enabled
		  AND health_state = 'STOPPED'
		  AND health_reason LIKE '%410%'`, 1, destination)
	if n := len(rec.got()); n != 1 {
		t.Errorf("called %d times", n)
	}
	if more := f.approve(t, 1, nil); len(more) != 0 {
		t.Error("a stopped destination gets deliveries")
	}
}

func TestAddressesThatAreNotPublicAreNeverCalled(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Outbound.Allow = nil })
	rec := receive(t, ok)
	port := rec.URL[strings.LastIndexByte(rec.URL, ':'):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		f.destination(t, "http://"+host+port+"/")
	}
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	for _, id := range ids {
		if got := f.attempts(t, id); len(got) != 1 || got[0].Outcome != "BLOCKED" || got[0].Status != 0 || got[0].Error == "" {
			t.Errorf("attempts %+v", got)
		}
	}
	if n := len(rec.got()); n != 0 {
		t.Errorf("called %d times", n)
	}
}

func TestATemplateThatIsNoGoodFailsItsDelivery(t *testing.T) {
	t.Parallel()
	f := setup(t)
	destination, _ := f.destination(t, "https://t.example/")
	f.exec(t, `UPDATE destinations SET url_template = 'https://t.example/?token=s3cr3t-value&x={nonsense}' WHERE id = $1`, destination)
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	got := f.attempts(t, ids[0])
	if len(got) != 1 || got[0].Outcome != "INVALID_URL" || !strings.Contains(got[0].Error, "nonsense") || strings.Contains(got[0].URL, "s3cr3t") {
		t.Errorf("attempts %+v", got)
	}
}

func TestARecordedAttemptIsRecordedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	ids := f.approve(t, 1, nil)
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	f.config.setDefaults()
	w := newDeliverWorker(f.store, j.outbound, f.config)
	due := f.due(t, ids...)[0]
	sendings, err := f.store.LoadDeliveries(t.Context(), proofback.System(), []db.DueDelivery{due})
	if err != nil {
		t.Fatal(err)
	}
	s := sendings[0]
	request, problem := w.request(s)
	if problem != "" {
		t.Fatal(problem)
	}
	res, err := j.outbound.Do(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.record(t.Context(), due, s, res); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.attempts(t, ids[0]); len(got) != 1 || got[0].Outcome != "DELIVERED" {
		t.Errorf("attempts %+v", got)
	}
	if again, err := f.store.LoadDeliveries(t.Context(), proofback.System(), []db.DueDelivery{due}); err != nil || again[0] != nil {
		t.Errorf("a delivered one can be loaded: %v, %v", again, err)
	}
}
