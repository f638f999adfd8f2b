package jobs

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// quickBreaker opens after three failures, for a short while.
func quickBreaker(c *Config) {
	c.Health = proofback.HealthPolicy{OpenAfter: 3, OpenFor: 300 * time.Millisecond, OpenAtMost: time.Second, PauseAfter: 5 * 24 * time.Hour}
	c.PerDestination = 1
}

func TestABreakerHoldsBackAndLetsTheOldestThroughFirst(t *testing.T) {
	t.Parallel()
	f := setup(t, quickBreaker)
	var up atomic.Bool
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	destination, _ := f.destination(t, rec.URL+"/?t={txid}")
	f.approve(t, 20, nil)
	f.start(t)
	f.eventually(t, "open", `SELECT count(*) FROM destinations WHERE id = $1 AND open_until IS NOT NULL AND opened >= 1 AND failures >= 3`, 1, destination)
	f.eventually(t, "the others wait without a job", `
		SELECT (count(*) > 5)::integer
		FROM parked AS p
		JOIN deliveries AS d ON d.id = p.delivery_id
		WHERE d.next_attempt_at IS NULL`, 1)
	sent := len(rec.got())
	if sent > 8 {
		t.Errorf("%d requests reached an endpoint that is down", sent)
	}
	up.Store(true)
	f.eventually(t, "all that waited is delivered", `
		SELECT (count(*) FILTER (WHERE status = 'PENDING'))
		FROM deliveries`, 0)
	f.eventually(t, "closed", `SELECT count(*) FROM destinations WHERE id = $1 AND open_until IS NULL AND failures = 0 AND opened = 0 AND health_state = 'HEALTHY'`, 1, destination)
	f.eventually(t, "nothing is parked", `SELECT count(*) FROM parked`, 0)
}

func TestABreakerIsSharedBetweenProcesses(t *testing.T) {
	t.Parallel()
	f := setup(t, quickBreaker, func(c *Config) { c.Health.OpenFor, c.Health.OpenAtMost = time.Hour, time.Hour })
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	destination, _ := f.destination(t, rec.URL)
	f.approve(t, 5, nil)
	stop := f.start(t)
	f.eventually(t, "open", `SELECT count(*) FROM destinations WHERE id = $1 AND open_until > now()`, 1, destination)
	stop()
	before := len(rec.got())
	f.start(t)
	f.approve(t, 5, nil)
	f.eventually(t, "parked", `SELECT (count(*) >= 5)::integer FROM parked`, 1)
	if n := len(rec.got()); n != before {
		t.Errorf("another process sent %d more", n-before)
	}
}

