package db_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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

// A file of rates may come slowly. Meanwhile months can be closed, and counters made.
func TestRatesThatComeSlowlyDoNotHoldTheBooks(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	file, send := io.Pipe()
	done := make(chan error, 1)
	go func() {
		stored, _, err := b.store.ImportRates(t.Context(), proofback.System(), file)
		if err == nil && stored != 1 {
			err = fmt.Errorf("%d rates were new", stored)
		}
		done <- err
	}()
	if _, err := io.WriteString(send, "currency,date,per_euro\nGBP,2026-01-09,0.5\n"); err != nil {
		t.Fatal(err)
	}
	// Whoever reads has begun to store: it asks for more.
	if _, err := io.WriteString(send, "\n"); err != nil {
		t.Fatal(err)
	}
	var free bool
	err := b.store.Pool().QueryRow(t.Context(), `SELECT pg_try_advisory_lock(hashtext('proofback.books'))
		AND pg_advisory_unlock(hashtext('proofback.books'))`).Scan(&free)
	if err != nil || !free {
		t.Errorf("the books are held by somebody; %v", err)
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Most sales are told of before the rate of their day is published, and normalised at that
// of the day before. A correction takes away what they were normalised as.
func TestACorrectionIsToldAtTheRatesOfItsConversion(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pounds("2026-01-09", "0.5")
	ids := []uuid.UUID{b.sale(b.now, "approved", proofback.Money{Amount: "200", Currency: "GBP"}), b.sale(b.now, "approved", proofback.Money{Amount: "200", Currency: "GBP"})}
	if n := b.pounds("2026-01-10", "0.8"); n != 1 {
		t.Fatalf("%d rates were new", n)
	}
	soon := b.sale(b.now.Add(time.Second), "approved", proofback.Money{Amount: "80", Currency: "GBP"}) // has the rate of its day
	paid := func(want proofback.Decimal) {
		t.Helper()
		payout := proofback.Decimal("0")
		for _, row := range b.months(b.affiliateActor()).Rows {
			payout = payout.Add(row.Metrics.Payout.Amount)
		}
		if !payout.Equal(want) {
			t.Errorf("%s are paid, want %s", payout, want)
		}
	}
	paid("450")
	since := b.now
	b.pass(time.Second)
	b.correct(ids[0], "0", "0")
	paid("250")
	b.correct(ids[1], "50", "0")
	paid("150")
	b.correct(soon, "0", "0")
	paid("100")
	changes, err := b.store.ReportChanges(t.Context(), b.affiliateActor(), proofback.ReportChangesInput{Since: since, Report: proofback.ReportInput{
		Range: proofback.TimeRange{From: booksFrom.AddDate(0, 0, -9), To: booksFrom.AddDate(0, 1, 0)}, Limit: 10,
	}})
	if err != nil || changes.Totals.Payout.Amount != "-350.00" {
		t.Errorf("the changes come to %v, %v", changes.Totals.Payout, err)
	}
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	b.pass(time.Second)
	b.correct(ids[1], "0", "0")
	b.move(rejected, ids[0])
	paid("0")
	b.now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	b.close("2026-02")
	list := b.state()
	if balance := list[0].Balance(); balance != "100.00" || list[1].Adjusted != "-100.00" {
		t.Errorf("%v, %v", b.said(list[0]), b.said(list[1]))
	}
}
