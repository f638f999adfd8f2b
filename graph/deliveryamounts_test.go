package graph_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// TestADeliveryTellsWhatItsStatusWasWorth corrects a conversion before and after it is
// approved: each status is told with what the conversion was worth when it came to it.
func TestADeliveryTellsWhatItsStatusWasWorth(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.must(l.asBlog, "CreateAffiliatePostback", vars{"input": vars{"urlTemplate": "https://blog.example/?p={payout}", "statuses": []string{"PENDING", "APPROVED"}}})
	conversion := l.sale(l.click(l.blog), "1")
	worth := func(payout proofback.Decimal) {
		t.Helper()
		made, problems, err := l.store.AdjustConversions(t.Context(), proofback.System(), []proofback.Correction{{ConversionID: key(t, conversion), Payout: payout}}, "agreed")
		if err != nil || len(problems) > 0 || len(made) != 1 {
			t.Fatal(made, problems, err)
		}
	}
	told := func() map[proofback.Status]proofback.Decimal {
		t.Helper()
		list, err := l.store.DeliveriesByConversion(t.Context(), proofback.System(), []uuid.UUID{key(t, conversion)})
		if err != nil {
			t.Fatal(err)
		}
		var due []db.DueDelivery
		for _, d := range list[key(t, conversion)] {
			due = append(due, db.DueDelivery{ID: d.ID, DestinationID: d.DestinationID, DueAt: d.NextAttemptAt})
		}
		sendings, err := l.store.LoadDeliveries(t.Context(), proofback.System(), due)
		if err != nil {
			t.Fatal(err)
		}
		amounts := map[proofback.Status]proofback.Decimal{}
		for _, s := range sendings {
			amounts[s.Delivery.Event] = s.Conversion.Payout.Amount
		}
		return amounts
	}
	first := told()[proofback.StatusPending]
	worth("2.50")
	l.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{conversion}}})
	worth("1.00")
	got := told()
	if len(got) != 2 || got[proofback.StatusPending] != first || got[proofback.StatusApproved] != "2.50" {
		t.Errorf("told %v, and %s at first", got, first)
	}
}
