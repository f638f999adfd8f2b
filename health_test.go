package proofback

import (
	"testing"
	"time"
)

func TestABreakerOpensHalfOpensAndCloses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for until, want := range map[time.Time]BreakerState{
		{}:                   BreakerClosed,
		now.Add(time.Second): BreakerOpen,
		now:                  BreakerHalfOpen,
		now.Add(-time.Hour):  BreakerHalfOpen,
	} {
		if got := (&Health{OpenUntil: until}).Breaker(now); got != want {
			t.Errorf("open until %s: %s, want %s", until, got, want)
		}
	}
}

func TestEveryOutcomeThatWasSentIsUpOrDown(t *testing.T) {
	t.Parallel()
	for _, o := range []Outcome{
		OutcomeDelivered, OutcomeRedirect, OutcomeGone, OutcomeClientError, OutcomeTooManyRequests, OutcomeServerError,
		OutcomeTimeout, OutcomeNetworkFailure,
	} {
		if o.Up() == o.Down() {
			t.Errorf("%s is up: %t, down: %t", o, o.Up(), o.Down())
		}
	}
	for _, o := range []Outcome{OutcomeBlocked, OutcomeInvalidURL} {
		if o.Up() || o.Down() {
			t.Errorf("%s tells of an endpoint that was never asked", o)
		}
	}
}
