package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// A proof has all that the ledger tells of a conversion and whoever asks may know of: an
// affiliate its statement, an advertiser none; a correction of payout is nothing to one,
// and the revenue of an adjustment nothing to the other.
func TestAProofHasAdjustmentsAndStatementsOfWhoMayKnow(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.seal(t)
	for _, tt := range []struct {
		actor proofback.Actor
		kinds string
	}{
		{a.staff, "conversion adjustment transition adjustment adjustment statement"},
		{a.affiliateActor(), "conversion adjustment transition adjustment adjustment statement"},
		{a.advertiserActor(), "conversion transition adjustment adjustment"},
	} {
		proof, err := a.store.ConversionProof(t.Context(), tt.actor, a.closed)
		if err != nil || proof == nil {
			t.Fatal(proof, err)
		}
		facts, _, err := proof.Verify(a.sealer.Key.Public)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, f := range facts {
			kinds = append(kinds, f["kind"])
			_, payout := f["payout"]
			_, revenue := f["revenue"]
			if payout && !tt.actor.SeesPayout() || revenue && !tt.actor.SeesRevenue() {
				t.Errorf("%s: %v", tt.actor.Role, f)
			}
			if f["kind"] == "statement" && (f["statement_earned"] != "50" || len(f["statement_digest"]) != 64) {
				t.Errorf("%s: %v", tt.actor.Role, f)
			}
		}
		// The ledger has the entries of one transaction in the order of their ids.
		slices.Sort(kinds)
		want := strings.Fields(tt.kinds)
		slices.Sort(want)
		if !slices.Equal(kinds, want) {
			t.Errorf("%s: %v, want %v", tt.actor.Role, kinds, want)
		}
		proof.Conversion = a.open
		if _, _, err := proof.Verify(a.sealer.Key.Public); err == nil {
			t.Errorf("%s: it proves another conversion", tt.actor.Role)
		}
	}
}

func TestCountsOfClicksAreProvenToStaff(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	hours, err := a.store.ClickHours(t.Context(), a.staff, proofback.TimeRange{}, proofback.Page{Limit: 10})
	if err != nil || len(hours.Items) != 2 || !hours.Items[0].Agrees() || hours.Items[0].There != 1 || !hours.Items[0].Closed {
		t.Fatalf("%+v %v", hours.Items, err)
	}
	proof, err := a.store.ClickHourProof(t.Context(), a.staff, []uuid.UUID{hours.Items[0].Counts[0].ID})
	if err != nil || proof == nil {
		t.Fatal(proof, err)
	}
	facts, _, err := proof.Verify(a.sealer.Key.Public)
	if err != nil || len(facts) != 1 || facts[0]["accepted"] != "1" || facts[0]["complete"] != "true" || facts[0]["kind"] != "click_count" {
		t.Errorf("%v %v", facts, err)
	}
	for _, partner := range []proofback.Actor{a.affiliateActor(), a.advertiserActor()} {
		if _, err := a.store.ClickHours(t.Context(), partner, proofback.TimeRange{}, proofback.Page{Limit: 1}); proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("%s: %v", partner.Role, err)
		}
		if _, err := a.store.ClickHourProof(t.Context(), partner, nil); proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("%s: %v", partner.Role, err)
		}
	}
}
