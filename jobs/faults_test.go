package jobs

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

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
