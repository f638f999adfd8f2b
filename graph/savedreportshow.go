package graph

import (
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// showSavedReport is a saved report as the API shows it.
func showSavedReport(r *proofback.SavedReport) *model.SavedReport {
	return &model.SavedReport{
		ID:         proofback.GlobalID(proofback.KindSavedReport, r.ID),
		Name:       r.Name,
		Query:      showSavedQuery(&r.Query),
		Format:     r.Format,
		TimeZone:   r.TimeZone,
		Schedule:   orNull(r.Schedule),
		NextRunAt:  orNull(r.NextRunAt),
		Mail:       r.Mail,
		CreatedAt:  r.CreatedAt,
		ArchivedAt: orNull(r.ArchivedAt),
		ReportID:   r.ID,
		UserID:     r.UserID,
	}
}

func showSavedQuery(q *proofback.SavedQuery) *model.SavedReportQuery {
	f := &q.Filter
	ids := func(kind proofback.Kind, list []uuid.UUID) []string {
		return show(list, func(id uuid.UUID) string { return proofback.GlobalID(kind, id) })
	}
	same := func(s string) string { return s }
	out := &model.SavedReportQuery{
		Period:        orNull(q.Period),
		From:          orNull(q.From),
		To:            orNull(q.To),
		Currency:      orNull(q.Currency),
		TimeBasis:     q.Basis,
		GroupBy:       q.GroupBy,
		OfferIds:      ids(proofback.KindOffer, f.OfferIDs),
		AffiliateIds:  ids(proofback.KindAffiliate, f.AffiliateIDs),
		AdvertiserIds: ids(proofback.KindAdvertiser, f.AdvertiserIDs),
		EventTypes:    show(f.EventTypes, same),
		Countries:     show(f.Countries, same),
		Devices:       show(f.Devices, func(d proofback.Device) proofback.Device { return d }),
		OrderBy:       orNull(q.OrderBy),
		Direction:     model.OrderDirectionAsc,
	}
	if q.Descending {
		out.Direction = model.OrderDirectionDesc
	}
	if f.SubIndex > 0 {
		out.Sub = &model.Sub{Index: f.SubIndex, Value: f.SubValue}
	}
	return out
}

// showReportRun is a run of a saved report as the API shows it.
func showReportRun(r *proofback.ReportRun) *model.ReportRun {
	m := &model.ReportRun{
		ID:         proofback.GlobalID(proofback.KindReportRun, r.ID),
		Status:     r.Status,
		Scheduled:  r.Scheduled,
		At:         r.At,
		From:       orNull(r.Range.From),
		To:         orNull(r.Range.To),
		StartedAt:  orNull(r.StartedAt),
		FinishedAt: orNull(r.FinishedAt),
		KeptUntil:  orNull(r.KeptUntil),
		Error:      orNull(r.Error),
		MailedAt:   orNull(r.MailedAt),
		MailError:  orNull(r.MailError),
		ReportID:   r.ReportID,
	}
	if r.Status == proofback.RunDone {
		rows, bytes := int(r.Rows), int(r.Bytes)
		m.RowCount, m.ByteCount = &rows, &bytes
	}
	return m
}
