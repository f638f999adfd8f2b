package load

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuantilesAreCloseToThoseOfTheValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour/time.Microsecond)), 1, 200).Draw(t, "µs")
		q := rapid.Float64Range(0, 0.999).Draw(t, "q")
		var odd, even Histogram
		for i, v := range micros {
			h := &odd
			if i%2 == 0 {
				h = &even
			}
			h.Add(time.Duration(v) * time.Microsecond)
		}
		even.Merge(&odd)
		slices.Sort(micros)
		want := float64(micros[int(q*float64(len(micros)))])
		got := float64(even.Quantile(q) / time.Microsecond)
		if got < want || got > math.Ceil(want*(1+1.0/steps)) {
			t.Errorf("quantile %g is told as %g µs, and is %g", q, got, want)
		}
	})
}

func TestAnEmptyHistogramTellsNothing(t *testing.T) {
	t.Parallel()
	var h Histogram
	if got := h.Quantile(0.99); got != 0 {
		t.Errorf("%s", got)
	}
	h.Add(-time.Second) // a clock that was set back
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("%s", got)
	}
}
