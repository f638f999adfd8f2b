package jobs

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func (f *fixture) owner() proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: f.affiliate}
}

func TestFailedDeliveriesAreRetriedByHandWithANewSchedule(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var healed atomic.Bool
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !healed.Load() {
			reset(w)
		}
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 2, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)

	retried, err := f.store.RetryDeliveries(t.Context(), f.owner(), []uuid.UUID{ids[1], ids[0]})
	if err != nil || retried.Count != 2 || retried.Deliveries[0] != ids[1] || retried.Problems != nil {
		t.Fatalf("%d retried, %v", retried.Count, err)
	}
	f.eventually(t, "another three attempts each", `SELECT count(*) FROM attempts`, 12)
	f.await(t, proofback.DeliveryFailed, ids...)

	healed.Store(true)
	retried, err = f.store.RetryFailedDeliveries(t.Context(), f.owner(), proofback.DeliveryFilter{})
	if err != nil || retried.Count != 2 || len(retried.Deliveries) != 2 {
		t.Fatalf("%d retried, %v", retried.Count, err)
	}
	f.await(t, proofback.DeliveryDelivered, ids...)
	if got := f.attempts(t, ids[0]); len(got) != 7 || got[6].Number != 7 || got[6].Outcome != "DELIVERED" {
		t.Errorf("attempts %+v", got)
	}
}

func TestARetryByHandTakesThePlaceOfAPlannedOne(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) {
		c.Retry = proofback.RetryPolicy{time.Second, time.Second, time.Second, time.Second}
		c.Random = func() float64 { return 1 }
	})
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reset(w)
		}
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.eventually(t, "the second attempt is planned", `SELECT count(*) FROM deliveries WHERE attempts = 1 AND status = 'PENDING'`, 1)
	retried, err := f.store.RetryDeliveries(t.Context(), proofback.System(), ids)
	if err != nil || retried.Count != 1 {
		t.Fatalf("%d retried, %v", retried.Count, err)
	}
	f.await(t, proofback.DeliveryDelivered, ids...)
	// The job of the planned one has nothing left to do.
	f.eventually(t, "all jobs are done", `SELECT count(*) FROM river_job WHERE kind = 'deliver' AND state <> 'completed'`, 0)
	if n := len(rec.got()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestWhatCannotBeRetriedIsNamed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	off, _ := f.destination(t, "https://t.example/off")
	f.destination(t, "https://t.example/on")
	ids := f.approve(t, 2, nil)
	f.exec(t, `UPDATE destinations SET enabled = false WHERE id = $1`, off)
	f.exec(t, `UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL`)
	ofConversion := func(t *testing.T, enabled bool) (list []uuid.UUID) {
		t.Helper()
		rows, err := f.store.Pool().Query(t.Context(), `SELECT id FROM deliveries WHERE (destination_id <> $1) = $2 ORDER BY id`, off, enabled)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id uuid.UUID
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			list = append(list, id)
		}
		return list
	}
	on, disabled := ofConversion(t, true), ofConversion(t, false)
	f.exec(t, `UPDATE deliveries SET status = 'DELIVERED' WHERE id = $1`, on[1])

	asked := []uuid.UUID{on[0], on[1], disabled[0], newID(t), on[0]}
	stranger := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: newID(t)}
	if got, err := f.store.RetryDeliveries(t.Context(), stranger, asked); err != nil || got.Count != 0 || len(got.Problems) != len(asked) {
		t.Errorf("a stranger gets %+v, %v", got, err)
	}
	if got, err := f.store.RetryFailedDeliveries(t.Context(), stranger, proofback.DeliveryFilter{AffiliateID: f.affiliate}); err != nil || got.Count != 0 {
		t.Errorf("a stranger gets %+v, %v", got, err)
	}
	got, err := f.store.RetryDeliveries(t.Context(), f.owner(), asked)
	if err != nil || got.Count != 1 || got.Deliveries[0] != on[0] || len(got.Problems) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"ids 1: it has been delivered", "ids 2: its destination is switched off", "ids 3: there is no such delivery", "ids 4: there is no such delivery"} {
		if said := strings.Join(got.Problems[i].Field, " ") + ": " + got.Problems[i].Message; !strings.HasPrefix(said, want) {
			t.Errorf("problem %d: %s, want %s", i, said, want)
		}
	}
	if got, err = f.store.RetryDeliveries(t.Context(), f.owner(), on[:1]); err != nil || got.Count != 0 || got.Problems[0].Message != "it is about to be sent" {
		t.Errorf("%+v, %v", got, err)
	}
	if len(ids) != 4 {
		t.Errorf("%d deliveries", len(ids))
	}
}

func TestRetriesByFilterFindWhatItSays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	one, _ := f.destination(t, "https://t.example/1")
	f.destination(t, "https://t.example/2")
	f.approve(t, 60, nil)
	f.exec(t, `UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL`)
	past, future := proofback.TimeRange{To: time.Now().Add(-time.Hour)}, proofback.TimeRange{From: time.Now().Add(time.Hour)}
	for _, step := range []struct {
		filter proofback.DeliveryFilter
		want   int
	}{
		{proofback.DeliveryFilter{TimeRange: past}, 0},
		{proofback.DeliveryFilter{TimeRange: future}, 0},
		{proofback.DeliveryFilter{AffiliateID: newID(t)}, 0},
		{proofback.DeliveryFilter{DestinationID: one, TimeRange: proofback.TimeRange{From: past.To, To: future.From}}, 60},
		{proofback.DeliveryFilter{DestinationID: one}, 0}, // they wait now
		{proofback.DeliveryFilter{AffiliateID: f.affiliate}, 60},
	} {
		got, err := f.store.RetryFailedDeliveries(t.Context(), proofback.System(), step.filter)
		if err != nil || got.Count != step.want || len(got.Deliveries) != min(step.want, proofback.MaxPage) {
			t.Errorf("%+v: %d retried, %v", step.filter, got.Count, err)
		}
	}
}

func TestOnlyStaffAndAffiliatesRetry(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, actor := range []proofback.Actor{{}, {Role: proofback.RoleAdvertiser, AdvertiserID: newID(t)}} {
		_, byID := f.store.RetryDeliveries(t.Context(), actor, []uuid.UUID{newID(t)})
		_, byFilter := f.store.RetryFailedDeliveries(t.Context(), actor, proofback.DeliveryFilter{})
		for _, err := range []error{byID, byFilter} {
			if code := proofback.CodeOf(err); code != proofback.CodeForbidden && code != proofback.CodeUnauthenticated {
				t.Errorf("%s gets %v", actor.Role, err)
			}
		}
	}
}
