package proofback

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when something is done again and again: five fields of cron, for a
// minute, an hour, a day of the month, a month and a day of the week of the clocks of
// some place.
type Schedule struct {
	cron *cron.SpecSchedule
	// everyHour holds where the hour is left open (*, */n): what is done in the rhythm of
	// hours goes on through a change of the clocks. What is done at an hour that was
	// named is done once a day, whatever the clocks do.
	everyHour bool
}

// scheduleFields are what a schedule may say: no names for whole schedules (@daily), and
// no time zone of its own.
var scheduleFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// maxSchedule bounds a schedule's text.
const maxSchedule = 100

// ParseSchedule reads five fields of cron; false where it is not what they look like, or
// never comes.
func ParseSchedule(text string) (*Schedule, bool) {
	fields := strings.Fields(text)
	if len(fields) != 5 || len(text) > maxSchedule || strings.Contains(text, "=") {
		return nil, false
	}
	parsed, err := scheduleFields.Parse(text)
	if err != nil {
		return nil, false
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, false
	}
	s := &Schedule{cron: spec, everyHour: strings.HasPrefix(fields[1], "*")}
	return s, !s.cron.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero()
}

// minInterval is how often at most something is done by a schedule.
const minInterval = time.Hour

// checkSchedule adds what is wrong with a schedule that a person wrote.
func checkSchedule(p *Problems, text string) {
	if s, ok := ParseSchedule(text); !ok {
		p.Add([]string{"schedule"}, "%.40q is no schedule that ever comes: write five cron fields, such as 30 6 * * *", text)
	} else if s.Interval() < minInterval {
		p.Add([]string{"schedule"}, "at most once an hour: %.40q is more often", text)
	}
}

// Interval is the shortest time between two times of the schedule on a clock that is
// never set: where it is under an hour, that is how it goes within an hour.
func (s *Schedule) Interval() time.Duration {
	first := s.cron.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	shortest := time.Duration(1<<63 - 1)
	for range 60 {
		next := s.cron.Next(first)
		shortest, first = min(shortest, next.Sub(first)), next
	}
	return shortest
}

// clocksSet is more than clocks are ever set by at a time, but where a place goes over
// to the other side of the date line.
const clocksSet = 3 * time.Hour

// Next is the first time after a moment, in UTC. A time that the clocks of the zone skip
// comes when they have been set, one that they show twice comes the first time; as
// Vixie's cron has it for all but what is done in the rhythm of hours.
func (s *Schedule) Next(after time.Time, zone *time.Location) time.Time {
	if s.everyHour {
		return s.cron.Next(after.In(zone)).UTC()
	}
	// The calendar is gone through as if no clocks were ever set.
	local := after.In(zone)
	_, offset := local.Zone()
	for wall := after.UTC().Add(time.Duration(offset)*time.Second - clocksSet); ; {
		if wall = s.cron.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if at := firstShown(wall, zone); at.After(after) {
			return at
		}
	}
}

// firstShown is the first moment at which the clocks of a zone show a time, given as if
// it were UTC, or, where they skip it, when they are set.
func firstShown(wall time.Time, zone *time.Location) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
	shown := func(at time.Time) time.Time {
		_, offset := at.In(zone).Zone()
		return at.UTC().Add(time.Duration(offset) * time.Second)
	}
	from, _ := at.ZoneBounds()
	if from.IsZero() {
		return at.UTC()
	}
	if shown(at).Equal(wall) {
		// What it shows twice it shows the first time under the offset from before.
		_, before := from.Add(-time.Second).Zone()
		if earlier := wall.Add(-time.Duration(before) * time.Second); earlier.Before(from) && shown(earlier).Equal(wall) {
			return earlier
		}
		return at.UTC()
	}
	// It was skipped: Date gives a moment on one side of the change or the other.
	if shown(at).Before(wall) {
		_, to := at.ZoneBounds()
		return to.UTC()
	}
	return from.UTC()
}
