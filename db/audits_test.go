package db_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestAuditsAreTheOffersSidesToMakeAndToSee(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	audit := func(i int) *proofback.RedirectAudit {
		return &proofback.RedirectAudit{
			ID: keyAt(day), OfferID: m.offers[i], AdvertiserID: m.advertisers[i], TermsID: m.terms[i], At: day,
			Hops: []proofback.Hop{{URL: "https://shop.example/?cid=X", Form: []proofback.ClickIDForm{proofback.FormWhole, proofback.FormMissing}[i], Status: 200}},
		}
	}
	letters := map[uuid.UUID]string{}
	ids := []uuid.UUID{}
	for i, name := range []string{"a", "b"} {
		kept := audit(i)
		if err := m.store.RecordAudit(t.Context(), m.staff, kept); err != nil {
			t.Fatal(err)
		}
		letters[kept.ID], ids = name, append(ids, kept.ID)
	}
	auditKey := func(a *proofback.RedirectAudit) uuid.UUID { return a.ID }
	for name, c := range map[string]struct {
		actor proofback.Actor
		seen  string
		makes proofback.Code // of the first offer
	}{
		"staff":            {m.staff, "ab", ""},
		"advertiser":       {m.advertiser, "a", ""},
		"other advertiser": {m.advertiser2, "b", proofback.CodeNotFound},
		"affiliate":        {m.affiliate, "", proofback.CodeForbidden},
	} {
		w, err := m.store.RedirectAudits(t.Context(), c.actor, proofback.AuditFilter{}, all)
		if got := seen(w, auditKey, letters); err != nil || got != c.seen {
			t.Errorf("%s lists %q, want %q; %v", name, got, c.seen, err)
		}
		byID, err := m.store.RedirectAuditsByID(t.Context(), c.actor, ids)
		if got := lettersOf(byID, letters); err != nil || got != c.seen {
			t.Errorf("%s sees %q, want %q; %v", name, got, c.seen, err)
		}
		_, err = m.store.AuditTerms(t.Context(), c.actor, m.offers[0])
		if proofback.CodeOf(err) != c.makes {
			t.Errorf("%s is let: %v", name, err)
		}
		if c.makes != "" {
			if err := m.store.RecordAudit(t.Context(), c.actor, audit(0)); proofback.CodeOf(err) != c.makes {
				t.Errorf("%s keeps one: %v", name, err)
			}
		}
	}
	for survived, want := range map[bool]string{true: "a", false: "b"} {
		w, err := m.store.RedirectAudits(t.Context(), m.staff, proofback.AuditFilter{Survived: &survived}, all)
		if got := seen(w, auditKey, letters); err != nil || got != want {
			t.Errorf("survived %v: %q, %v", survived, got, err)
		}
	}
	if w, err := m.store.RedirectAudits(t.Context(), m.staff, proofback.AuditFilter{OfferID: m.offers[1]}, all); err != nil || seen(w, auditKey, letters) != "b" {
		t.Errorf("of an offer: %v", err)
	}
	if _, err := m.store.OffersToAudit(t.Context(), m.staff, day, 1); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("staff schedules: %v", err)
	}
}
