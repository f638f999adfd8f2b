package db

import (
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// savedReportRow is a row of saved_reports.
type savedReportRow struct {
	bun.BaseModel `bun:"table:saved_reports,alias:report"`

	ID           uuid.UUID              `bun:"id,pk"`
	UserID       uuid.UUID              `bun:"user_id"`
	AffiliateID  uuid.UUID              `bun:"affiliate_id,nullzero"`
	AdvertiserID uuid.UUID              `bun:"advertiser_id,nullzero"`
	Name         string                 `bun:"name"`
	Query        proofback.SavedQuery   `bun:"query,type:jsonb"`
	Format       proofback.ReportFormat `bun:"format"`
	TimeZone     string                 `bun:"time_zone"`
	Schedule     string                 `bun:"schedule"`
	NextRunAt    time.Time              `bun:"next_run_at,nullzero"`
	Mail         bool                   `bun:"mail"`
	CreatedAt    time.Time              `bun:"created_at"`
	ArchivedAt   time.Time              `bun:"archived_at,nullzero"`
}

func (r *savedReportRow) value() *proofback.SavedReport {
	return &proofback.SavedReport{
		ID:           r.ID,
		UserID:       r.UserID,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		Name:         r.Name,
		Query:        r.Query,
		Format:       r.Format,
		TimeZone:     r.TimeZone,
		Schedule:     r.Schedule,
		NextRunAt:    r.NextRunAt.UTC(),
		Mail:         r.Mail,
		CreatedAt:    r.CreatedAt.UTC(),
		ArchivedAt:   r.ArchivedAt.UTC(),
	}
}

func rowOfReport(r *proofback.SavedReport) *savedReportRow {
	return &savedReportRow{
		ID:           r.ID,
		UserID:       r.UserID,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		Name:         r.Name,
		Query:        r.Query,
		Format:       r.Format,
		TimeZone:     r.TimeZone,
		Schedule:     r.Schedule,
		NextRunAt:    r.NextRunAt,
		Mail:         r.Mail,
		CreatedAt:    r.CreatedAt,
		ArchivedAt:   r.ArchivedAt,
	}
}

// says reports whether people left two states of a report the same. When it is made next
// is for a job to move on.
func (r *savedReportRow) says(other *savedReportRow) bool {
	return r.Name == other.Name && reflect.DeepEqual(r.Query, other.Query) && r.Format == other.Format && r.TimeZone == other.TimeZone &&
		r.Schedule == other.Schedule && r.Mail == other.Mail && r.ArchivedAt.Equal(other.ArchivedAt)
}

// reportRunRow is a row of report_runs.
type reportRunRow struct {
	bun.BaseModel `bun:"table:report_runs,alias:run"`

	ID           uuid.UUID              `bun:"id,pk"`
	ReportID     uuid.UUID              `bun:"report_id"`
	UserID       uuid.UUID              `bun:"user_id"`
	AffiliateID  uuid.UUID              `bun:"affiliate_id,nullzero"`
	AdvertiserID uuid.UUID              `bun:"advertiser_id,nullzero"`
	Status       proofback.RunStatus    `bun:"status"`
	Scheduled    bool                   `bun:"scheduled"`
	At           time.Time              `bun:"at"`
	Name         string                 `bun:"name"`
	Format       proofback.ReportFormat `bun:"format"`
	From         time.Time              `bun:"range_from,nullzero"`
	To           time.Time              `bun:"range_to,nullzero"`
	CreatedAt    time.Time              `bun:"created_at"`
	StartedAt    time.Time              `bun:"started_at,nullzero"`
	FinishedAt   time.Time              `bun:"finished_at,nullzero"`
	Rows         int64                  `bun:"rows"`
	Bytes        int64                  `bun:"bytes"`
	KeptUntil    time.Time              `bun:"kept_until,nullzero"`
	Error        string                 `bun:"error"`
	MailedAt     time.Time              `bun:"mailed_at,nullzero"`
	MailError    string                 `bun:"mail_error"`
}

func (r *reportRunRow) value() *proofback.ReportRun {
	return &proofback.ReportRun{
		ID:         r.ID,
		ReportID:   r.ReportID,
		Status:     r.Status,
		Scheduled:  r.Scheduled,
		At:         r.At.UTC(),
		Range:      proofback.TimeRange{From: r.From.UTC(), To: r.To.UTC()},
		StartedAt:  r.StartedAt.UTC(),
		FinishedAt: r.FinishedAt.UTC(),
		Rows:       r.Rows,
		Bytes:      r.Bytes,
		KeptUntil:  r.KeptUntil.UTC(),
		Error:      r.Error,
		MailedAt:   r.MailedAt.UTC(),
		MailError:  r.MailError,
		Name:       r.Name,
		Format:     r.Format,
	}
}

// newRun is a run of a report that is to be made of what is seen from a moment.
func (r *savedReportRow) newRun(at, now time.Time, scheduled bool) *reportRunRow {
	return &reportRunRow{
		ID:           newID(),
		ReportID:     r.ID,
		UserID:       r.UserID,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		Status:       proofback.RunQueued,
		Scheduled:    scheduled,
		At:           at,
		Name:         r.Name,
		Format:       r.Format,
		CreatedAt:    now,
	}
}

// actor is who the user of a run is and may do.
func (r *userRow) actor() proofback.Actor {
	return proofback.Actor{Role: r.Role, UserID: r.ID, AffiliateID: r.AffiliateID, AdvertiserID: r.AdvertiserID}
}
