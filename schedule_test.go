package proofback

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestASchedulesTimesWhenClocksAreSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		schedule, zone, after string
		want                  []string
	}{
		"every day": {
			"30 6 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T05:30:00Z", "2026-01-02T05:30:00Z"},
		},
		"the hour that is skipped": {
			"30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
		"the hour that comes twice": {
			"30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z",
			[]string{"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		},
		"asked between the two": {
			"30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z",
			[]string{"2026-10-26T01:30:00Z"},
		},
		"several in the hour that is skipped are one": {
			"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		},
		"every hour, through the hour that is skipped": {
			"15 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:15:00Z", "2026-03-29T01:15:00Z", "2026-03-29T02:15:00Z"},
		},
		"every hour, through the hour that comes twice": {
			"15 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T00:15:00Z", "2026-10-25T01:15:00Z", "2026-10-25T02:15:00Z"},
		},
		"New York in spring": {
			"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"},
		},
		"New York in autumn": {
			"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"},
		},
		"half an hour is skipped on Lord Howe": {
			"10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:10:00Z"},
		},
		"midnight is skipped in Cairo": {
			"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z",
			[]string{"2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		},
		"a day was skipped in Samoa": {
			"0 12 * * *", "Pacific/Apia", "2011-12-29T23:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"},
		},
		"Mondays": {
			"0 7 * * 1", "Asia/Kolkata", "2026-11-22T00:00:00Z",
			[]string{"2026-11-23T01:30:00Z", "2026-11-30T01:30:00Z"},
		},
		"the first of the month": {
			"0 7 1 * *", "UTC", "2026-11-01T07:00:00Z",
			[]string{"2026-12-01T07:00:00Z", "2027-01-01T07:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ok := ParseSchedule(tt.schedule)
			if !ok {
				t.Fatal("it is no schedule")
			}
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if at = s.Next(at, zone); at.Format(time.RFC3339) != want {
					t.Fatalf("%s, and not %s", at.Format(time.RFC3339), want)
				}
			}
		})
	}
}

func TestWhatIsNoSchedule(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "x", "* * * *", "* * * * * *", "@daily", "@every 1h", "TZ=UTC", "CRON_TZ=UTC 0 6 * * *", "TZ=UTC 0 6 * * *", "60 * * * *", "0 0 30 2 *", "0 0 * * 8",
	} {
		if _, ok := ParseSchedule(text); ok {
			t.Errorf("%q is a schedule", text)
		}
	}
}

func TestAnIntervalIsTheShortest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"* * * * *": time.Minute, "0,59 6 * * *": 59 * time.Minute, "0 * * * *": time.Hour, "30 6 * * *": 24 * time.Hour, "0 0,1 * * *": time.Hour,
	} {
		if s, ok := ParseSchedule(text); !ok || s.Interval() != want {
			t.Errorf("%q: every %v", text, s.Interval())
		}
	}
}

// TestADailyScheduleComesOnceADay goes through years in all kinds of zones.
func TestADailyScheduleComesOnceADay(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu", "America/Santiago", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.SampledFrom([]string{"30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1 * * *", "5 3 * * *"}).Draw(t, "schedule")
		s, ok := ParseSchedule(text)
		if !ok {
			t.Fatal(text)
		}
		at := time.Date(rapid.IntRange(2000, 2030).Draw(t, "year"), 1, 1, 12, 0, 0, 0, time.UTC)
		at = s.Next(at, zone)
		for range 400 {
			next := s.Next(at, zone)
			y, m, d := at.In(zone).Date()
			if want := time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC); !sameDay(next.In(zone), want) {
				t.Fatalf("%s in %s: after %s comes %s", text, zone, at.In(zone), next.In(zone))
			}
			if again := s.Next(next.Add(-time.Nanosecond), zone); !again.Equal(next) {
				t.Fatalf("%s in %s: just before %s comes %s", text, zone, next, again)
			}
			at = next
		}
	})
}

func sameDay(a, b time.Time) bool {
	y, m, d := a.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Equal(b)
}
