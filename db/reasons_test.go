package db_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestABlankReasonExplainsNoCorrection(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	c := m.conversion(m.click(0, day), "T", day)
	list := []proofback.Correction{{ConversionID: c.ID, Payout: "5.00"}}
	_, _, err := m.store.AdjustConversions(t.Context(), m.staff, list, " \t\n")
	wantCode(t, err, proofback.CodeInvalid, "reason")
	made, _, err := m.store.AdjustConversions(t.Context(), m.staff, list, " agreed\n")
	if err != nil || len(made) != 1 || made[0].Reason != "agreed" {
		t.Errorf("%v, %v", made, err)
	}
}

func TestTheAuditLogTellsOfAccessOnceThoughItIsAskedForAgain(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.affiliate.Operation = "requestOfferAccess"
	var access uuid.UUID
	for range 2 {
		a, err := m.store.RequestAccess(t.Context(), m.affiliate, m.offers[0], uuid.Nil)
		if err != nil {
			t.Fatal(err)
		}
		access = a.ID
	}
	log, err := m.store.AuditLog(t.Context(), proofback.Actor{Role: proofback.RoleAdmin}, proofback.AuditLogFilter{ObjectID: access}, all)
	if err != nil || len(log.Items) != 2 {
		t.Fatal(log.Items, err)
	}
	if again, first := log.Items[0].Changes[0].Fields, log.Items[1].Changes[0].Fields; len(again) != 0 || len(first) == 0 {
		t.Errorf("asking changed %v, and asking again %v", first, again)
	}
}
