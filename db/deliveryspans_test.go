package db

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

// However a span is cut, each key in it is in one of the pieces, and these come in
// the order of the list.
func TestSpansLieSideBySide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		ago := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(30*365*24*time.Hour)).Draw(t, "ago"))
		return now.Add(-ago / time.Duration(rapid.SampledFrom([]int64{1, 1e3, 1e6, 1e9}).Draw(t, "part")))
	})
	rapid.Check(t, func(t *rapid.T) {
		whole := span{uuid.Nil, uuid.Max}
		if rapid.Bool().Draw(t, "since") {
			whole.since = proofback.UUIDFloor(moment.Draw(t, "from"))
		}
		if rapid.Bool().Draw(t, "until") {
			whole.until = laterID(whole.since, proofback.UUIDFloor(moment.Draw(t, "to")))
		}
		begin := moment.Draw(t, "begin")

		end := whole.until
		for _, s := range whole.back(begin) {
			if s.until != end || laterID(s.since, s.until) != s.until {
				t.Fatalf("%v follows %s", s, end)
			}
			end = s.since
		}
		if end != whole.since {
			t.Fatalf("it ends at %s, not at %s", end, whole.since)
		}

		end = whole.since
		for _, s := range whole.forth(begin) {
			if s.since != end || laterID(s.since, s.until) != s.until {
				t.Fatalf("%v follows %s", s, end)
			}
			end = s.until
		}
		if end != whole.until {
			t.Fatalf("it ends at %s, not at %s", end, whole.until)
		}
	})
}

func TestSpansAreFewAndBeginSmall(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	whole := span{uuid.Nil, uuid.Max}
	back, forth := whole.back(now), whole.forth(now)
	if len(back) > 12 || len(forth) > 12 {
		t.Errorf("%d and %d spans", len(back), len(forth))
	}
	if got := proofback.UUIDTime(back[0].since); got != now.Add(-time.Second) {
		t.Errorf("the first goes back to %s", got)
	}
	if got := proofback.UUIDTime(forth[1].until).Sub(proofback.UUIDTime(forth[0].until)); got != 8*time.Second {
		t.Errorf("the second is %s long", got)
	}
}
