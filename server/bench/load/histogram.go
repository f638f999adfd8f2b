package load

import (
	"math/bits"
	"time"
)

// Each doubling of the latency is told in 64 steps, so that a percentile is off
// by at most 1.6 %.
const (
	stepBits = 6
	steps    = 1 << stepBits
)

// Histogram counts latencies. The zero value is empty.
type Histogram struct {
	Counts []int // by bucket; as long as it needs to be
}

// bucket finds where a latency is counted, to the microsecond.
func bucket(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < steps {
		return int(us)
	}
	doublings := bits.Len64(us) - 1 - stepBits
	return (doublings+1)<<stepBits | int(us>>doublings)&(steps-1)
}

// upTo is the longest latency that a bucket counts.
func upTo(bucket int) time.Duration {
	if bucket < steps {
		return time.Duration(bucket) * time.Microsecond
	}
	doublings := bucket>>stepBits - 1
	return time.Duration((bucket&(steps-1)|steps)+1)<<doublings*time.Microsecond - time.Microsecond
}

// Add counts a latency.
func (h *Histogram) Add(d time.Duration) {
	b := bucket(d)
	for len(h.Counts) <= b {
		h.Counts = append(h.Counts, 0)
	}
	h.Counts[b]++
}

// Merge adds what another one counted.
func (h *Histogram) Merge(other *Histogram) {
	for len(h.Counts) < len(other.Counts) {
		h.Counts = append(h.Counts, 0)
	}
	for b, n := range other.Counts {
		h.Counts[b] += n
	}
}

// Quantile is the latency that a share q of all stayed within, 0 when there are
// none.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := 0
	for _, n := range h.Counts {
		total += n
	}
	left := int(q * float64(total))
	for b, n := range h.Counts {
		if left -= n; left < 0 {
			return upTo(b)
		}
	}
	return upTo(max(len(h.Counts)-1, 0))
}
