package proofback

import (
	"strconv"
	"strings"
	"time"
)

// RetryPolicy says how long a delivery waits between attempts: a ceiling for each
// wait, and so one attempt more than there are ceilings. A wait is drawn evenly
// from nought to its ceiling ("full jitter"), so that deliveries that failed
// together do not come back together.
type RetryPolicy []time.Duration

// DefaultRetryPolicy makes ten attempts over about a day: a wait is half of its
// ceiling on average.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{
		15 * time.Second, time.Minute, 4 * time.Minute, 16 * time.Minute, 64 * time.Minute, 256 * time.Minute,
		12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
	}
}

// Bounds of a RetryPolicy that is read from text.
const (
	maxRetries   = 50
	maxRetryWait = 7 * 24 * time.Hour
)

// ParseRetryPolicy reads ceilings as Go writes durations, with commas between
// them: "15s,1m,4m". "none" is a policy of one attempt.
func ParseRetryPolicy(text string) (RetryPolicy, error) {
	if text == "none" {
		return RetryPolicy{}, nil
	}
	words := strings.Split(text, ",")
	if len(words) > maxRetries {
		return nil, Invalid(nil, "%d waits are given, at most %d are taken", len(words), maxRetries)
	}
	p := make(RetryPolicy, len(words))
	for i, word := range words {
		wait, err := time.ParseDuration(strings.TrimSpace(word))
		if err != nil || wait <= 0 || wait > maxRetryWait {
			return nil, Invalid(nil, "%q is not a wait between nothing and %s", word, maxRetryWait)
		}
		p[i] = wait
	}
	return p, nil
}

// Attempts is how many there are in all.
func (p RetryPolicy) Attempts() int { return len(p) + 1 }

// Wait is how long to wait after the n-th attempt (from 1) has failed; random is
// evenly drawn from [0, 1). ok is false when there are no more attempts.
func (p RetryPolicy) Wait(n int, random float64) (wait time.Duration, ok bool) {
	if n < 1 || n > len(p) {
		return 0, false
	}
	return time.Duration(float64(p[n-1]) * random).Round(time.Millisecond), true
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
