package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// memory is what a report said at a moment.
type memory struct {
	at    time.Time
	actor proofback.Actor
	in    proofback.ReportInput
	said  *proofback.Report
}

// A network's life in random steps: sales, early and late, of every status and in
// several currencies, moves, corrections and closed months. What a report said at any
// moment it says for ever after, asked for as of that moment; what changed between
// two moments adds up to their difference; and a closed month says what it said when
// it was closed, to whomever. All of it holds whenever counts are rolled up.
func TestReportsAsOfAMomentSayWhatTheySaidThen(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	var ids []uuid.UUID
	var memories []memory
	closed := map[string]map[string]string{} // what a closed month said, by role
	actors := []proofback.Actor{b.staff, b.affiliateActor(), b.advertiserActor()}
	currencies := []string{"EUR", "USD", "JPY"}
	ask := func(r interface{ Fatalf(string, ...any) }, actor proofback.Actor, in proofback.ReportInput) *proofback.Report {
		report, err := b.store.Report(t.Context(), actor, in)
		if err != nil {
			r.Fatalf("%v", err)
		}
		return report
	}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "steps") {
			b.pass(time.Duration(rapid.IntRange(1, 20*3600).Draw(r, "seconds")) * time.Second)
			some := func() uuid.UUID { return ids[rapid.IntRange(0, len(ids)-1).Draw(r, "which")] }
			switch step := rapid.IntRange(0, 9).Draw(r, "step"); {
			case step < 4 || len(ids) == 0:
				back := time.Duration(rapid.SampledFrom([]int{0, 1, 40, 900}).Draw(r, "hours back")) * time.Hour
				at := b.now.Add(-back)
				if at.Before(booksFrom) {
					at = booksFrom
				}
				amount := proofback.Money{Amount: proofback.Decimal(fmt.Sprintf("%d.%d", rapid.IntRange(0, 500).Draw(r, "amount"), rapid.IntRange(0, 99).Draw(r, "cents"))), Currency: rapid.SampledFrom(currencies).Draw(r, "currency")}
				ids = append(ids, b.sale(at, rapid.SampledFrom([]string{"pending", "approved", "rejected"}).Draw(r, "status"), amount))
			case step < 7:
				to := rapid.SampledFrom([]proofback.Status{approved, rejected}).Draw(r, "to")
				if _, _, err := b.store.MoveConversions(t.Context(), b.staff, []uuid.UUID{some()}, to, "why"); err != nil {
					r.Fatal(err)
				}
			case step < 9:
				k := proofback.Correction{ConversionID: some(), Payout: proofback.Decimal(fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "payout")))}
				switch rapid.IntRange(0, 3).Draw(r, "what") {
				case 0:
					k.Revenue = proofback.Decimal(fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "revenue")))
				case 1: // of the sale, with what follows from it
					k.Payout, k.Amount = "", proofback.Decimal(fmt.Sprint(rapid.IntRange(0, 500).Draw(r, "sale")))
				}
				if _, _, err := b.store.AdjustConversions(t.Context(), b.staff, []proofback.Correction{k}, "why"); err != nil {
					r.Fatal(err)
				}
			default:
				open, err := b.store.OpenFrom(t.Context(), b.staff)
				if err != nil {
					r.Fatal(err)
				}
				if open.IsZero() {
					open = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
				}
				month := proofback.TimeRange{From: open, To: open.AddDate(0, 1, 0)}
				if _, err := b.store.ClosePeriod(t.Context(), b.admin, month); err != nil {
					break // it is not over
				}
				said := map[string]string{}
				for _, actor := range actors {
					said[string(actor.Role)] = booked(b.months(actor))[proofback.MonthName(month.From)]
				}
				closed[proofback.MonthName(month.From)] = said
			}
		}
		b.pass(time.Millisecond)
		// What is told now may come of counts, what is told as of a moment never does.
		if rapid.Bool().Draw(r, "roll up") {
			if _, err := b.store.RollUp(t.Context(), proofback.System()); err != nil {
				r.Fatal(err)
			}
			_, err := b.store.VerifyRollups(t.Context(), b.staff, func(d db.RollupDifference) error { return errors.New(d.String()) })
			if err != nil {
				r.Fatal(err)
			}
		}

		m := memory{at: b.now, actor: rapid.SampledFrom(actors).Draw(r, "actor")}
		from := booksFrom.AddDate(0, 0, rapid.IntRange(-20, 60).Draw(r, "from"))
		m.in = proofback.ReportInput{
			Range: proofback.TimeRange{From: from, To: from.AddDate(0, 0, rapid.IntRange(1, 120).Draw(r, "days"))}, Zone: time.UTC, Limit: 1000,
			Currency: rapid.SampledFrom(currencies).Draw(r, "in"),
			Basis:    rapid.SampledFrom([]proofback.TimeBasis{proofback.BasisEvent, proofback.BasisEvent, proofback.BasisReceived, proofback.BasisClick}).Draw(r, "basis"),
			GroupBy: rapid.SampledFrom([][]proofback.Dimension{
				nil,
				{proofback.DimDay},
				{proofback.DimMonth, proofback.DimDevice},
				{proofback.DimDay, proofback.DimOffer, proofback.DimGoal},
				{proofback.DimMonth, proofback.DimAffiliate},
			}).Draw(r, "by"),
		}
		m.said = ask(r, m.actor, m.in)
		memories = append(memories, m)

		past := memories[rapid.IntRange(0, len(memories)-1).Draw(r, "memory")]
		past.in.AsOf = past.at
		then := ask(r, past.actor, past.in)
		past.said.AsOf = then.AsOf
		if diff := cmp.Diff(past.said, then, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
			r.Fatalf("as of %s: %s", past.at, diff)
		}

		past.in.Basis, past.in.GroupBy = proofback.BasisEvent, nil
		before := ask(r, past.actor, past.in).Totals
		past.in.AsOf = time.Time{}
		after := ask(r, past.actor, past.in).Totals
		changes, err := b.store.ReportChanges(t.Context(), past.actor, proofback.ReportChangesInput{Report: past.in, Since: past.at})
		if err != nil {
			r.Fatal(err)
		}
		after.Clicks, before.Clicks = 0, 0
		if diff := cmp.Diff(&after, plusMetrics(before, changes.Totals)); diff != "" {
			r.Fatalf("%s since %s, %d changes: %s", past.actor.Role, past.at, len(changes.Changes), diff)
		}
		sum := proofback.Metrics{}
		for _, c := range changes.Changes {
			sum = *plusMetrics(sum, c.Metrics)
			if c.Reason == "" || c.ByKind == "" || c.At.Before(past.at) || c.BookedAt.IsZero() {
				r.Fatalf("%+v", c)
			}
		}
		if diff := cmp.Diff(&changes.Totals, &sum); diff != "" && len(changes.Changes) > 0 {
			r.Fatalf("the sum of the changes: %s", diff)
		}

		for month, said := range closed {
			for _, actor := range actors {
				if got := booked(b.months(actor))[month]; got != said[string(actor.Role)] {
					r.Fatalf("%s, closed with %q, says %q to %s", month, said[string(actor.Role)], got, actor.Role)
				}
			}
		}
	})
	if len(closed) == 0 || b.count(t, `SELECT count(*) FROM adjustments WHERE of_id IS NOT NULL`) == 0 {
		t.Logf("%d closed months: a short run", len(closed))
	}
}

// plusMetrics adds up counts and money.
func plusMetrics(a, b proofback.Metrics) *proofback.Metrics {
	add := func(x, y proofback.Money) proofback.Money {
		if y.IsZero() {
			return x
		}
		return plus(x, y)
	}
	return &proofback.Metrics{
		Clicks: a.Clicks + b.Clicks, BotClicks: a.BotClicks + b.BotClicks,
		Pending: a.Pending + b.Pending, Approved: a.Approved + b.Approved, Rejected: a.Rejected + b.Rejected,
		Payout: add(a.Payout, b.Payout), PendingPayout: add(a.PendingPayout, b.PendingPayout),
		Revenue: add(a.Revenue, b.Revenue), Margin: add(a.Margin, b.Margin),
		Awaiting: a.Awaiting + b.Awaiting, AwaitingAmounts: a.AwaitingAmounts,
	}
}
