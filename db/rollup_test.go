package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// clicksReported is what a report by day and offer over the whole world says.
func (w *reportWorld) clicksReported(t testing.TB) int64 {
	t.Helper()
	r, err := w.store.Report(t.Context(), proofback.Actor{Role: proofback.RoleManager}, proofback.ReportInput{
		Range: proofback.TimeRange{From: worldFrom, To: worldTo}, Zone: time.UTC, Limit: 1000,
		GroupBy: []proofback.Dimension{proofback.DimDay, proofback.DimOffer},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Totals.Clicks
}

func (w *reportWorld) verify(t testing.TB) (found []string) {
	t.Helper()
	_, err := w.store.VerifyRollups(t.Context(), proofback.System(), func(d db.RollupDifference) error {
		found = append(found, d.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCountsThatAreWrongAreFoundLeftOutAndMended(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 6)
	want := w.clicksReported(t)
	w.rollUp(t)
	w.exec(t, `UPDATE rollup_offers SET clicks = clicks + 1, clicks_to = ARRAY(SELECT n + 1 FROM unnest(clicks_to) AS n)`)
	w.exec(t, `DELETE FROM rollup_pairs WHERE day = (SELECT min(day) FROM rollup_pairs)`)
	if got := w.clicksReported(t); got <= want {
		t.Fatalf("%d clicks, %d before: the counts are not read", got, want)
	}
	found := strings.Join(w.verify(t), "\n")
	if !strings.Contains(found, "rollup_offers (") || !strings.Contains(found, "rollup_pairs (") {
		t.Errorf("found %q", found)
	}
	if got := w.clicksReported(t); got != want {
		t.Errorf("%d clicks, want %d: what is known to be wrong is read", got, want)
	}
	w.rollUp(t)
	if got := w.clicksReported(t); got != want {
		t.Errorf("%d clicks, want %d", got, want)
	}
}

func TestCountsOutliveTheClicks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) { // totals with the rows, and apart
		w := newReportWorld(t, seed)
		want := w.clicksReported(t)
		w.rollUp(t)
		w.exec(t, `DROP TABLE clicks_20260310, clicks_20260311`)
		w.clicks = w.clicks[:1]
		w.clicks[0].At = worldFrom.AddDate(0, 0, 4).Add(time.Hour) // 10 March, into the default partition
		w.clicks[0].ID = keyAt(w.clicks[0].At)
		if err := w.store.InsertClicks(t.Context(), proofback.System(), w.clicks); err != nil {
			t.Fatal(err)
		}
		w.rollUp(t)
		if got := w.clicksReported(t); got != want {
			t.Errorf("%d clicks, want %d", got, want)
		}
		// What no counts tell apart is gone with the clicks, from the totals as from the rows.
		for _, by := range []proofback.Dimension{proofback.DimCountry, proofback.DimSource} {
			r, err := w.store.Report(t.Context(), proofback.Actor{Role: proofback.RoleManager}, proofback.ReportInput{
				Range: proofback.TimeRange{From: worldFrom.AddDate(0, 0, 4).Add(time.Hour), To: worldTo}, Zone: time.UTC, Limit: 1000, GroupBy: []proofback.Dimension{proofback.DimDay, by},
			})
			if err != nil {
				t.Fatal(err)
			}
			rows := int64(0)
			for _, row := range r.Rows {
				rows += row.Metrics.Clicks
			}
			if rows != r.Totals.Clicks {
				t.Errorf("by %s: %d clicks in the rows, %d in all", by, rows, r.Totals.Clicks)
			}
		}
	}
}

func TestTwoProcessesMayRollUpAtOnce(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 3)
	want := w.clicksReported(t)
	errs := make(chan error)
	for range 3 {
		go func() {
			_, err := w.store.RollUp(t.Context(), proofback.System())
			errs <- err
		}()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if _, err := w.store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	if got := w.clicksReported(t); got != want || len(w.verify(t)) > 0 {
		t.Errorf("%d clicks, want %d; %v", got, want, w.verify(t))
	}
}

func TestClicksThatComeLateCountAtOnceAndInOneSnapshot(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 4)
	w.rollUp(t)
	before := w.clicksReported(t)
	var visitors int64
	had := len(w.clicks)
	w.visit(t, 20)
	for _, k := range w.clicks[had:] {
		if k.Outcome == proofback.ClickRedirected && !k.IsTest() && !k.Bot {
			visitors++
		}
	}
	if got := w.clicksReported(t); got != before+visitors {
		t.Errorf("%d clicks, want %d", got, before+visitors)
	}
	// A mark that is not in the snapshot of the step outlives it.
	err := pgx.BeginFunc(t.Context(), w.store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO late_clicks (starts) VALUES ($1)`, worldFrom); err != nil {
			return err
		}
		_, err := w.store.RollUp(t.Context(), proofback.System())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var marks int
	if err := w.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM late_clicks`).Scan(&marks); err != nil || marks != 1 {
		t.Errorf("%d marks, %v", marks, err)
	}
}

// Who tells the past with a clock that is turned back does so after others have counted
// it.
func TestConversionsThatAreCountedWronglyAreFoundAndCountedAnew(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 1)
	w.rollUp(t)
	w.exec(t, `UPDATE rollup_offer_conversions SET payout = payout + 1 WHERE day = (SELECT min(day) FROM rollup_offer_conversions)`)
	w.exec(t, `DELETE FROM rollup_affiliate_conversions WHERE day = (SELECT max(day) FROM rollup_affiliate_conversions)`)
	found := strings.Join(w.verify(t), "\n")
	if !strings.Contains(found, "rollup_offer_conversions (") || !strings.Contains(found, "rollup_affiliate_conversions (") {
		t.Errorf("found %q", found)
	}
	w.rollUp(t)
	if again := w.verify(t); len(again) > 0 {
		t.Errorf("not mended: %q", again)
	}
}

func TestClicksToldByAClockThatIsTurnedBackAreCounted(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	open := func(now time.Time) *db.Store {
		return dbtest.Open(t, func(c *db.Config) { c.URL, c.Now = url, func() time.Time { return now } })
	}
	past, present := open(today.Add(-10*time.Hour)), open(today.Add(48*time.Hour))
	click := func(at time.Time) {
		id := keyAt(at)
		c := proofback.Click{ID: id, LinkID: id, OfferID: id, At: proofback.UUIDTime(id), Device: proofback.DeviceMobile}
		if err := past.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
			t.Fatal(err)
		}
	}
	click(today.Add(-48 * time.Hour))
	if _, err := present.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	click(today.Add(-10 * time.Hour))
	if _, err := present.VerifyRollups(t.Context(), proofback.System(), func(d db.RollupDifference) error {
		t.Error(d)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
