package proofback

import (
	"net/url"
	"time"

	"github.com/google/uuid"
)

// ReconciliationFeed is where an advertiser's list is fetched, and when.
type ReconciliationFeed struct {
	ID           uuid.UUID
	AdvertiserID uuid.UUID
	URL          string
	Format       ListFormat
	Schedule     string // cron, in the advertiser's time zone
	Columns      []NameMapping
	Days         int // whole days before today that are compared
	Enabled      bool
	ETag         string // of the list that was fetched last
	NextRunAt    time.Time
	LastRun      uuid.UUID
	CreatedAt    time.Time
}

// Limits of a feed.
const (
	maxFeedDays     = 366
	defaultFeedDays = 31
	maxFeedColumns  = 50
)

// CheckReconciliationFeed checks what a person wrote, and fills in defaults.
func CheckReconciliationFeed(f *ReconciliationFeed) error {
	var problems Problems
	if u, err := url.Parse(f.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(f.URL) > MaxParameterBytes {
		problems.Add([]string{"url"}, "the URL is none that can be fetched: write http or https, a host, and no user name")
	}
	if f.Days == 0 {
		f.Days = defaultFeedDays
	}
	if f.Days < 1 || f.Days > maxFeedDays {
		problems.Add([]string{"days"}, "compare from 1 to %d days", maxFeedDays)
	}
	if f.Format != ListCSV && f.Format != ListJSONLines {
		problems.Add([]string{"format"}, "the format is CSV or JSON_LINES")
	}
	checkSchedule(&problems, f.Schedule)
	if len(f.Columns) > maxFeedColumns {
		problems.Add([]string{"columns"}, "at most %d columns", maxFeedColumns)
	}
	for _, m := range f.Columns {
		if _, ok := CanonicalParameter(m.To); !ok || m.From == "" {
			problems.Add([]string{"columns"}, "%.40q does not lead to one of our names: txid, click_id, event_type, amount, revenue, currency, status or timestamp", m.From)
		}
	}
	return problems.Err()
}

// Next is when the feed is to be fetched after a moment. zone is the advertiser's.
func (f *ReconciliationFeed) Next(after time.Time, zone *time.Location) time.Time {
	schedule, ok := ParseSchedule(f.Schedule)
	if !ok {
		return after.Add(24 * time.Hour) // checked when it was set
	}
	return schedule.Next(after, zone)
}

// Period is the time that a fetch at a moment compares: whole days of the zone up to
// today.
func (f *ReconciliationFeed) Period(at time.Time, zone *time.Location) TimeRange {
	y, m, d := at.In(zone).Date()
	return TimeRange{
		From: dayBegins(y, m, d-f.Days, zone),
		To:   dayBegins(y, m, d, zone),
	}
}
