package db

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// maxSavedReports bounds how many a user has that are not archived.
const maxSavedReports = 50

// CreateSavedReport keeps a report for its user: the actor itself where none is named,
// or whom staff name. It is made under that user's rights, so what it asks for must be
// the user's to see.
func (s *Store) CreateSavedReport(ctx context.Context, actor proofback.Actor, r proofback.SavedReport) (*proofback.SavedReport, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	if r.UserID == uuid.Nil {
		if r.UserID = actor.UserID; actor.UserID == uuid.Nil {
			return nil, proofback.Invalid([]string{"userId"}, "a report is made under the rights of a user of this network: sign in as one, or name one")
		}
	}
	owner, err := s.ownerOfReport(ctx, actor, r.UserID)
	if err != nil {
		return nil, err
	}
	row := &savedReportRow{ID: newID(), UserID: r.UserID, AffiliateID: owner.AffiliateID, AdvertiserID: owner.AdvertiserID, CreatedAt: s.clock()}
	if err := s.fillSavedReport(ctx, owner, row, &r); err != nil {
		return nil, err
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		n, err := tx.NewSelect().Model((*savedReportRow)(nil)).Where("user_id = ?", row.UserID).Where("archived_at IS NULL").Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxSavedReports {
			return proofback.Errorf(proofback.CodeConflict, "a user can keep %d reports: archive one first", maxSavedReports)
		}
		tx.changed(proofback.KindSavedReport, row.ID, nil, row)
		_, err = tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.value(), nil
}

// fillSavedReport takes over what a person wrote, once it is right.
func (s *Store) fillSavedReport(ctx context.Context, owner proofback.Actor, row *savedReportRow, r *proofback.SavedReport) error {
	now := s.clock()
	zone, err := time.LoadLocation(r.TimeZone)
	if err != nil || r.TimeZone == "" || r.TimeZone == "Local" {
		zone = nil
	}
	problems := r.Check(zone)
	if len(problems) == 0 {
		if problems, err = s.reportProblems(ctx, owner, r.Query.Input(now, zone)); err != nil {
			return err
		}
	}
	if err := problems.Err(); err != nil {
		return err
	}
	if row.Schedule != r.Schedule || row.TimeZone != r.TimeZone {
		row.NextRunAt = time.Time{}
		if row.ArchivedAt.IsZero() {
			row.NextRunAt = r.Next(now, zone)
		}
	}
	row.Name, row.Query, row.Format, row.TimeZone, row.Schedule, row.Mail = r.Name, r.Query, r.Format, r.TimeZone, r.Schedule, r.Mail
	return nil
}

// reportProblems are what is wrong with a report that a user asks for, ids of what it
// cannot see among it.
func (s *Store) reportProblems(ctx context.Context, user proofback.Actor, in proofback.ReportInput) (proofback.Problems, error) {
	_, err := s.newReport(user, in)
	list, err := asProblems(err)
	if e, ok := errors.AsType[*proofback.Error](err); ok {
		switch e.Code {
		case proofback.CodeInvalid:
			list, err = proofback.Problems{e}, nil
		case proofback.CodeForbidden:
			list, err = proofback.Problems{proofback.Invalid([]string{"orderBy", "metric"}, "%s", e.Message)}, nil
		}
	}
	if err == nil && len(list) == 0 {
		list, err = s.filterProblems(ctx, user, &in.Filter)
	}
	for i, e := range list {
		list[i] = proofback.Invalid(append([]string{"query"}, e.Field...), "%s", e.Message)
	}
	return list, err
}

// filterProblems are ids that a user cannot see.
func (s *Store) filterProblems(ctx context.Context, user proofback.Actor, f *proofback.ReportFilter) (list proofback.Problems, err error) {
	offers, err := s.OffersByID(ctx, user, f.OfferIDs)
	if err != nil {
		return nil, err
	}
	affiliates, err := s.AffiliatesByID(ctx, user, f.AffiliateIDs)
	if err != nil {
		return nil, err
	}
	advertisers, err := s.AdvertisersByID(ctx, user, f.AdvertiserIDs)
	if err != nil {
		return nil, err
	}
	look := func(name string, ids []uuid.UUID, there func(uuid.UUID) bool) {
		for i, id := range ids {
			if !there(id) {
				list.Add([]string{"filter", name, strconv.Itoa(i)}, "there is none of this id that its user may see")
			}
		}
	}
	look("offerIds", f.OfferIDs, func(id uuid.UUID) bool { return offers[id] != nil })
	look("affiliateIds", f.AffiliateIDs, func(id uuid.UUID) bool { return affiliates[id] != nil })
	look("advertiserIds", f.AdvertiserIDs, func(id uuid.UUID) bool { return advertisers[id] != nil })
	return list, nil
}

// ownerOfReport is who a user is that the actor may keep reports for: partners do for
// themselves alone.
func (s *Store) ownerOfReport(ctx context.Context, actor proofback.Actor, id uuid.UUID) (proofback.Actor, error) {
	found, err := s.UsersByID(ctx, actor, []uuid.UUID{id})
	if err != nil {
		return proofback.Actor{}, err
	}
	u := found[id]
	if u == nil || !actor.IsStaff() && actor.UserID != id {
		return proofback.Actor{}, proofback.NotFound("user")
	}
	return proofback.Actor{Role: u.Role, UserID: u.ID, AffiliateID: u.AffiliateID, AdvertiserID: u.AdvertiserID}, nil
}

// SavedReportChange says what of a saved report is to be changed; nil leaves it.
type SavedReportChange struct {
	ID       uuid.UUID
	Name     *string
	Query    *proofback.SavedQuery
	Format   *proofback.ReportFormat
	TimeZone *string
	Schedule *string // "" for none
	Mail     *bool
	Archive  bool // it is kept, with its files, but not made any more
}

// errReportChanged says that a saved report is another by now than the one that a change
// was checked with.
var errReportChanged = errors.New("db: the saved report was changed meanwhile")

// UpdateSavedReport changes a saved report. Its user, and staff.
func (s *Store) UpdateSavedReport(ctx context.Context, actor proofback.Actor, c SavedReportChange) (*proofback.SavedReport, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	for {
		r, err := s.updateSavedReport(ctx, actor, c)
		if !errors.Is(err, errReportChanged) {
			return r, err
		}
	}
}

// updateSavedReport checks what the report becomes before it holds it, since that asks
// for other connections.
func (s *Store) updateSavedReport(ctx context.Context, actor proofback.Actor, c SavedReportChange) (*proofback.SavedReport, error) {
	found, err := s.SavedReportsByID(ctx, actor, []uuid.UUID{c.ID})
	if err == nil && found[c.ID] == nil {
		err = proofback.NotFound("saved report")
	}
	if err != nil {
		return nil, err
	}
	r := found[c.ID]
	owner, err := s.ownerOfReport(ctx, actor, r.UserID)
	if err != nil {
		return nil, err
	}
	row, read := rowOfReport(r), rowOfReport(r)
	columns := []string{"name", "query", "format", "time_zone", "schedule", "mail"}
	if c.Archive {
		columns = nil
		if row.ArchivedAt.IsZero() {
			row.ArchivedAt, row.NextRunAt, columns = s.clock(), time.Time{}, []string{"archived_at", "next_run_at"}
		}
	} else {
		set(&r.Name, c.Name)
		set(&r.Query, c.Query)
		set(&r.Format, c.Format)
		set(&r.TimeZone, c.TimeZone)
		set(&r.Schedule, c.Schedule)
		set(&r.Mail, c.Mail)
		if row.Schedule != r.Schedule || row.TimeZone != r.TimeZone {
			columns = append(columns, "next_run_at") // which a job moves on, too
		}
		if err := s.fillSavedReport(ctx, owner, row, r); err != nil {
			return nil, err
		}
	}
	if columns == nil {
		return row.value(), s.noteDone(ctx, actor, proofback.KindSavedReport, c.ID)
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		before, err := lockSavedReport(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if !before.says(read) { // or this would write back what somebody else has just changed
			return errReportChanged
		}
		tx.changed(proofback.KindSavedReport, c.ID, before, row)
		_, err = tx.NewUpdate().Model(row).Column(columns...).WherePK().Returning("*").Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.value(), nil
}

// set takes a value over where there is one.
func set[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}

// lockSavedReport finds a report that is the actor's to change, and has others wait who
// would change it, too.
func lockSavedReport(ctx context.Context, tx *tx, id uuid.UUID) (*savedReportRow, error) {
	var rows []savedReportRow
	err := ownSavedReports(tx.NewSelect().Model(&rows), tx.actor).Where("report.id = ?", id).For("UPDATE").Scan(ctx)
	if err == nil && (len(rows) == 0 || !tx.actor.IsStaff() && rows[0].UserID != tx.actor.UserID) {
		err = proofback.NotFound("saved report")
	}
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// ownSavedReports narrows a query to the reports that the actor may see: all for staff,
// those of the company for partners.
func ownSavedReports(q *bun.SelectQuery, actor proofback.Actor) *bun.SelectQuery {
	return ownRows(q, actor, "report")
}

// SavedReports lists saved reports, newest first: all to staff, to partners those of
// their own company.
func (s *Store) SavedReports(ctx context.Context, actor proofback.Actor, f proofback.SavedReportFilter, p proofback.Page) (proofback.Window[*proofback.SavedReport], error) {
	var w proofback.Window[*proofback.SavedReport]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []savedReportRow
		q := ownSavedReports(tx.NewSelect().Model(&rows), actor)
		if f.UserID != uuid.Nil {
			q.Where("report.user_id = ?", f.UserID)
		}
		if !f.Archived {
			q.Where("report.archived_at IS NULL")
		}
		err := pageByID(q, "report.id", p).Scan(ctx)
		w = window(p, rows, (*savedReportRow).value)
		return err
	})
	return w, err
}

// SavedReportsByID gives those of ids that the actor may see.
func (s *Store) SavedReportsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.SavedReport, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]savedReportRow) *bun.SelectQuery {
			return ownSavedReports(tx.NewSelect().Model(rows), actor)
		},
		func(r *savedReportRow) (uuid.UUID, *proofback.SavedReport) { return r.ID, r.value() })
}
