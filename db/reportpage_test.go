package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// On the day on which a conversion of a closed month is taken back nothing else happened:
// one is less, another more, and money goes.
func TestADayOnWhichMoneyWasOnlyTakenBackIsARow(t *testing.T) {
	t.Parallel()
	for _, split := range []bool{false, true} {
		b := newBookkeeping(t)
		if split {
			b.store.SplitReportsSooner()
		}
		b.pass(time.Hour)
		sold := b.sale(booksFrom, "approved", eur("10"))
		b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
		b.close("2026-01")
		b.now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
		b.move(proofback.StatusRejected, sold)
		if _, err := b.store.RollUp(t.Context(), proofback.System()); err != nil {
			t.Fatal(err)
		}
		r := b.months(b.staff, func(in *proofback.ReportInput) {
			in.GroupBy = []proofback.Dimension{proofback.DimDay, proofback.DimOffer}
		})
		sum := proofback.Metrics{}
		for _, row := range r.Rows {
			sum = *plusMetrics(sum, row.Metrics)
		}
		if diff := cmp.Diff(&r.Totals, &sum); diff != "" {
			t.Errorf("split %t: totals are not the sum of the rows: %s", split, diff)
		}
		last := r.Rows[len(r.Rows)-1]
		if last.Keys[0].Value != "2026-03-04" || last.Metrics.Payout.Amount.Sign() >= 0 {
			t.Errorf("split %t: the last row is %+v", split, last)
		}
	}
}
