package proofback

import "time"

// HealthState is how a destination has been doing.
type HealthState string

const (
	HealthUnknown HealthState = "UNKNOWN" // nothing was sent yet
	HealthHealthy HealthState = "HEALTHY"
	HealthFailing HealthState = "FAILING"
	HealthPaused  HealthState = "PAUSED"  // it failed for so long that it was switched off; what is to be sent waits
	HealthStopped HealthState = "STOPPED" // it answered 410, or its owner switched it off
)

// HealthStates are all there are.
var HealthStates = [...]HealthState{HealthUnknown, HealthHealthy, HealthFailing, HealthPaused, HealthStopped}

// Health tells how a destination's deliveries have been going.
type Health struct {
	HealthState  HealthState
	HealthSince  time.Time
	HealthReason string
	// FailuresInRow counts the attempts that found it down, since one found it up.
	FailuresInRow int
	// FailingSince is the first failure after the last delivery; zero: none.
	FailingSince time.Time
	// OpenUntil is when the breaker lets a single attempt through; zero: it is
	// closed.
	OpenUntil time.Time
}

// BreakerState is what a destination's breaker lets through.
type BreakerState string

const (
	BreakerClosed   BreakerState = "CLOSED"    // everything
	BreakerOpen     BreakerState = "OPEN"      // nothing
	BreakerHalfOpen BreakerState = "HALF_OPEN" // one attempt, whose outcome decides
)

// Breaker tells what the breaker lets through at a moment.
func (h *Health) Breaker(now time.Time) BreakerState {
	switch {
	case h.OpenUntil.IsZero():
		return BreakerClosed
	case h.OpenUntil.After(now):
		return BreakerOpen
	}
	return BreakerHalfOpen
}

// HealthPolicy says what failures of a destination lead to.
type HealthPolicy struct {
	// OpenAfter is how many attempts in a row find a destination down before its
	// breaker opens.
	OpenAfter int
	// OpenFor is for how long it opens at first. Each time that the attempt let
	// through then fails it opens for twice as long, up to OpenAtMost.
	OpenFor, OpenAtMost time.Duration
	// PauseAfter is how long a destination may fail without a delivery in between
	// before it is paused.
	PauseAfter time.Duration
}

// DefaultHealthPolicy opens a breaker for 15 s to 10 min after ten failures in a
// row, and pauses a destination after five days.
func DefaultHealthPolicy() HealthPolicy {
	return HealthPolicy{OpenAfter: 10, OpenFor: 15 * time.Second, OpenAtMost: 10 * time.Minute, PauseAfter: 5 * 24 * time.Hour}
}

// Up reports whether an attempt that ended so found the endpoint answering as one
// that is in order does, whether or not it liked what it got.
func (o Outcome) Up() bool {
	return o == OutcomeDelivered || o == OutcomeRedirect || o == OutcomeClientError || o == OutcomeGone
}

// Down reports whether an attempt that ended so found the endpoint out of order.
// What was never sent is neither up nor down.
func (o Outcome) Down() bool {
	return o == OutcomeNetworkFailure || o == OutcomeTimeout || o == OutcomeServerError || o == OutcomeTooManyRequests
}
