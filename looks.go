package proofback

import "time"

// rateWait is how long a request waits for a reference rate: rates of other
// sources are imported by hand, and that may take its time. After it the request
// stays as it is, to be replayed.
const rateWait = 60 * 24 * time.Hour

func (d *decider) rateUntil() time.Time { return d.eventAt.Add(rateWait) }

// LookDelay is how long a deferred request is left alone after its nth look
// (from 0): half a minute at first, doubling up to an hour, and never past the
// moment when it has waited long enough.
func LookDelay(n int, now, until time.Time) time.Duration {
	delay := time.Hour
	if n < 7 {
		delay = 30 * time.Second << n
	}
	if left := until.Sub(now); left < delay {
		delay = max(left, time.Second)
	}
	return delay
}
