package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// booked tells a month's row in a few words.
func booked(r *proofback.Report) map[string]string {
	out := map[string]string{}
	for _, row := range r.Rows {
		m := row.Metrics
		if s := fmt.Sprintf("%d %d %d, %s + %s, %s", m.Pending, m.Approved, m.Rejected, m.Payout.Amount, m.PendingPayout.Amount, m.Revenue.Amount); s != "0 0 0, 0.00 + 0.00, 0.00" {
			out[row.Keys[0].Value] = s
		}
	}
	return out
}

func TestNothingInAClosedMonthChangesAndCorrectionsAreBookedInTheOpenOne(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	january := b.now
	b.pass(time.Hour)
	pendingOne, approvedOne := b.sale(january, "pending", eur("10")), b.sale(january, "approved", eur("20"))
	corrected := b.sale(january, "approved", eur("40"))
	b.pass(time.Second)
	b.correct(corrected, "18.50", "")
	b.now = time.Date(2026, 2, 3, 9, 0, 0, 0, time.UTC)
	want := map[string]string{"2026-01": "1 2 0, 28.50 + 5.00, 60.00"}
	if diff := cmp.Diff(want, booked(b.months(b.staff))); diff != "" {
		t.Fatal(diff)
	}
	period := b.close("2026-01")
	if !period.First || period.Month() != "2026-01" || period.ClosedBy != b.admin.UserID {
		t.Errorf("%+v", period)
	}

	b.pass(time.Hour)
	b.move(approved, pendingOne)
	b.move(rejected, approvedOne, corrected)
	b.pass(time.Second)
	b.correct(pendingOne, "4", "9")
	b.pass(time.Second)
	b.sale(january, "approved", eur("100"))
	// 5 come to be approved, 10 and 18.50 are taken back, 1 less for the first, and 50
	// come late.
	want["2026-02"] = "-1 0 2, 25.50 + -5.00, 49.00"
	if diff := cmp.Diff(want, booked(b.months(b.staff))); diff != "" {
		t.Error(diff)
	}
	for _, basis := range []proofback.TimeBasis{proofback.BasisReceived, proofback.BasisClick} {
		by := b.months(b.staff, func(in *proofback.ReportInput) { in.Basis, in.GroupBy = basis, nil })
		if got := fmt.Sprint(by.Totals.Pending, by.Totals.Approved, by.Totals.Rejected, by.Totals.Payout, by.Totals.Revenue); got != "0 2 2 {54.00 EUR} {109.00 EUR}" {
			t.Errorf("by %s: %s", basis, got)
		}
	}

	// February is closed as well: what is booked from now on is March's.
	b.now = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	b.close("2026-02")
	b.move(approved, approvedOne)
	want["2026-03"] = "0 1 -1, 10.00 + 0.00, 20.00"
	if diff := cmp.Diff(want, booked(b.months(b.staff))); diff != "" {
		t.Error(diff)
	}
	if n := b.count(t, `SELECT count(*) FROM ledger WHERE kind = 'adjustment'`); n != b.count(t, `SELECT count(*) FROM adjustments`) || n != 8 {
		t.Errorf("%d adjustments in the ledger", n)
	}
	if n := b.count(t, `SELECT count(*) FROM ledger AS l JOIN periods AS p ON p.id = l.id AND l.kind = 'period_close'`); n != 2 {
		t.Errorf("%d closed months in the ledger", n)
	}
}

func TestAPostbackForAClosedMonthIsTakenAndSaidToBeBookedInTheOpenOne(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	january := b.now
	b.pass(time.Hour)
	b.now = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	b.pass(36 * time.Hour)
	const sentence = "2026-01 is closed, so it is booked in 2026-02, on the 2026-02-02, as an adjustment"
	for _, status := range []string{"pending", "approved"} {
		p := b.post(january.Add(time.Minute), "T", status, eur("10"))
		check := p.Checks[len(p.Checks)-1]
		if !strings.Contains(p.Message, sentence) || check.Name != "period" || !check.Passed || check.Detail != sentence {
			t.Errorf("%s %s, %+v", p.Reason, p.Message, check)
		}
	}
	if diff := cmp.Diff(map[string]string{"2026-02": "0 1 0, 5.00 + 0.00, 10.00"}, booked(b.months(b.staff))); diff != "" {
		t.Error(diff)
	}
	found, err := b.store.Trace(t.Context(), b.affiliateActor(), proofback.TraceBy{ClickID: b.visitor})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, m := range found.Timeline() {
		if m.Kind == proofback.MomentAdjustment && strings.Contains(m.Summary, "booked in 2026-02") {
			told++
		}
	}
	if told != 2 || !found.Conversions[0].Late {
		t.Errorf("%d adjustments in the story: %+v", told, found.Timeline())
	}
}

func TestMonthsAreClosedByAnAdminInOrderOnceTheyAreOver(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	month := func(s string) proofback.TimeRange {
		r, ok := proofback.ParseMonth(s)
		if !ok {
			t.Fatal(s)
		}
		return r
	}
	try := func(actor proofback.Actor, s string) string {
		_, err := b.store.ClosePeriod(t.Context(), actor, month(s))
		if err == nil {
			return ""
		}
		return string(proofback.CodeOf(err)) + ": " + err.Error()
	}
	for _, actor := range []proofback.Actor{b.staff, b.affiliateActor(), b.advertiserActor()} {
		if got := try(actor, "2025-12"); !strings.HasPrefix(got, "FORBIDDEN") {
			t.Errorf("%s: %s", actor.Role, got)
		}
	}
	if got := try(b.admin, "2026-01"); got != "CONFLICT: 2026-01 is not over: it can be closed from 2026-02-01T00:00:00Z on" {
		t.Error(got)
	}
	b.now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	waiting := b.sale(time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC), "approved", proofback.Money{Amount: "5", Currency: "VND"})
	for _, step := range []struct{ month, want string }{
		{"2016-01", "CONFLICT: nothing happened for more than a year after 2016-01, and each month since would have to be closed next: begin with 2026-02 or later, which takes in all that was before it"},
		{"2026-01", ""},
		{"2026-01", "CONFLICT: 2026-01 is closed already, and a closed month is never opened again"},
		{"2025-11", "CONFLICT: 2025-11 is closed already, and a closed month is never opened again"},
		{"2026-03", "CONFLICT: months are closed one after the other: 2026-02 is next"},
		{"2026-02", "CONFLICT: amounts of 1 conversions wait for a reference rate, the first of 2026-02-20: import the rates of these days (proofback rates import), or reject what cannot be told"},
	} {
		if got := try(b.admin, step.month); got != step.want {
			t.Errorf("%s: %s", step.month, got)
		}
	}
	b.move(rejected, waiting)
	if got := try(b.admin, "2026-02"); got != "" {
		t.Error(got)
	}
	w, err := b.store.Periods(t.Context(), b.affiliateActor(), all)
	if err != nil || len(w.Items) != 2 || w.Items[0].Month() != "2026-02" || w.Items[0].First || !w.Items[1].First || w.Items[0].ClosedByEmail != "" {
		t.Errorf("%+v, %v", w.Items, err)
	}
	open, err := b.store.OpenFrom(t.Context(), b.advertiserActor())
	if err != nil || !open.Equal(month("2026-03").From) {
		t.Errorf("open from %s, %v", open, err)
	}
}
