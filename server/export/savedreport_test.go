package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func TestASavedReportsFileIsForItsCompanyAndStaff(t *testing.T) {
	t.Parallel()
	y := newYard(t, 1)
	owner := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[0], UserID: uuid.New()}
	y.exec(`INSERT INTO users (id, email, password_hash, role, affiliate_id, created_at) VALUES ($1, 'kim@blog.example', '', 'AFFILIATE', $2, now())`, owner.UserID, owner.AffiliateID)
	report, err := y.store.CreateSavedReport(t.Context(), owner, proofback.SavedReport{
		Name: `Clicks, "all"`, Format: proofback.ReportCSV, TimeZone: "UTC",
		Query: proofback.SavedQuery{Period: proofback.PeriodToday, GroupBy: []proofback.Dimension{proofback.DimDay}},
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := y.store.RunSavedReport(t.Context(), owner, report.ID, func(context.Context, pgx.Tx, []uuid.UUID) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	ask := url.Values{"run": {proofback.GlobalID(proofback.KindReportRun, run.ID)}}
	if status, _ := y.get(owner, "/export/saved-report", ask); status != 404 {
		t.Errorf("before it is made: %d", status)
	}
	if _, err := y.store.BeginReportRun(t.Context(), proofback.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	text := "day,clicks\r\n" + strings.Repeat("2026-11-22,1\r\n", 50_000)
	var zipped bytes.Buffer
	zip, err := gzip.NewWriterLevel(&zipped, gzip.NoCompression) // so that it is several pieces
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(zip, text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	stored := bytes.Clone(zipped.Bytes())
	err = y.store.FinishReportRun(t.Context(), proofback.System(), run.ID, db.ReportFile{Rows: 1, Bytes: int64(len(text)), Data: &zipped, Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{"": text, "gzip": string(stored)} {
		resp := y.ask(owner, "/export/saved-report", ask, accept)
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != want || resp.Header.Get("Content-Encoding") != accept || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("accepting %q: %d bytes of %d, %v, %v", accept, len(got), len(want), err, resp.Header)
		}
		name := `attachment; filename="Clicks---all` + run.At.Format("-20060102T1504Z") + `.csv"`
		if got := resp.Header.Get("Content-Disposition"); got != name || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s, and not %s", got, name)
		}
	}
	for _, tt := range []struct {
		actor  proofback.Actor
		query  url.Values
		status int
	}{
		{nobody, ask, 401},
		{proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[1]}, ask, 404},
		{proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: y.advertiser}, ask, 404},
		{proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[0]}, ask, 200},
		{staff, url.Values{"run": {proofback.GlobalID(proofback.KindReportRun, uuid.New())}}, 404},
		{staff, nil, 400},
		{staff, url.Values{"run": {"x"}}, 400},
		{staff, ask, 200},
	} {
		resp := y.ask(tt.actor, "/export/saved-report", tt.query, "")
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.actor.Role, resp.StatusCode, tt.status)
		}
	}
}
