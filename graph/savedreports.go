package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	savedReportFields Resolver
	reportRunFields   Resolver
)

// SavedReport answers the fields of SavedReport.
func (r *Resolver) SavedReport() generated.SavedReportResolver { return (*savedReportFields)(r) }

// ReportRun answers the fields of ReportRun.
func (r *Resolver) ReportRun() generated.ReportRunResolver { return (*reportRunFields)(r) }

func (q *query) SavedReports(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.SavedReportFilter) (*model.SavedReportConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.SavedReportFilter{UserID: ids.maybe(proofback.KindUser, in.UserID, "filter", "userId"), Archived: orZero(in.Archived)}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.SavedReports(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(r *proofback.SavedReport) proofback.Cursor { return proofback.Cursor{ID: r.ID} },
		func(cursor string, r *proofback.SavedReport) *model.SavedReportEdge {
			return &model.SavedReportEdge{Cursor: cursor, Node: showSavedReport(r)}
		})
	return &model.SavedReportConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateSavedReport(ctx context.Context, in model.CreateSavedReportInput) (*model.CreateSavedReportPayload, error) {
	var ids idReader
	r := &proofback.SavedReport{
		UserID:   ids.maybe(proofback.KindUser, in.UserID, "userId"),
		Name:     in.Name,
		Format:   orElse(in.Format, proofback.ReportCSV),
		TimeZone: orElse(in.TimeZone, "UTC"),
		Schedule: orZero(in.Schedule),
		Mail:     orZero(in.Mail),
		Query:    savedQuery(&ids, in.Query),
	}
	err := ids.err()
	if err == nil {
		r, err = m.Store.CreateSavedReport(ctx, ActorFrom(ctx), *r)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateSavedReportPayload{UserErrors: mistakes}, err
	}
	return &model.CreateSavedReportPayload{SavedReport: showSavedReport(r), UserErrors: mistakes}, nil
}

func (m *mutation) UpdateSavedReport(ctx context.Context, in model.UpdateSavedReportInput) (*model.UpdateSavedReportPayload, error) {
	var ids idReader
	c := db.SavedReportChange{ID: ids.one(proofback.KindSavedReport, in.ID, "id"), Name: in.Name, Format: in.Format, TimeZone: in.TimeZone, Mail: in.Mail}
	if in.Query != nil {
		query := savedQuery(&ids, in.Query)
		c.Query = &query
	}
	if schedule, given := in.Schedule.ValueOK(); given {
		text := orZero(schedule)
		c.Schedule = &text
	}
	r, err := m.changeSavedReport(ctx, &ids, c)
	mistakes, err := userErrors(err)
	return &model.UpdateSavedReportPayload{SavedReport: r, UserErrors: mistakes}, err
}

func (m *mutation) ArchiveSavedReport(ctx context.Context, in model.ArchiveSavedReportInput) (*model.ArchiveSavedReportPayload, error) {
	var ids idReader
	c := db.SavedReportChange{ID: ids.one(proofback.KindSavedReport, in.ID, "id"), Archive: true}
	r, err := m.changeSavedReport(ctx, &ids, c)
	mistakes, err := userErrors(err)
	return &model.ArchiveSavedReportPayload{SavedReport: r, UserErrors: mistakes}, err
}

// changeSavedReport changes one, once its ids could be read; nil where it could not be.
func (m *mutation) changeSavedReport(ctx context.Context, ids *idReader, c db.SavedReportChange) (*model.SavedReport, error) {
	if err := ids.err(); err != nil {
		return nil, err
	}
	r, err := m.Store.UpdateSavedReport(ctx, ActorFrom(ctx), c)
	if err != nil {
		return nil, err
	}
	return showSavedReport(r), nil
}

func (m *mutation) RunSavedReport(ctx context.Context, in model.RunSavedReportInput) (*model.RunSavedReportPayload, error) {
	var ids idReader
	var run *proofback.ReportRun
	id := ids.one(proofback.KindSavedReport, in.ID, "id")
	err := ids.err()
	if err == nil {
		run, err = m.Store.RunSavedReport(ctx, ActorFrom(ctx), id, m.EnqueueReportRuns)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.RunSavedReportPayload{UserErrors: mistakes}, err
	}
	return &model.RunSavedReportPayload{Run: showReportRun(run), UserErrors: mistakes}, nil
}

func (r *savedReportFields) User(ctx context.Context, s *model.SavedReport) (*model.User, error) {
	u, err := load(ctx, loadersFrom(ctx).users, "user", s.UserID)
	if err != nil {
		return nil, err
	}
	return showUser(u), nil
}

func (r *savedReportFields) LastRun(ctx context.Context, s *model.SavedReport) (*model.ReportRun, error) {
	run, err := find(ctx, loadersFrom(ctx).lastRuns, s.ReportID)
	if err != nil || run == nil {
		return nil, err
	}
	return showReportRun(run), nil
}

func (r *savedReportFields) Runs(ctx context.Context, s *model.SavedReport, first *int, after *string, last *int, before *string) (*model.ReportRunConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	w, err := apart(ctx, func(ctx context.Context) (proofback.Window[*proofback.ReportRun], error) {
		return r.Store.ReportRuns(ctx, ActorFrom(ctx), s.ReportID, p)
	})
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(r *proofback.ReportRun) proofback.Cursor { return proofback.Cursor{ID: r.ID} },
		func(cursor string, r *proofback.ReportRun) *model.ReportRunEdge {
			return &model.ReportRunEdge{Cursor: cursor, Node: showReportRun(r)}
		})
	return &model.ReportRunConnection{Edges: rows, PageInfo: info}, nil
}

func (r *reportRunFields) SavedReport(ctx context.Context, run *model.ReportRun) (*model.SavedReport, error) {
	s, err := load(ctx, loadersFrom(ctx).savedReports, "saved report", run.ReportID)
	if err != nil {
		return nil, err
	}
	return showSavedReport(s), nil
}

func (r *reportRunFields) FileURL(_ context.Context, run *model.ReportRun) (*string, error) {
	if run.Status != proofback.RunDone {
		return nil, nil
	}
	url := r.PublicURL + "/export/saved-report?run=" + run.ID
	return &url, nil
}

// savedReportOrNull answers a relation that may be none.
func savedReportOrNull(ctx context.Context, id uuid.UUID) (*model.SavedReport, error) {
	s, err := find(ctx, loadersFrom(ctx).savedReports, id)
	if err != nil || s == nil {
		return nil, err
	}
	return showSavedReport(s), nil
}

// savedQuery reads what a saved report is to tell.
func savedQuery(ids *idReader, in *model.SavedReportQueryInput) proofback.SavedQuery {
	order := orZero(in.OrderBy)
	q := proofback.SavedQuery{
		Period:     orZero(in.Period),
		From:       orZero(in.From),
		To:         orZero(in.To),
		Currency:   orZero(in.Currency),
		Basis:      orElse(in.TimeBasis, proofback.BasisEvent),
		GroupBy:    in.GroupBy,
		Filter:     reportFilter(ids, in.Filter, "query"),
		OrderBy:    order.Metric,
		Descending: in.OrderBy != nil && orZero(order.Direction) != model.OrderDirectionAsc,
	}
	if in.GroupBy == nil {
		q.GroupBy = []proofback.Dimension{proofback.DimDay}
	}
	return q
}
