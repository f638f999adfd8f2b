package db_test

import (
	"strings"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// What an advertiser says that it owes is taken over by adjustments, after a dry run that
// keeps nothing; then the same list agrees.
func TestWhatIsOwedIsAdjustedToTheirList(t *testing.T) {
	t.Parallel()
	l := newLedgers(t)
	l.sold(t, 20)
	const owed = "Order ID;Date;Revenue;Currency;State\n" +
		"T10;11.03.2026 12:00;0,02;EUR;approved\n" + // 0.010 here
		"T11;12.03.2026 12:00;0,02;USD;approved\n"
	l.exec(t, `UPDATE conversions SET revenue = 0.01 WHERE txid = 'T10'`)
	correct := func(r *proofback.Reconciliation, dryRun bool) *db.Corrected {
		t.Helper()
		done, err := l.store.CorrectReconciliation(t.Context(), proofback.System(), l.setup, l.keys, db.Correction{
			Reconciliation: r.ID, Action: proofback.CorrectAdjust, Kinds: []proofback.DifferenceKind{proofback.KindAmountDiffers, proofback.KindCurrencyDiffers}, Reason: "agreed", DryRun: dryRun,
		})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	kind := func(r *proofback.Reconciliation, line int) (n int) {
		return l.count(t, `SELECT count(*) FROM reconciliation_items WHERE reconciliation_id = $1 AND line = $2 AND kind = 'MATCHED'`, r.ID, line)
	}
	r := l.compare(t, proofback.System(), owed)
	for _, dryRun := range []bool{true, false} {
		if done := correct(r, dryRun); done.Count != 1 || len(done.Refused) != 1 || !strings.HasPrefix(done.Refused[0].Message, "the currencies differ") {
			t.Errorf("%+v", done)
		}
		want := 1
		if dryRun {
			want = 0
		}
		if n := l.count(t, `SELECT count(*) FROM adjustments WHERE revenue = 0.01 AND payout IS NULL AND reason LIKE 'reconciliation %: agreed'`); n != want {
			t.Errorf("%d adjustments, want %d", n, want)
		}
	}
	if done := correct(r, false); done.Count != 0 || len(done.Refused) != 2 {
		t.Errorf("again: %+v", done)
	}
	if r := l.compare(t, proofback.System(), owed); kind(r, 2) != 1 || kind(r, 3) != 0 {
		t.Error("the same list does not agree")
	}
}
