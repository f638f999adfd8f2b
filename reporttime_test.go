package proofback

import (
	"slices"
	"testing"
	"time"
)

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestATimelineFollowsTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	date := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct {
		name, zone, from, to string
		by                   []Dimension
		want                 []string // beginnings in UTC
		keys                 []string // of by[0]
	}{
		{
			"a day of 23 hours", "Europe/Berlin", "2026-03-28 23:00", "2026-03-30 22:00",
			[]Dimension{DimDay},
			[]string{"2026-03-28 23:00", "2026-03-29 22:00"},
			[]string{"2026-03-29", "2026-03-30"},
		},
		{
			"an hour that comes twice", "Europe/Berlin", "2026-10-24 23:30", "2026-10-25 02:00",
			[]Dimension{DimHour},
			[]string{"2026-10-24 23:30", "2026-10-25 00:00", "2026-10-25 01:00"},
			[]string{"2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"},
		},
		{
			"half an hour that is skipped", "Australia/Lord_Howe", "2026-10-03 15:00", "2026-10-03 16:30",
			[]Dimension{DimHour},
			[]string{"2026-10-03 15:00", "2026-10-03 15:30", "2026-10-03 16:00"},
			[]string{"2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"},
		},
		{
			"quarter hours", "Asia/Kathmandu", "2026-01-01 00:00", "2026-01-02 00:00",
			[]Dimension{DimDay},
			[]string{"2026-01-01 00:00", "2026-01-01 18:15"},
			[]string{"2026-01-01", "2026-01-02"},
		},
		{
			"a midnight that is skipped", "America/Havana", "2026-03-07 12:00", "2026-03-08 12:00",
			[]Dimension{DimDay},
			[]string{"2026-03-07 12:00", "2026-03-08 05:00"},
			[]string{"2026-03-07", "2026-03-08"},
		},
		{
			"a day that is skipped", "Pacific/Apia", "2011-12-30 00:00", "2011-12-31 12:00",
			[]Dimension{DimDay},
			[]string{"2011-12-30 00:00", "2011-12-30 10:00", "2011-12-31 10:00"},
			[]string{"2011-12-29", "2011-12-31", "2012-01-01"},
		},
		{
			"weeks over the year's end and months", "UTC", "2025-12-27 00:00", "2026-01-06 00:00",
			[]Dimension{DimWeek, DimMonth},
			[]string{"2025-12-27 00:00", "2025-12-29 00:00", "2026-01-01 00:00", "2026-01-05 00:00"},
			[]string{"2025-12-22", "2025-12-29", "2025-12-29", "2026-01-05"},
		},
		{"no time", "UTC", "2026-01-01 00:00", "2026-02-01 00:00", []Dimension{DimOffer}, []string{"2026-01-01 00:00"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			line, err := NewTimeline(TimeRange{date(tt.from), date(tt.to)}, zoneOf(t, tt.zone), tt.by)
			if err != nil {
				t.Fatal(err)
			}
			var got, keys []string
			for i, at := range line.Starts {
				got = append(got, at.UTC().Format("2006-01-02 15:04"))
				if tt.keys != nil {
					keys = append(keys, line.Key(tt.by[0], i))
				}
			}
			if !slices.Equal(got, tt.want) || !slices.Equal(keys, tt.keys) {
				t.Errorf("got %v %v, want %v %v", got, keys, tt.want, tt.keys)
			}
		})
	}
}

func TestLabelsTellWeeksByTheirNumber(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	line, err := NewTimeline(TimeRange{from, from.AddDate(0, 0, 1)}, time.UTC, []Dimension{DimWeek})
	if err != nil || line.Label(DimWeek, 0) != "2026-W01" || line.Label(DimDay, 0) != "2026-01-02" || line.Label(DimHour, 0) != "2026-01-02 00:00" {
		t.Errorf("%v, %v", line, err)
	}
}

func TestATimelineOfTooManyHoursIsRefused(t *testing.T) {
	t.Parallel()
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := NewTimeline(TimeRange{from, from.AddDate(3, 0, 0)}, zoneOf(t, "Europe/Berlin"), []Dimension{DimHour})
	if CodeOf(err) != CodeInvalid {
		t.Errorf("got %v", err)
	}
}

func TestQuotientsAreRoundedOnceAndMissingWithoutClicks(t *testing.T) {
	t.Parallel()
	m := Metrics{Clicks: 3, Pending: 1, Approved: 1, Payout: Money{"1.00", "EUR"}}
	if m.ConversionRate() != "0.666667" || m.EarningsPerClick() != (Money{"0.333333", "EUR"}) {
		t.Errorf("got %s, %v", m.ConversionRate(), m.EarningsPerClick())
	}
	if m.Clicks = 0; m.ConversionRate() != "" || !m.EarningsPerClick().IsZero() {
		t.Errorf("got %s, %v", m.ConversionRate(), m.EarningsPerClick())
	}
}

func TestEveryMistakeInAReportsInputIsNamed(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	good := func() ReportInput {
		return ReportInput{Range: TimeRange{from, from.AddDate(0, 1, 0)}, Zone: time.UTC, GroupBy: []Dimension{DimDay}, Limit: 1}
	}
	in := good()
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*ReportInput){
		"from":     func(in *ReportInput) { in.Range.From = time.Time{} },
		"to":       func(in *ReportInput) { in.Range.To = from },
		"timeZone": func(in *ReportInput) { in.Zone = nil },
		"currency": func(in *ReportInput) { in.Currency = "EURO" },
		"groupBy":  func(in *ReportInput) { in.GroupBy = []Dimension{DimDay, DimDay} },
		"first":    func(in *ReportInput) { in.Limit = MaxReportPage + 1 },
		"filter":   func(in *ReportInput) { in.Filter.SubIndex = 11 },
	} {
		in := good()
		spoil(&in)
		list, ok := in.Validate().(Problems) //nolint:errorlint // it is what Validate gives
		if !ok || len(list) != 1 || list[0].Field[0] != field {
			t.Errorf("%s: %v", field, list)
		}
	}
}
