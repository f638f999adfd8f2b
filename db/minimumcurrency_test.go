package db_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/dbtest"
)

func TestAMinimumPayoutDoesNotComeToBeOfAnotherCurrency(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	blog := newAffiliate(t, s, "Blog")
	inYen := func(a *proofback.Affiliate) { a.Currency = "JPY" }
	if err := s.SetMinimumPayout(t.Context(), manager, blog.ID, "50.50"); err != nil {
		t.Fatal(err)
	}
	_, err := s.UpdateAffiliate(t.Context(), manager, blog.ID, inYen)
	wantCode(t, err, proofback.CodeConflict, "currency")
	found, err := s.AffiliatesByID(t.Context(), manager, []uuid.UUID{blog.ID})
	if err != nil || found[blog.ID].Currency != blog.Currency || found[blog.ID].MinimumPayout != "50.50" {
		t.Errorf("it is paid from %+v on, %v", found[blog.ID], err)
	}
	if err := s.SetMinimumPayout(t.Context(), manager, blog.ID, ""); err != nil {
		t.Fatal(err)
	}
	if a, err := s.UpdateAffiliate(t.Context(), manager, blog.ID, inYen); err != nil || a.Currency != "JPY" {
		t.Errorf("without a minimum: %+v, %v", a, err)
	}
}
