package proofback

import (
	"slices"
	"sort"
	"strconv"
	"time"
)

// Timeline cuts a report's range into the spans that its time dimensions tell
// apart: every span lies in one bucket of each of them. Without a time dimension
// there is one span.
type Timeline struct {
	// Starts are the beginnings of the spans; the first is the range's. Each ends
	// where the next begins, the last one at the range's end.
	Starts []time.Time
	zone   *time.Location
}

// NewTimeline cuts a closed range. Days, weeks and months are the zone's own, so
// a day may have 23 or 25 hours and begin at a quarter past one in UTC; an hour
// that the clocks repeat is two.
func NewTimeline(r TimeRange, zone *time.Location, by []Dimension) (*Timeline, error) {
	t := &Timeline{Starts: []time.Time{r.From}, zone: zone}
	for _, d := range by {
		if !d.IsTime() {
			continue
		}
		for at := t.next(d, r.From); at.Before(r.To); at = t.next(d, at) {
			t.Starts = append(t.Starts, at)
			if len(t.Starts) > 2*MaxReportBuckets {
				break
			}
		}
	}
	slices.SortFunc(t.Starts, time.Time.Compare)
	t.Starts = slices.CompactFunc(t.Starts, time.Time.Equal)
	if len(t.Starts) > MaxReportBuckets {
		return nil, Invalid([]string{"groupBy"}, "the range has more than %d hours or days: ask for a shorter one, or for larger steps", MaxReportBuckets)
	}
	return t, nil
}

// Key tells the bucket of a dimension that the span is in: the day
// ("2026-03-01"; of a week, its Monday), the month ("2026-03"), or the hour with
// its offset from UTC ("2026-03-01T13:00:00+01:00").
func (t *Timeline) Key(d Dimension, span int) string {
	local := t.Starts[span].In(t.zone)
	switch d {
	case DimHour:
		start, _ := local.ZoneBounds()
		hour := local.Truncate(0).Add(-time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		if start.After(hour) { // the clocks were set within the hour
			hour = start
		}
		return hour.In(t.zone).Format(time.RFC3339)
	case DimWeek:
		return weekStart(local).Format(time.DateOnly)
	case DimMonth:
		return local.Format("2006-01")
	}
	return local.Format(time.DateOnly)
}

// Label is Key for people.
func (t *Timeline) Label(d Dimension, span int) string {
	local := t.Starts[span].In(t.zone)
	switch d {
	case DimHour:
		return local.Format("2006-01-02 15:00")
	case DimWeek:
		year, week := local.ISOWeek()
		return strconv.Itoa(year) + "-W" + string(rune('0'+week/10)) + string(rune('0'+week%10))
	}
	return t.Key(d, span)
}

// next is the beginning of the bucket after that of a moment.
func (t *Timeline) next(d Dimension, at time.Time) time.Time {
	local := at.In(t.zone)
	switch d {
	case DimHour:
		past := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
		hour := at.Add(time.Hour - past)
		if _, end := local.ZoneBounds(); !end.IsZero() && end.Before(hour) {
			return end.UTC()
		}
		return hour.UTC()
	case DimWeek:
		return t.dawn(weekStart(local).AddDate(0, 0, 7))
	case DimMonth:
		return t.dawn(time.Date(local.Year(), local.Month()+1, 1, 0, 0, 0, 0, time.UTC))
	}
	return t.dawn(time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, time.UTC))
}

// weekStart is the calendar day, as midnight UTC, on which a moment's week began.
func weekStart(local time.Time) time.Time {
	back := (int(local.Weekday()) + 6) % 7
	return time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, time.UTC)
}

// maxOffset is further from UTC than any zone's clocks are.
const maxOffset = 16 * time.Hour

// dawn is the first moment in the zone whose date is the calendar day, given as
// midnight UTC, or a later one. Clocks may skip midnight, and Samoa once skipped
// a whole day, so it is looked for.
func (t *Timeline) dawn(day time.Time) time.Time {
	base := day.Add(-maxOffset)
	seconds := sort.Search(int(2*maxOffset/time.Second), func(s int) bool {
		y, m, d := base.Add(time.Duration(s) * time.Second).In(t.zone).Date()
		return !time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(day)
	})
	return base.Add(time.Duration(seconds) * time.Second)
}
