package jobs

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// reader is a user of the fixture's affiliate.
func (f *fixture) reader(t *testing.T) proofback.Actor {
	t.Helper()
	a := proofback.Actor{Role: proofback.RoleAffiliate, UserID: newID(t), AffiliateID: f.affiliate}
	f.exec(t, `INSERT INTO users (id, email, password_hash, role, affiliate_id, created_at) VALUES ($1, $1::uuid::text, '', 'AFFILIATE', $2, now())`, a.UserID, f.affiliate)
	return a
}

// keep saves a report of today for a user.
func (f *fixture) keep(t *testing.T, user proofback.Actor, change ...func(*proofback.SavedReport)) *proofback.SavedReport {
	t.Helper()
	r := proofback.SavedReport{
		Name: "Clicks today", Format: proofback.ReportCSV, TimeZone: "UTC", Schedule: "30 6 * * *",
		Query: proofback.SavedQuery{
			From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Basis: proofback.BasisEvent, GroupBy: []proofback.Dimension{proofback.DimSub1},
		},
	}
	for _, ch := range change {
		ch(&r)
	}
	made, err := f.store.CreateSavedReport(t.Context(), user, r)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// file gives a run's file, as somebody may fetch it.
func (f *fixture) file(t *testing.T, actor proofback.Actor, run uuid.UUID) string {
	t.Helper()
	var b bytes.Buffer
	for number := 0; ; number++ {
		chunk, err := f.store.ReportChunk(t.Context(), actor, run, number)
		if err != nil {
			t.Fatal(err)
		}
		if chunk == nil {
			break
		}
		b.Write(chunk)
	}
	zip, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (f *fixture) lastRun(t *testing.T, report uuid.UUID) *proofback.ReportRun {
	t.Helper()
	runs, err := f.store.LastReportRuns(t.Context(), proofback.System(), []uuid.UUID{report})
	if err != nil || runs[report] == nil {
		t.Fatal(runs, err)
	}
	return runs[report]
}

func TestADueReportIsMadeAsItsUserSeesIt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.approve(t, 1, nil)
	user := f.reader(t)
	report := f.keep(t, user, func(r *proofback.SavedReport) { r.Query.Filter.EventTypes = []string{"sale"} })
	f.exec(t, `UPDATE conversions SET event_at = now(), rate_date = now(), normal_currency = 'EUR', normal_payout = payout, normal_revenue = revenue`)
	f.exec(t, `UPDATE saved_reports SET next_run_at = now() - interval '1 minute'`)
	f.start(t)
	f.eventually(t, "it is made", `SELECT count(*) FROM report_runs WHERE status = 'DONE'`, 1)
	run := f.lastRun(t, report.ID)
	if !run.Scheduled || run.Rows != 1 || run.KeptUntil.Sub(run.FinishedAt) != defaultKeepReports {
		t.Errorf("%+v", run)
	}
	text := f.file(t, user, run.ID)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 || int64(len(text)) != run.Bytes {
		t.Fatalf("%v %v %d", rows, err, run.Bytes)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	if got["sub1"] != "a/b" || got["clicks"] != "1" || got["approved"] != "1" || got["payout"] != "3.50" || got["revenue"] != "" || got["margin"] != "" {
		t.Errorf("%v", got)
	}
	stranger := proofback.Actor{Role: proofback.RoleAffiliate, UserID: newID(t), AffiliateID: newID(t)}
	if _, err := f.store.ReportChunk(t.Context(), stranger, run.ID, 0); proofback.CodeOf(err) != proofback.CodeNotFound {
		t.Errorf("a stranger fetches it: %v", err)
	}
	next, err := f.store.SavedReportsByID(t.Context(), user, []uuid.UUID{report.ID})
	if err != nil || !next[report.ID].NextRunAt.After(time.Now()) {
		t.Errorf("%+v, %v", next[report.ID], err)
	}
}

func TestADisabledUsersReportStops(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.reader(t)
	report := f.keep(t, user)
	f.exec(t, `UPDATE users SET disabled_at = now() WHERE id = $1`, user.UserID)
	f.exec(t, `UPDATE saved_reports SET next_run_at = now() - interval '1 minute'`)
	f.start(t)
	f.eventually(t, "its next time is planned", `SELECT count(*) FROM saved_reports WHERE next_run_at > now()`, 1)
	f.eventually(t, "none was made", `SELECT count(*) FROM report_runs`, 0)

	// Nor does it for staff who ask; the first failure is told of, and not those after it.
	for n := 1; n <= 2; n++ {
		if _, err := f.store.RunSavedReport(t.Context(), proofback.System(), report.ID, f.inserting.EnqueueReportRuns); err != nil {
			t.Fatal(err)
		}
		f.eventually(t, "it failed", `SELECT count(*) FROM report_runs WHERE status = 'FAILED'`, n)
	}
	if why := f.lastRun(t, report.ID).Error; why != "its user has been disabled" {
		t.Error(why)
	}
	notices, err := f.store.Notices(t.Context(), user, uuid.Nil, proofback.Page{Limit: 10})
	if err != nil || len(notices.Items) != 1 || notices.Items[0].SavedReportID != report.ID || notices.Items[0].Kind != proofback.NoticeReportFailed {
		t.Errorf("%+v, %v", notices.Items, err)
	}
	if want := `a saved report could not be made: "Clicks today": its user has been disabled`; notices.Items[0].Message != want {
		t.Errorf("%q", notices.Items[0].Message)
	}
}

func TestAUserWhoChangedSidesHasNoReportOfTheOtherSide(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.reader(t)
	report := f.keep(t, user)
	other := newID(t)
	f.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, 'Other', 'ACTIVE', 'EUR', now())`, other)
	f.exec(t, `UPDATE users SET affiliate_id = $1 WHERE id = $2`, other, user.UserID)
	f.start(t)
	if _, err := f.store.RunSavedReport(t.Context(), proofback.System(), report.ID, f.inserting.EnqueueReportRuns); err != nil {
		t.Fatal(err)
	}
	f.eventually(t, "it failed", `SELECT count(*) FROM report_runs WHERE status = 'FAILED' AND error LIKE 'its user works for somebody else%'`, 1)
}

func TestARunThatSomebodyDiedOverIsMadeAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.reader(t)
	report := f.keep(t, user, func(r *proofback.SavedReport) { r.Format = proofback.ReportJSONLines })
	run, err := f.store.RunSavedReport(t.Context(), user, report.ID, f.inserting.EnqueueReportRuns)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.store.RunSavedReport(t.Context(), user, report.ID, f.inserting.EnqueueReportRuns)
	if err != nil || again.ID != run.ID {
		t.Errorf("asked twice it is two runs: %+v, %v", again, err)
	}
	if begun, err := f.store.BeginReportRun(t.Context(), proofback.System(), run.ID); err != nil || begun == nil {
		t.Fatal(begun, err)
	}
	f.start(t)
	f.eventually(t, "it is made", `SELECT count(*) FROM report_runs WHERE status = 'DONE'`, 1)
	text := f.file(t, user, run.ID)
	if !strings.Contains(text, `"clicks":1,`) || !strings.Contains(text, `"revenue":null,`) || !strings.Contains(text, `"sub1":"a/b"`) || strings.Count(text, "\n") != 1 {
		t.Error(text)
	}
	// Whoever comes late with the same run changes nothing.
	late := db.ReportFile{Rows: 7, Data: strings.NewReader("x"), Keep: time.Hour}
	if err := f.store.FinishReportRun(t.Context(), proofback.System(), run.ID, late); err != nil {
		t.Fatal(err)
	}
	if err := f.store.FailReportRun(t.Context(), proofback.System(), run.ID, "late", time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := f.lastRun(t, report.ID); got.Status != proofback.RunDone || got.Rows != 1 {
		t.Errorf("%+v", got)
	}
}
