package proofback

import (
	"testing"
	"time"
)

// On the Azores the clocks are put forward at midnight: the day begins at one.
func TestDaysOfAListBeginWhereTheClocksSkipMidnight(t *testing.T) {
	t.Parallel()
	azores, err := time.LoadLocation("Atlantic/Azores")
	if err != nil {
		t.Fatal(err)
	}
	dawn := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	feed := ReconciliationFeed{Days: 1}
	if p := feed.Period(dawn.Add(9*time.Hour), azores); !p.To.Equal(dawn) || p.To.Sub(p.From) != 24*time.Hour {
		t.Errorf("a feed compares %s", p)
	}
	if p := feed.Period(dawn.Add(33*time.Hour), azores); !p.From.Equal(dawn) || p.To.Sub(p.From) != 23*time.Hour {
		t.Errorf("a feed compares %s", p)
	}
	for _, text := range []string{"2026-03-29", "29.03.2026", "29/03/2026", "2026-03-29 00:00"} {
		if at, problem := parseListTime(text, azores); problem != "" || !at.Equal(dawn) {
			t.Errorf("%s is read as %s %s", text, at, problem)
		}
	}
}
