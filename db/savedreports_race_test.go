package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// reportNow reads a saved report.
func (m *market) reportNow(id uuid.UUID) *proofback.SavedReport {
	m.t.Helper()
	found, err := m.store.SavedReportsByID(m.t.Context(), m.staff, []uuid.UUID{id})
	if err != nil {
		m.t.Fatal(err)
	}
	return found[id]
}

// changeAtOnce has changes of a report made by callers of whom each has read it before
// any may write.
func (m *market) changeAtOnce(id uuid.UUID, changes ...db.SavedReportChange) {
	m.t.Helper()
	held, err := m.store.Pool().Begin(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := held.Exec(m.t.Context(), `SELECT FROM saved_reports WHERE id = $1 FOR UPDATE`, id); err != nil {
		m.t.Fatal(err)
	}
	var changing sync.WaitGroup
	for i, c := range changes {
		c.ID = id
		changing.Go(func() {
			if _, err := m.store.UpdateSavedReport(m.t.Context(), m.staff, c); err != nil {
				m.t.Error(err)
			}
		})
		// They are served in the order in which they came.
		eventually(m.t, 30*time.Second, "it waits", func() bool { return m.count(locksWaitedFor) > i })
	}
	if err := held.Rollback(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	changing.Wait()
}

func TestTwoWhoChangeAReportAtOnceBothHaveTheirChange(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	report := m.keep(m.staff, yesterdays(uuid.Nil))
	name, schedule := "Of both", "15 4 * * *"
	m.changeAtOnce(report.ID, db.SavedReportChange{Name: &name}, db.SavedReportChange{Schedule: &schedule})
	if r := m.reportNow(report.ID); r.Name != name || r.Schedule != schedule {
		t.Errorf("it is called %q and made at %q", r.Name, r.Schedule)
	}
}

func TestAReportThatIsArchivedMeanwhileIsNotPlannedAgain(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	report := m.keep(m.staff, yesterdays(uuid.Nil))
	schedule := "15 4 * * *"
	m.changeAtOnce(report.ID, db.SavedReportChange{Archive: true}, db.SavedReportChange{Schedule: &schedule})
	if r := m.reportNow(report.ID); r.ArchivedAt.IsZero() || !r.NextRunAt.IsZero() || r.Schedule != schedule {
		t.Errorf("archived at %v, made at %q, next at %v", r.ArchivedAt, r.Schedule, r.NextRunAt)
	}
}
