package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// pounds imports what a pound was worth, and tells how many rates were new.
func (b *bookkeeping) pounds(day, perEuro string) int64 {
	b.t.Helper()
	stored, _, err := b.store.ImportRates(b.t.Context(), proofback.System(), strings.NewReader("currency,date,per_euro\nGBP,"+day+","+perEuro+"\n"))
	if err != nil {
		b.t.Fatal(err)
	}
	return stored
}

// The rate of a day may come when its month is closed: the feed was away, or somebody
// imports a currency that the feed does not have. What was told at the rate of the day
// before stays so, or the month would say something else, and a reversal would take back
// what was never given.
func TestARateThatComesAfterTheMonthWasClosedChangesNothingInIt(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.exec(t, `UPDATE affiliates SET currency = 'GBP' WHERE id = $1`, b.affiliate)
	b.pounds("2026-01-09", "0.5")
	id := b.sale(b.now, "approved", eur("200"))
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	b.state()
	inPounds := func(in *proofback.ReportInput) { in.Currency = "GBP" }
	if n := b.pounds("2026-01-10", "0.8"); n != 0 {
		t.Errorf("%d rates were new", n)
	}
	if paid := b.months(b.affiliateActor(), inPounds).Rows[0].Metrics.Payout; paid.Amount != "50.00" {
		t.Errorf("January was closed with 50.00 GBP, and has %v", paid)
	}
	b.move(rejected, id)
	b.now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	b.close("2026-02")
	list := b.state()
	if all := list[0].Balance().Add(list[1].Balance()); all.Sign() != 0 {
		t.Errorf("%v, then %v: what was reversed comes to %s", b.said(list[0]), b.said(list[1]), all)
	}
	// What no day before tells is wanted all the same, of closed months as well.
	for day, want := range map[string]int64{"2026-01-02": 1, "2026-01-20": 1, "2026-03-01": 1, "2026-02-28": 1} {
		if n := b.pounds(day, "0.7"); n != want {
			t.Errorf("%s: %d rates were new", day, n)
		}
	}
}
