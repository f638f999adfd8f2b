package jobs

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

func TestAnInterruptedAttemptIsMadeAgain(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.StopTimeout = 50 * time.Millisecond })
	arrived := make(chan struct{})
	rec := receive(t, func(n int, _ http.ResponseWriter, r *http.Request) {
		if n == 1 {
			close(arrived)
			<-r.Context().Done()
		}
	})
	f.destination(t, rec.URL)
	ids := f.approve(t, 1, nil)
	stop := f.start(t)
	<-arrived
	start := time.Now()
	stop()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if got := f.attempts(t, ids[0]); len(got) != 0 {
		t.Errorf("the interrupted one is recorded: %+v", got)
	}
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	if got := f.attempts(t, ids[0]); len(got) != 1 || len(rec.got()) != 2 {
		t.Errorf("attempts %+v after %d requests", got, len(rec.got()))
	}
}

func TestStoppingLetsAnAttemptEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	rec := receive(t, func(int, http.ResponseWriter, *http.Request) { close(arrived); <-release })
	f.destination(t, rec.URL)
	ids := f.approve(t, 1, nil)
	stop := f.start(t)
	<-arrived
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(release)
	<-stopped
	f.await(t, proofback.DeliveryDelivered, ids...)
}

// A process that was killed leaves its jobs running in River's table.
func TestWhatAKilledProcessLeftIsDelivered(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	fannedOut, notYet := f.approve(t, 1, nil), f.approve(t, 1, nil)
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.client.Insert(t.Context(), newDeliverArgs(f.due(t, fannedOut...)[0]), nil); err != nil {
		t.Fatal(err)
	}
	f.exec(t, `DELETE FROM river_job WHERE id = (SELECT min(id) FROM river_job)`) // the first fan-out is done
	f.exec(t, `
		UPDATE river_job
		SET state = 'running', attempt = 1, attempted_at = now() - interval '1 minute', attempted_by = '{the-dead}'`)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, append(fannedOut, notYet...)...)
	f.eventually(t, "one attempt each", `SELECT count(*) FROM attempts`, 2)
}

func TestAProcessThatOnlyInsertsWorksOnNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	inserting, err := New(f.store, Config{InsertOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := inserting.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ids := f.approve(t, 1, nil)
	if err := inserting.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.eventually(t, "the job waits", `SELECT count(*) FROM river_job WHERE state = 'available'`, 1)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
}

func TestAProcessThatDeliversNeedsClickKeys(t *testing.T) {
	t.Parallel()
	if _, err := New(nil, Config{}); err == nil {
		t.Error("it is made without")
	}
}
