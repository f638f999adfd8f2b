package proofback

import "time"

// ReportPeriod is a time that a saved report tells of, as seen from the moment that it
// is made at.
type ReportPeriod string

const (
	PeriodToday      ReportPeriod = "TODAY"
	PeriodYesterday  ReportPeriod = "YESTERDAY"
	PeriodLast7Days  ReportPeriod = "LAST_7_DAYS"
	PeriodLast30Days ReportPeriod = "LAST_30_DAYS"
	PeriodLast90Days ReportPeriod = "LAST_90_DAYS"
	PeriodThisWeek   ReportPeriod = "THIS_WEEK"
	PeriodLastWeek   ReportPeriod = "LAST_WEEK"
	PeriodThisMonth  ReportPeriod = "THIS_MONTH"
	PeriodLastMonth  ReportPeriod = "LAST_MONTH"
)

// reportPeriods are all there are, each with the calendar days that it begins and ends
// with: the end is not in it. One that is not over has no end: it goes up to the moment
// itself, and a day that has just begun is not in it yet.
var reportPeriods = map[ReportPeriod]struct {
	begin, end func(today time.Time) time.Time
}{
	PeriodToday:      {daysAgo(0), nil},
	PeriodThisWeek:   {weekStart, nil},
	PeriodThisMonth:  {monthsAgo(0), nil},
	PeriodYesterday:  {daysAgo(1), daysAgo(0)},
	PeriodLast7Days:  {daysAgo(7), daysAgo(0)},
	PeriodLast30Days: {daysAgo(30), daysAgo(0)},
	PeriodLast90Days: {daysAgo(90), daysAgo(0)},
	PeriodLastWeek:   {func(today time.Time) time.Time { return weekStart(today).AddDate(0, 0, -7) }, weekStart},
	PeriodLastMonth:  {monthsAgo(1), monthsAgo(0)},
}

func daysAgo(n int) func(time.Time) time.Time {
	return func(today time.Time) time.Time { return today.AddDate(0, 0, -n) }
}

func monthsAgo(n int) func(time.Time) time.Time {
	return func(today time.Time) time.Time {
		return time.Date(today.Year(), today.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	}
}

// Valid reports whether there is such a period.
func (p ReportPeriod) Valid() bool { return reportPeriods[p].begin != nil }

// Range is the period as seen from a moment, by the calendar of a zone.
func (p ReportPeriod) Range(at time.Time, zone *time.Location) TimeRange {
	days, t := reportPeriods[p], Timeline{zone: zone}
	seen := at
	if days.end == nil {
		seen = at.Add(-time.Nanosecond)
	}
	y, m, d := seen.In(zone).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	r := TimeRange{From: t.dawn(days.begin(today)).UTC(), To: at.UTC()}
	if days.end != nil {
		r.To = t.dawn(days.end(today)).UTC()
	}
	return r
}