func TestAnAnswerThatRefusesIsNoReasonToOpenTheBreaker(t *testing.T) {
	t.Parallel()
	f := setup(t, quickBreaker)
	rec := receive(t, status(http.StatusNotFound))
	destination, _ := f.destination(t, rec.URL)
	ids := f.approve(t, 10, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	f.eventually(t, "failing, and closed", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'FAILING' AND open_until IS NULL AND failures = 0`, 1, destination)
}

func TestWhatFailsForFiveDaysIsPausedAndSentInOrderLater(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.PerDestination = 1 })
	f.config.Health.PauseAfter = 5 * 24 * time.Hour
	var up atomic.Bool
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	destination, _ := f.destination(t, rec.URL+"/?t={txid}&d={delivery_id}")
	f.exec(t, `UPDATE destinations SET health_state = 'FAILING', failing_since = now() - interval '5 days 1 minute' WHERE id = $1`, destination)
	f.approve(t, 1, nil)
	f.start(t)
	f.eventually(t, "paused", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'PAUSED' AND NOT enabled AND health_reason LIKE '%500%'`, 1, destination)
	f.eventually(t, "its owner is told", `SELECT count(*) FROM notices WHERE affiliate_id = $1 AND kind = 'DESTINATION_PAUSED' AND message LIKE '%127.0.0.1%'`, 1, f.affiliate)
	w, err := f.store.Notices(t.Context(), f.owner(), uuid.Nil, proofback.Page{Limit: 10})
	if err != nil || len(w.Items) != 1 {
		t.Errorf("%+v, %v", w, err)
	}
	before := len(rec.got())
	var waiting []uuid.UUID
	for range 5 {
		waiting = append(waiting, f.approve(t, 2, nil)...)
	}
	f.eventually(t, "parked", `SELECT count(*) FROM parked`, len(waiting))
	up.Store(true)
	if _, err := f.store.UpdateDestination(t.Context(), f.owner(), destination, func(d *proofback.Destination) { d.Enabled = true }); err != nil {
		t.Fatal(err)
	}
	f.await(t, proofback.DeliveryDelivered, waiting...)
	got := rec.got()[before:]
	if want := "d=" + proofback.GlobalID(proofback.KindDelivery, waiting[0]); !strings.HasSuffix(got[0].uri, want) {
		t.Errorf("the first is %s, want %s", got[0].uri, want)
	}
	f.eventually(t, "healthy", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'HEALTHY' AND enabled AND open_until IS NULL`, 1, destination)
}

func TestWhatWaitsWhileSwitchedOffIsSentAfterwards(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	destination, _ := f.destination(t, rec.URL)
	ids := f.approve(t, 3, nil)
	toggle := func(enabled bool) {
		if _, err := f.store.UpdateDestination(t.Context(), f.owner(), destination, func(d *proofback.Destination) { d.Enabled = enabled }); err != nil {
			t.Fatal(err)
		}
	}
	toggle(false)
	if more := f.approve(t, 1, nil); len(more) != 0 {
		t.Error("one that is switched off gets deliveries")
	}
	f.start(t)
	f.eventually(t, "parked", `SELECT count(*) FROM parked`, 3)
	toggle(true)
	f.await(t, proofback.DeliveryDelivered, ids...)
	if n := len(rec.got()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestARateHoldsOverAllProcesses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var first, last atomic.Int64
	rec := receive(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			first.Store(time.Now().UnixMilli())
		}
		last.Store(time.Now().UnixMilli())
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.MaxPerSecond = 20 })
	ids := f.approve(t, 30, nil)
	f.start(t)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	if took := last.Load() - first.Load(); took < 1200 { // 29 gaps of 50 ms, less what may be made up for
		t.Errorf("30 requests within %d ms", took)
	}
}

// move makes another status of a conversion known to the destinations.
func (f *fixture) move(t *testing.T, conversion uuid.UUID, to proofback.Status) uuid.UUID {
	t.Helper()
	var keys []db.DeliveryKey
	err := pgx.BeginFunc(t.Context(), f.store.Pool(), func(tx pgx.Tx) (err error) {
		keys, err = f.store.RecordDeliveries(t.Context(), tx, []db.Announcement{{
			TransitionID: newID(t), ConversionID: conversion, ClickID: f.click, AffiliateID: f.affiliate,
			OfferID: f.click, EventType: "sale", Status: to,
		}})
		if err != nil {
			return err
		}
		return f.inserting.EnqueueDeliveries(t.Context(), tx, keys)
	})
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d deliveries, %v", len(keys), err)
	}
	return keys[0].ID
}

func (f *fixture) conversionOf(t *testing.T, delivery uuid.UUID) (id uuid.UUID) {
	t.Helper()
	if err := f.store.Pool().QueryRow(context.Background(), `SELECT conversion_id FROM deliveries WHERE id = $1`, delivery).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

func allStatuses(d *proofback.Destination) {
	d.Statuses, d.Method = proofback.AllStatuses(), http.MethodPost
}

func TestStatusesOfAConversionArriveInTheirOrder(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Retry = proofback.RetryPolicy{500 * time.Millisecond, 500 * time.Millisecond} })
	f.config.Random = func() float64 { return 0.99 }
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reset(w)
		}
	})
	f.destination(t, rec.URL+"/?s={status}", allStatuses)
	f.start(t)
	first := f.approve(t, 1, nil)[0]
	f.eventually(t, "the first has failed once", `SELECT count(*) FROM deliveries WHERE attempts = 1`, 1)
	second := f.move(t, f.conversionOf(t, first), proofback.StatusRejected)
	third := f.move(t, f.conversionOf(t, first), proofback.StatusApproved)
	f.await(t, proofback.DeliveryDelivered, first, second, third)
	var told []string
	for _, r := range rec.got() {
		told = append(told, r.uri)
	}
	if got := fmt.Sprint(told); got != "[/?s=approved /?s=approved /?s=rejected /?s=approved]" {
		t.Errorf("told %s", got)
	}
}

func TestANewerStatusCancelsWhatWasNotDeliveredWhereOnlyTheLatestCounts(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Retry = proofback.RetryPolicy{time.Hour} })
	f.config.Random = func() float64 { return 0.99 }
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reset(w)
		}
	})
	f.destination(t, rec.URL+"/?s={status}", allStatuses, func(d *proofback.Destination) { d.LatestOnly = true })
	f.start(t)
	first := f.approve(t, 1, nil)[0]
	f.eventually(t, "the first has failed once", `SELECT count(*) FROM deliveries WHERE attempts = 1`, 1)
	second := f.move(t, f.conversionOf(t, first), proofback.StatusRejected)
	f.await(t, proofback.DeliveryDelivered, second)
	f.await(t, proofback.DeliveryCancelled, first)
	if got := rec.got(); len(got) != 2 || got[1].uri != "/?s=rejected" {
		t.Errorf("got %+v", got)
	}
}

func TestBothSecretsSignWhileOneTakesThePlaceOfTheOther(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	destination, old := f.destination(t, rec.URL)
	f.start(t)
	for keep, signatures := range map[time.Duration]int{time.Hour: 2, 0: 1} {
		before := len(rec.got())
		_, secret, err := f.store.RotateDestinationSecret(t.Context(), f.owner(), destination, keep)
		if err != nil {
			t.Fatal(err)
		}
		f.await(t, proofback.DeliveryDelivered, f.approve(t, 1, nil)...)
		header := rec.got()[before].header
		got := strings.Split(header.Get("Webhook-Signature"), " ")
		if len(got) != signatures {
			t.Fatalf("kept for %s: %d signatures", keep, len(got))
		}
		for i, secret := range []string{secret, old}[:signatures] {
			at, id := rec.got()[before].header.Get("Webhook-Timestamp"), header.Get("Webhook-Id")
			var seconds int64
			_, _ = fmt.Sscan(at, &seconds)
			if want := proofback.SignWebhook(secret, id, time.Unix(seconds, 0), nil); got[i] != want {
				t.Errorf("signature %d is another", i)
			}
		}
		old = secret
	}
}

func TestATestPostbackIsMarkedAndCountsForNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	destination, _ := f.destination(t, rec.URL+"/?s={status}&c={click_id}", allStatuses)
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	a, err := j.SendTest(t.Context(), f.owner(), destination, proofback.StatusRejected)
	if err != nil || a.Outcome != proofback.OutcomeClientError || a.ResponseStatus != http.StatusTeapot {
		t.Fatalf("%+v, %v", a, err)
	}
	got := rec.got()
	if len(got) != 1 || got[0].header.Get("Proofback-Test") != "true" || !strings.HasPrefix(got[0].uri, "/?s=rejected&c=") || !strings.HasSuffix(got[0].body, `"test":"true"}`) {
		t.Errorf("got %+v", got)
	}
	f.eventually(t, "nothing is kept", `SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM destinations WHERE health_state <> 'UNKNOWN')`, 0)
	stranger := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: newID(t)}
	if _, err := j.SendTest(t.Context(), stranger, destination, ""); proofback.CodeOf(err) != proofback.CodeNotFound {
		t.Errorf("a stranger gets %v", err)
	}
	for range testBurst - 1 {
		_, _ = j.SendTest(t.Context(), f.owner(), destination, "")
	}
	if _, err := j.SendTest(t.Context(), f.owner(), destination, ""); proofback.CodeOf(err) != proofback.CodeRateLimited {
		t.Errorf("one too many gets %v", err)
	}
}

func TestATestPostbackGoesThroughTheSameGuard(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Outbound.Allow = nil })
	rec := receive(t, ok)
	destination, _ := f.destination(t, rec.URL)
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	a, err := j.SendTest(t.Context(), f.owner(), destination, "")
	if err != nil || a.Outcome != proofback.OutcomeBlocked || len(rec.got()) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}
