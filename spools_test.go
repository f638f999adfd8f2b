package proofback

import (
	"testing"
	"time"
)

func TestSpoolNoticeTellsWhichClicksMayStillCome(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	kept := SpoolNotice{Since: noon, Until: noon.Add(time.Minute)}
	said := SpoolNotice{Since: noon, Until: noon.Add(time.Minute), SeenAt: noon.Add(time.Hour)}
	empty := SpoolNotice{SeenAt: noon}
	for _, test := range []struct {
		name   string
		notice SpoolNotice
		made   time.Time
		want   bool
	}{
		{"the oldest", kept, noon, true},
		{"the newest", kept, noon.Add(time.Minute), true},
		{"before the oldest", kept, noon.Add(-time.Millisecond), false},
		{"after the newest, of what is kept at this moment", kept, noon.Add(time.Minute + time.Millisecond), false},
		{"in the range that was told", said, noon.Add(time.Second), true},
		{"between the range and when it was told", said, noon.Add(10 * time.Minute), false},
		{"since it was told", said, noon.Add(time.Hour + time.Second), true},
		{"on its way into the spool when it was told", empty, noon.Add(-5 * time.Second), true},
		{"well before it was told", empty, noon.Add(-time.Minute), false},
		{"after a day of silence", empty, noon.Add(24 * time.Hour), false},
		{"nothing was ever said", SpoolNotice{}, noon, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.notice.MayHold(test.made); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
}
