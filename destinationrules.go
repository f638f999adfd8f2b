package proofback

import "strconv"

var (
	methods    = []string{"GET", "POST"}
	retryWords = []RetryOn{RetryNetworkFailure, RetryTimeout, RetryServerError, RetryTooManyRequests}
)

// maxPerSecond is where a bound would bound nothing any more.
const maxPerSecond = 10_000

// DefaultRetryOn is what is repeated unless a destination says otherwise: what
// tells nothing about whether the request was taken.
func DefaultRetryOn() []RetryOn { return []RetryOn{RetryNetworkFailure, RetryTimeout} }

// AllStatuses are the statuses that a destination is told of unless it says
// otherwise.
func AllStatuses() []Status { return []Status{StatusPending, StatusApproved, StatusRejected} }

// Validate finds what is wrong with a destination, by the API's names. Whether
// its address is public is asked when it is saved, as far as it shows, and whenever
// it is called: names change.
func (d *Destination) Validate() error {
	var p Problems
	p.checkTemplate(d.URLTemplate, ParseDestinationTemplate, "urlTemplate")
	checkOneOf(&p, d.Method, methods, "method")
	if d.EventType != "" {
		p.checkEventType(d.EventType, "eventType")
	}
	if len(d.Statuses) == 0 {
		p.Add([]string{"statuses"}, "at least one status is needed: switch it off to be told of none")
	}
	seen := map[string]bool{}
	for i, s := range d.Statuses {
		at := []string{"statuses", strconv.Itoa(i)}
		checkOneOf(&p, s, statuses, at...)
		if seen[string(s)] {
			p.Add(at, "%s is named twice", s)
		}
		seen[string(s)] = true
	}
	for i, r := range d.RetryOn {
		at := []string{"retryOn", strconv.Itoa(i)}
		checkOneOf(&p, r, retryWords, at...)
		if seen[string(r)] {
			p.Add(at, "%s is named twice", r)
		}
		seen[string(r)] = true
	}
	if d.MaxPerSecond < 0 || d.MaxPerSecond > maxPerSecond {
		p.Add([]string{"maxPerSecond"}, "from 1 to %d requests a second, or none for no bound", maxPerSecond)
	}
	return p.Err()
}
