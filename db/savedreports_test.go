package db_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// yesterdays is a saved report of a user.
func yesterdays(user uuid.UUID) proofback.SavedReport {
	return proofback.SavedReport{
		UserID: user, Name: "Yesterday", Format: proofback.ReportCSV, TimeZone: "Europe/Berlin", Schedule: "30 2 * * *",
		Query: proofback.SavedQuery{Period: proofback.PeriodYesterday, Basis: proofback.BasisEvent, GroupBy: []proofback.Dimension{proofback.DimDay}},
	}
}

func (m *market) keep(actor proofback.Actor, r proofback.SavedReport) *proofback.SavedReport {
	m.t.Helper()
	made, err := m.store.CreateSavedReport(m.t.Context(), actor, r)
	if err != nil {
		m.t.Fatal(err)
	}
	return made
}

// due has the reports made that are due, at a moment that the market's clock is set to.
func (m *market) due(clock *time.Time, at time.Time) (runs []uuid.UUID) {
	m.t.Helper()
	*clock = at
	err := m.store.TakeDueReports(m.t.Context(), proofback.System(), 100, func(_ context.Context, _ pgx.Tx, ids []uuid.UUID) error {
		runs = append(runs, ids...)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return runs
}

func TestASchedulesReportIsMadeOnceOnEachDayOfItsZone(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 10, 23, 12, 0, 0, 0, time.UTC)
	m := newMarket(t, func(c *db.Config) { c.Now = func() time.Time { return clock } })
	report := m.keep(m.staff, yesterdays(uuid.Nil))
	// The clocks go back on the 25th: 02:30 comes twice, and the day before has 24 hours,
	// the day itself 25.
	for _, tt := range []struct{ at, from, to string }{
		{"2026-10-24T00:30:00Z", "2026-10-22T22:00:00Z", "2026-10-23T22:00:00Z"},
		{"2026-10-25T00:30:00Z", "2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"},
		{"2026-10-25T01:30:00Z", "", ""},
		{"2026-10-26T01:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if early := m.due(&clock, at.Add(-time.Second)); len(early) > 0 {
			t.Errorf("%s: it is made a second before", tt.at)
		}
		runs := m.due(&clock, at.Add(20*time.Second)) // whoever looks is late
		if again := m.due(&clock, at.Add(30*time.Second)); len(again) > 0 {
			t.Errorf("%s: it is made twice", tt.at)
		}
		if tt.from == "" {
			if len(runs) > 0 {
				t.Errorf("%s: it is made", tt.at)
			}
			continue
		}
		if len(runs) != 1 {
			t.Fatalf("%s: %v", tt.at, runs)
		}
		begun, err := m.store.BeginReportRun(t.Context(), proofback.System(), runs[0])
		if err != nil || begun == nil {
			t.Fatal(begun, err)
		}
		if !begun.At.Equal(at) || begun.Range.From.Format(time.RFC3339) != tt.from || begun.Range.To.Format(time.RFC3339) != tt.to || begun.Actor != m.staff {
			t.Errorf("%s: %+v", tt.at, begun)
		}
		m.finish(runs[0], "x")
	}
	// Who was away for days makes up for one time.
	if runs := m.due(&clock, clock.AddDate(0, 0, 5)); len(runs) != 1 {
		t.Errorf("%d runs after five days", len(runs))
	}
	found, err := m.store.SavedReportsByID(t.Context(), m.staff, []uuid.UUID{report.ID})
	if err != nil || !found[report.ID].NextRunAt.After(clock) {
		t.Errorf("%+v, %v", found[report.ID], err)
	}
}

func (m *market) finish(run uuid.UUID, file string) {
	m.t.Helper()
	f := db.ReportFile{Rows: 1, Bytes: int64(len(file)), Data: strings.NewReader(file), Keep: 24 * time.Hour}
	if err := m.store.FinishReportRun(m.t.Context(), proofback.System(), run, f); err != nil {
		m.t.Fatal(err)
	}
}

func TestFilesAreKeptInPiecesForATime(t *testing.T) {
	t.Parallel()
	clock := day
	m := newMarket(t, func(c *db.Config) { c.Now = func() time.Time { return clock } })
	report := m.keep(m.staff, yesterdays(uuid.Nil))
	ask := func() uuid.UUID {
		t.Helper()
		run, err := m.store.RunSavedReport(t.Context(), m.staff, report.ID, func(context.Context, pgx.Tx, []uuid.UUID) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.store.BeginReportRun(t.Context(), proofback.System(), run.ID); err != nil {
			t.Fatal(err)
		}
		return run.ID
	}
	file := strings.Repeat("0123456789abcdef", 40_000)
	run := ask()
	m.finish(run, file)
	var got bytes.Buffer
	pieces := 0
	for ; ; pieces++ {
		chunk, err := m.store.ReportChunk(t.Context(), m.staff, run, pieces)
		if err != nil {
			t.Fatal(err)
		}
		if chunk == nil {
			break
		}
		got.Write(chunk)
	}
	if got.String() != file || pieces != 3 {
		t.Errorf("%d bytes in %d pieces", got.Len(), pieces)
	}
	// A run that is given up does not keep others from being made.
	dead := ask()
	m.exec(`UPDATE report_runs SET created_at = created_at - interval '7 hours' WHERE id = $1`, dead)
	m.due(&clock, clock)
	if n := m.count(`SELECT count(*) FROM report_runs WHERE id = $1 AND status = 'FAILED'`, dead); n != 1 {
		t.Error("it is still under way")
	}
	// What is over a user's bound goes, the oldest first; what is past its time, too.
	m.exec(`UPDATE report_runs SET stored = 512 << 20 WHERE id = $1`, run)
	newest := ask()
	m.finish(newest, "x")
	if n := m.count(`SELECT count(*) FROM report_files WHERE run_id = $1`, run); n != 0 {
		t.Errorf("%d pieces of the oldest file are left", n)
	}
	for _, tt := range []struct {
		after time.Duration
		left  int
	}{{23 * time.Hour, 1}, {25 * time.Hour, 0}} {
		clock = day.Add(tt.after)
		if err := m.store.DropReportRuns(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
		if n := m.count(`SELECT count(*) FROM report_files WHERE run_id = $1`, newest); n != tt.left {
			t.Errorf("after %v: %d pieces", tt.after, n)
		}
	}
}

func TestAFileThatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	report := m.keep(m.staff, yesterdays(uuid.Nil))
	run, err := m.store.RunSavedReport(t.Context(), m.staff, report.ID, func(context.Context, pgx.Tx, []uuid.UUID) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.store.BeginReportRun(t.Context(), proofback.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	err = m.store.FinishReportRun(t.Context(), proofback.System(), run.ID, db.ReportFile{Data: endless{}, Keep: time.Hour})
	if err == nil || m.count(`SELECT count(*) FROM report_files`) != 0 {
		t.Errorf("it is kept: %v", err)
	}
}

// endless has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
