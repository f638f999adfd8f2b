package proofback

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// RetryPolicy says how long a delivery waits between attempts. The wait after
// the n-th failed attempt is drawn evenly from nought to First·Factor^(n-1), at
// most Longest ("full jitter"), so that deliveries that failed together do not
// come back together.
type RetryPolicy struct {
	Attempts int           // how many there are in all
	First    time.Duration // ceiling of the first wait
	Factor   float64       // by which the ceiling grows
	Longest  time.Duration // ceiling of every wait
}

// DefaultRetryPolicy makes ten attempts over about a day: the ceilings of the
// nine waits are 15 s, 1 min, 4 min, 16 min, 64 min, 4¼ h and three times 12 h,
// and a wait is half of its ceiling on average.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{Attempts: 10, First: 15 * time.Second, Factor: 4, Longest: 12 * time.Hour}
}

// Wait is how long to wait after the n-th attempt (from 1) has failed; random is
// evenly drawn from [0, 1). ok is false when there are no more attempts.
func (p RetryPolicy) Wait(n int, random float64) (wait time.Duration, ok bool) {
	if n < 1 || n >= p.Attempts {
		return 0, false
	}
	ceiling := min(float64(p.First)*math.Pow(p.Factor, float64(n-1)), float64(p.Longest))
	return time.Duration(ceiling * random).Round(time.Millisecond), true
}

// How far a Retry-After header is believed.
const (
	MinRetryAfter = time.Second
	MaxRetryAfter = 6 * time.Hour
)

// RetryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds, or
// a date in one of HTTP's three forms. What it asks for is brought between
// MinRetryAfter and MaxRetryAfter; ok is false for what is neither.
func RetryAfter(header string, now time.Time) (wait time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0, false
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter, true // only its size can be wrong
		}
		return max(time.Duration(seconds)*time.Second, MinRetryAfter), true
	}
	for _, layout := range [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC} {
		if at, err := time.Parse(layout, header); err == nil {
			return min(max(at.Sub(now), MinRetryAfter), MaxRetryAfter), true
		}
	}
	return 0, false
}
