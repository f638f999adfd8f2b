package jobs

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// breakAttempts has no attempt be written until mend is called.
func (f *fixture) breakAttempts(t *testing.T) (mend func()) {
	t.Helper()
	f.exec(t, `CREATE FUNCTION break_attempts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$`)
	f.exec(t, `CREATE TRIGGER broken BEFORE INSERT ON attempts FOR EACH STATEMENT EXECUTE FUNCTION break_attempts()`)
	return func() { f.exec(t, `DROP TRIGGER broken ON attempts`) }
}

func TestAFailedAttemptThatCannotBeWrittenDoesNotVanish(t *testing.T) {
	t.Parallel()
	f := setup(t)
	called := make(chan struct{})
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			close(called)
			reset(w)
		}
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	mend := f.breakAttempts(t)
	ids := f.approve(t, 1, nil)
	f.start(t)
	<-called
	<-time.After(time.Second) // it is tried again and again meanwhile
	mend()
	f.await(t, proofback.DeliveryDelivered, ids...)
	got := f.attempts(t, ids[0])
	if len(got) != 2 || got[0].Outcome != "NETWORK_FAILURE" || got[1].Outcome != "DELIVERED" || len(rec.got()) != 2 {
		t.Errorf("attempts %+v after %d requests", got, len(rec.got()))
	}
}

func TestADeliveredAttemptThatCannotBeWrittenIsNoResendStorm(t *testing.T) {
	t.Parallel()
	f := setup(t)
	called := make(chan struct{}, 100)
	rec := receive(t, func(int, http.ResponseWriter, *http.Request) { called <- struct{}{} })
	f.destination(t, rec.URL)
	mend := f.breakAttempts(t)
	ids := f.approve(t, 1, nil)
	f.start(t)
	<-called
	<-time.After(recordTimeout + 4*time.Second) // longer than it is tried for: it is sent once more
	mend()
	f.await(t, proofback.DeliveryDelivered, ids...)
	if n := len(rec.got()); n > 2 {
		t.Errorf("it was sent %d times in %s", n, recordTimeout+4*time.Second)
	}
	if got := f.attempts(t, ids[0]); len(got) != 1 || got[0].Outcome != "DELIVERED" {
		t.Errorf("attempts %+v", got)
	}
}

// No retry overtakes what is known of the attempt before it: both are one
// transaction.
func TestARetryFindsTheAttemptBeforeItWritten(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Retry = proofback.RetryPolicy{1, 1, 1, 1, 1, 1, 1, 1} })
	var mu sync.Mutex
	var written []int
	rec := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		var n int
		if err := f.store.Pool().QueryRow(r.Context(), `SELECT count(*) FROM attempts`).Scan(&n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		written = append(written, n)
		mu.Unlock()
		reset(w)
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	mu.Lock()
	defer mu.Unlock()
	if len(written) != 9 {
		t.Fatalf("%d requests", len(written))
	}
	for i, n := range written {
		if n != i {
			t.Errorf("request %d found %d attempts written", i+1, n)
		}
	}
}

func TestOfManyRetriesByHandAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Retry = proofback.RetryPolicy{time.Hour}; c.Random = func() float64 { return 1 } })
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reset(w)
		}
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.eventually(t, "the automatic retry is pending", `SELECT count(*) FROM river_job WHERE kind = 'deliver' AND state = 'scheduled'`, 1)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := f.store.RetryDeliveries(t.Context(), f.owner(), ids); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.await(t, proofback.DeliveryDelivered, ids...)
	f.exec(t, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'`) // the automatic one's time has come
	f.eventually(t, "nothing is left to be done", `SELECT count(*) FROM river_job WHERE kind IN ('deliver', 'fan_out') AND state <> 'completed'`, 0)
	if got := f.attempts(t, ids[0]); len(got) != 2 || got[0].Number != 1 || got[1].Number != 2 || len(rec.got()) != 2 {
		t.Errorf("attempts %+v after %d requests", got, len(rec.got()))
	}
}

