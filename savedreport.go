package proofback

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// SavedReport is a report that a user has kept, to be made again by a schedule or when
// somebody asks. It is always made under the rights of its user.
type SavedReport struct {
	ID           uuid.UUID
	UserID       uuid.UUID
	AffiliateID  uuid.UUID // the user's
	AdvertiserID uuid.UUID // the user's
	Name         string
	Query        SavedQuery
	Format       ReportFormat
	TimeZone     string    // IANA; of the days that are told, and of Schedule
	Schedule     string    // five fields of cron; "" is made when somebody asks
	NextRunAt    time.Time // zero for never
	Mail         bool      // its files are sent to its user
	CreatedAt    time.Time
	ArchivedAt   time.Time
}

// SavedReportFilter narrows a list of saved reports; zero fields do not.
type SavedReportFilter struct {
	UserID   uuid.UUID
	Archived bool // those that are archived, too
}

// ReportFormat is how a report's file is written.
type ReportFormat string

const (
	ReportCSV       ReportFormat = "CSV"
	ReportJSONLines ReportFormat = "JSON_LINES"
)

// MediaType is that of a file.
func (f ReportFormat) MediaType() string {
	if f == ReportJSONLines {
		return "application/x-ndjson"
	}
	return "text/csv; charset=utf-8; header=present" // RFC 4180, section 3
}

// SavedQuery is what a saved report tells: of a period as seen from when it is made, or
// of a time that stays. Its JSON is what the database keeps.
type SavedQuery struct {
	Period     ReportPeriod `json:"period,omitempty"`
	From       time.Time    `json:"from,omitzero"`
	To         time.Time    `json:"to,omitzero"`
	Currency   string       `json:"currency,omitempty"` // "" is the network's own
	Basis      TimeBasis    `json:"basis,omitempty"`
	GroupBy    []Dimension  `json:"group_by"`
	Filter     ReportFilter `json:"filter"`
	OrderBy    Metric       `json:"order_by,omitempty"`
	Descending bool         `json:"descending,omitempty"`
}

// Input is the report as it is made at a moment.
func (q *SavedQuery) Input(at time.Time, zone *time.Location) ReportInput {
	r := TimeRange{From: q.From, To: q.To}
	if q.Period != "" {
		r = q.Period.Range(at, zone)
	}
	return ReportInput{
		Range: r, Zone: zone, Currency: q.Currency, Basis: q.Basis, GroupBy: q.GroupBy, Filter: q.Filter,
		OrderBy: q.OrderBy, Descending: q.Descending, Limit: MaxReportPage,
	}
}

// maxReportName bounds the name of a saved report, in characters.
const maxReportName = 100

// Check tells what is wrong with what a person wrote, but for the report itself, which
// is whether ReportInput.Validate likes it. zone is nil where there is no such zone.
func (r *SavedReport) Check(zone *time.Location) Problems {
	var p Problems
	if r.Name = strings.TrimSpace(r.Name); r.Name == "" || utf8.RuneCountInString(r.Name) > maxReportName || strings.ContainsFunc(r.Name, isControl) {
		p.Add([]string{"name"}, "a name has from 1 to %d characters, on one line", maxReportName)
	}
	if r.Format != ReportCSV && r.Format != ReportJSONLines {
		p.Add([]string{"format"}, "the format is CSV or JSON_LINES")
	}
	if zone == nil {
		p.Add([]string{"timeZone"}, "%.40q is not a time zone of the IANA database: send a name such as Europe/Berlin", r.TimeZone)
	}
	if r.Schedule != "" {
		checkSchedule(&p, r.Schedule)
	}
	q := &r.Query
	switch fixed := !q.From.IsZero() || !q.To.IsZero(); {
	case q.Period == "" && !fixed:
		p.Add([]string{"query", "period"}, "say of which time it is to tell: a period, or from and to")
	case q.Period != "" && fixed:
		p.Add([]string{"query", "period"}, "a period goes without from and to")
	case q.Period != "" && !q.Period.Valid():
		p.Add([]string{"query", "period"}, "there is no period %.40q", string(q.Period))
	}
	return p
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Next is when it is to be made by its schedule after a moment; zero for never.
func (r *SavedReport) Next(after time.Time, zone *time.Location) time.Time {
	s, ok := ParseSchedule(r.Schedule)
	if !ok {
		return time.Time{}
	}
	return s.Next(after, zone)
}

// RunStatus is how far a saved report has come once.
type RunStatus string

const (
	RunQueued  RunStatus = "QUEUED"
	RunRunning RunStatus = "RUNNING"
	RunDone    RunStatus = "DONE"
	RunFailed  RunStatus = "FAILED"
)

// ReportRun is one time that a saved report was made, or is to be.
type ReportRun struct {
	ID         uuid.UUID
	ReportID   uuid.UUID
	Status     RunStatus
	Scheduled  bool      // else somebody asked for it
	At         time.Time // the moment that its period is seen from
	Range      TimeRange // that it tells of; zero before it began
	StartedAt  time.Time
	FinishedAt time.Time
	Rows       int64
	Bytes      int64     // of the file, as it is downloaded
	KeptUntil  time.Time // when run and file are dropped; zero before it ended
	Error      string    // a sentence; "" unless it failed
	MailedAt   time.Time // zero unless its file was sent
	MailError  string    // why it was not, in a sentence; "" unless it was to be
	// What its file is called by, and written as: those of the report when it was made.
	Name   string
	Format ReportFormat
}

// FileName is what its file is called where it is downloaded.
func (r *ReportRun) FileName() string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, r.Name)
	name = strings.Trim(name, "-")
	if name == "" {
		name = "report"
	}
	ending := ".csv"
	if r.Format == ReportJSONLines {
		ending = ".jsonl"
	}
	return name + "-" + r.At.UTC().Format("20060102T1504Z") + ending
}
