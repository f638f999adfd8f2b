package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// paidBy is the payout that a conversion's newest delivery tells.
func (m *market) paidBy(conversion uuid.UUID) proofback.Decimal {
	m.t.Helper()
	list, err := m.store.DeliveriesByConversion(m.t.Context(), proofback.System(), []uuid.UUID{conversion})
	if err != nil {
		m.t.Fatal(err)
	}
	d := list[conversion][len(list[conversion])-1]
	sendings, err := m.store.LoadDeliveries(m.t.Context(), proofback.System(), []db.DueDelivery{{ID: d.ID, DestinationID: d.DestinationID, DueAt: d.NextAttemptAt}})
	if err != nil || len(sendings) != 1 || sendings[0] == nil {
		m.t.Fatal(sendings, err)
	}
	return sendings[0].Conversion.Payout.Amount
}

// The clock of whoever is second is behind that of whoever was first.
func TestACorrectionAndAMoveKeepTheirOrderWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		correctedFirst bool
		want           proofback.Decimal
	}{
		{"approved and then corrected", false, "7.00"},
		{"corrected and then approved", true, "5.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clock := day.Add(time.Hour)
			m := newMarket(t, func(c *db.Config) { c.Now = func() time.Time { return clock } })
			_, _, err := m.store.CreateDestination(t.Context(), m.affiliate, proofback.Destination{URLTemplate: "https://affiliate.example/?p={payout}"})
			if err != nil {
				t.Fatal(err)
			}
			c := m.conversion(m.click(0, day), "T", day)
			approve := func() {
				if moved, problems, err := m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{c.ID}, approved, ""); err != nil || len(moved) != 1 {
					t.Fatal(problems, err)
				}
			}
			correct := func() {
				made, problems, err := m.store.AdjustConversions(t.Context(), m.staff, []proofback.Correction{{ConversionID: c.ID, Payout: "5.00"}}, "agreed")
				if err != nil || len(made) != 1 {
					t.Fatal(problems, err)
				}
			}
			first, second := approve, correct
			if tt.correctedFirst {
				first, second = correct, approve
			}
			first()
			clock = clock.Add(-5 * time.Second)
			second()
			if got := m.paidBy(c.ID); got != tt.want {
				t.Errorf("the approval tells %s, and was worth %s", got, tt.want)
			}
		})
	}
}