func TestAMoveThatIsToldTwiceAtOnceIsOneDelivery(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.destination(t, "https://t.example/")
	move := db.Announcement{
		TransitionID: newID(t), ConversionID: newID(t), ClickID: f.click, AffiliateID: f.affiliate,
		OfferID: f.click, EventType: "sale", Status: proofback.StatusApproved,
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := pgx.BeginFunc(t.Context(), f.store.Pool(), func(tx pgx.Tx) error {
				_, err := f.store.RecordDeliveries(t.Context(), tx, []db.Announcement{move})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.eventually(t, "one delivery", `SELECT count(*) FROM deliveries`, 1)
}

// failed is an attempt of a delivery that found its destination down.
func failed(due db.DueDelivery, number int) db.AttemptRecord {
	return db.AttemptRecord{Due: due, Attempt: proofback.Attempt{
		DeliveryID: due.ID, Number: number, At: time.Now().UTC(), Outcome: proofback.OutcomeServerError, ResponseStatus: 500, Error: "500",
	}}
}

func TestWhatIsRecordedTwiceCountsOnceForHealth(t *testing.T) {
	t.Parallel()
	f := setup(t)
	policy := proofback.HealthPolicy{OpenAfter: 3, OpenFor: time.Hour, OpenAtMost: time.Hour, PauseAfter: time.Hour}
	destination, _ := f.destination(t, "https://t.example/")
	due := f.due(t, f.approve(t, 6, nil)...)
	other, _ := f.destination(t, "https://t.example/other")
	record := func(attempts ...db.AttemptRecord) {
		t.Helper()
		if _, err := f.store.RecordAttempts(t.Context(), proofback.System(), policy, attempts); err != nil {
			t.Fatal(err)
		}
	}
	failures := func(want int) {
		t.Helper()
		f.eventually(t, strconv.Itoa(want)+" failures in a row, and a closed breaker",
			`SELECT count(*) FROM destinations WHERE id = $1 AND failures = $2 AND open_until IS NULL`, 1, destination, want)
	}
	for range 5 {
		record(failed(due[0], 1)) // the same one
	}
	failures(1)
	record(failed(due[1], 1))
	failures(2)
	well := failed(due[2], 1)
	well.Outcome, well.ResponseStatus, well.Error = proofback.OutcomeDelivered, 200, ""
	record(well)
	failures(0)
	record(failed(due[3], 1), failed(due[4], 1), failed(due[3], 1))
	failures(2)
	f.eventually(t, "another destination is untouched", `SELECT count(*) FROM destinations WHERE id = $1 AND failures = 0 AND health_state = 'UNKNOWN'`, 1, other)
}

func TestBothSignaturesAreOverTheBytesThatWereSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	destination, old := f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	_, secret, err := f.store.RotateDestinationSecret(t.Context(), f.owner(), destination, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, f.approve(t, 1, nil)...)
	r := rec.got()[0]
	seconds, err := strconv.ParseInt(r.header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	want := proofback.SignWebhook(secret, r.header.Get("Webhook-Id"), time.Unix(seconds, 0), []byte(r.body)) + " " +
		proofback.SignWebhook(old, r.header.Get("Webhook-Id"), time.Unix(seconds, 0), []byte(r.body))
	if got := r.header.Get("Webhook-Signature"); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
	// In the order of the macros, not of the alphabet: nothing on the way took it apart.
	if !strings.HasPrefix(r.body, `{"click_id":"`) || strings.Index(r.body, `"txid"`) > strings.Index(r.body, `"event_type"`) {
		t.Errorf("the body is %s", r.body)
	}
}

func TestDestinationsAtOneHostShareItsConnections(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var mu sync.Mutex
	peers := map[string]int{}
	rec := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		peers[r.RemoteAddr]++
		mu.Unlock()
		<-time.After(5 * time.Millisecond) // so that several are in flight
	})
	const destinations = 6
	for i := range destinations {
		f.destination(t, rec.URL+"/"+strconv.Itoa(i))
	}
	f.start(t)
	var ids []uuid.UUID
	for range 10 {
		ids = f.approve(t, 10, nil)
		f.await(t, proofback.DeliveryDelivered, ids...)
	}
	const inFlight = destinations * 5
	if len(peers) > 2*inFlight { // one is dialled now and then while another gets free
		t.Errorf("%d connections for %d requests, %d at a time", len(peers), len(rec.got()), inFlight)
	}
	if n := len(rec.got()); n != 10*10*destinations {
		t.Errorf("%d requests", n)
	}
}
