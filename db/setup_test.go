package db_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/dbtest"
)

func TestLinkCarriesEverythingThatAVisitorIsJudgedBy(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	n.exec(t, `
		INSERT INTO offer_access (id, offer_id, affiliate_id, status, requested_at)
		VALUES ($1, $2, $3, 'APPROVED', now())`, newID(t), n.offer, n.affiliate)
	link, err := n.setup(t).Link(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&n.terms, link.Terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	if got := link.Landing.URL(&proofback.Click{}, link.Code, "ID"); got != "https://shop.example/?c=ID" {
		t.Errorf("visitors go to %s", got)
	}
	if link.Affiliate.ID != n.affiliate || link.Advertiser.ID != n.advertiser || link.Access != proofback.AccessApproved {
		t.Errorf("link: %+v", link)
	}
}

func TestSnapshotHoldsAdvertisersAndPrices(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	n.exec(t, `
		INSERT INTO payout_overrides (id, affiliate_id, offer_id, goal_id, payout, valid_from, created_at)
		VALUES ($1, $2, $3, $4, '{"model": "PERCENT", "percent": "12.5"}', '2026-01-01', now())`, newID(t), n.affiliate, n.offer, n.goal)
	u := n.setup(t)
	byKey, err := u.AdvertiserByKey(t.Context(), "acme-key")
	if err != nil {
		t.Fatal(err)
	}
	byID, _ := u.Snapshot().Advertiser(n.advertiser)
	if byKey != byID || len(byKey.AllowedIPs) != 1 || byKey.AllowedIPs[0] != netip.MustParsePrefix("10.0.0.0/8") ||
		byKey.ParameterMapping[0] != (proofback.NameMapping{From: "cid", To: "click_id"}) {
		t.Errorf("advertiser: %+v", byKey)
	}
	overrides := u.Snapshot().Overrides(n.affiliate, n.offer)
	if len(overrides) != 1 || overrides[0].Payout != (proofback.Price{Model: proofback.PricePercent, Percent: "12.5"}) {
		t.Errorf("overrides: %+v", overrides)
	}
	if more := u.Snapshot().Overrides(n.affiliate, newID(t)); len(more) != 0 {
		t.Errorf("overrides of another offer: %+v", more)
	}
}

func TestChangeShowsWithinASecond(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t)
	run(t, u)
	n.putTerms(t, func(terms *proofback.Terms) { terms.Status = proofback.OfferPaused })
	eventually(t, time.Second, "the pause shows", func() bool {
		l, ok := u.Snapshot().Link("first")
		return ok && l.Terms.Status == proofback.OfferPaused
	})
	n.exec(t, `UPDATE affiliates SET status = 'PAUSED' WHERE id = $1`, n.affiliate)
	eventually(t, time.Second, "the affiliate's pause shows", func() bool {
		l, _ := u.Snapshot().Link("first")
		return l.Affiliate.Status == proofback.PartnerPaused
	})
}

func TestChangeShowsAfterTheListeningConnectionWasLost(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t)
	run(t, u)
	listening := func() (count int) {
		row := n.store.Pool().QueryRow(t.Context(), `
			SELECT count(*)
			FROM pg_stat_activity
			WHERE datname = current_database()
			  AND query LIKE 'LISTEN%'`)
		if err := row.Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	eventually(t, 5*time.Second, "it listens", func() bool { return listening() == 1 })
	n.exec(t, `
		SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity
		WHERE datname = current_database()
		  AND query LIKE 'LISTEN%'`)
	n.exec(t, `UPDATE advertisers SET name = 'Acme & Sons'`)
	eventually(t, 5*time.Second, "the change shows", func() bool {
		a, _ := u.Snapshot().Advertiser(n.advertiser)
		return a.Name == "Acme & Sons"
	})
}

func TestLinkWorksAtOnceOnAProcessThatWasNotTold(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t) // nothing runs: nobody tells it
	if _, err := u.Link(t.Context(), "elsewhere"); proofback.CodeOf(err) != proofback.CodeNotFound {
		t.Fatalf("before it was made: %v", err)
	}
	var all sync.WaitGroup
	for i := range 20 {
		code := fmt.Sprintf("new-%d", i)
		n.link(t, code)
		all.Go(func() {
			if l, err := u.Link(t.Context(), code); err != nil || l.Code != code {
				t.Errorf("%s: %+v, %v", code, l, err)
			}
		})
	}
	all.Wait()
}

func TestUnknownNamesAreRefusedWithoutHarm(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t)
	for _, code := range []string{"", "nobody", "nul\x00", "\xff", string(make([]byte, 5000)), "' OR true --"} {
		if _, err := u.Link(t.Context(), code); proofback.CodeOf(err) != proofback.CodeNotFound {
			t.Errorf("link %q: %v", code, err)
		}
		if _, err := u.AdvertiserByKey(t.Context(), code); proofback.CodeOf(err) != proofback.CodeNotFound {
			t.Errorf("key %q: %v", code, err)
		}
	}
}

func TestManyUnknownNamesCannotFloodTheDatabase(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t)
	refused := false
	for i := range 20_000 {
		_, err := u.Link(t.Context(), fmt.Sprintf("guess-%d", i))
		if refused = proofback.CodeOf(err) == proofback.CodeUnavailable; refused {
			break
		}
	}
	if !refused {
		t.Error("every guess was looked up")
	}
	if _, err := u.Link(t.Context(), "first"); err != nil {
		t.Errorf("a known link beside them: %v", err)
	}
}

func TestUnknownLinkWithoutPostgresIsUnavailable(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	u := n.setup(t)
	n.cutOff(t)
	if _, err := u.Link(t.Context(), "first"); err != nil {
		t.Errorf("a known link: %v", err)
	}
	if _, err := u.Link(t.Context(), "other"); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Errorf("an unknown link: %v", err)
	}
}

func TestTermsByIDGivesOldVersionsUnchanged(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	first := n.terms
	n.putTerms(t, func(terms *proofback.Terms) { terms.Name = "Warm socks" })
	u := n.setup(t)
	for range 2 { // from the database, then from memory
		got, err := u.TermsByID(t.Context(), []uuid.UUID{first.ID, n.terms.ID, newID(t)})
		if err != nil {
			t.Fatal(err)
		}
		want := map[uuid.UUID]*proofback.Terms{first.ID: &first, n.terms.ID: &n.terms}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("terms (-want +got):\n%s", diff)
		}
	}
}

func TestOfferThatCannotBeReadHarmsNoOther(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	n := newNetwork(t, store)
	good := *n
	good.offer = newID(t)
	n.putTerms(t, func(terms *proofback.Terms) { terms.LandingURL = "nonsense" })
	good.terms.OfferID, good.terms.Version = good.offer, 0
	good.putTerms(t, func(*proofback.Terms) {})
	good.link(t, "good")
	u := n.setup(t)
	if _, err := u.Link(t.Context(), "good"); err != nil {
		t.Error(err)
	}
	if _, err := u.Link(t.Context(), "first"); proofback.CodeOf(err) != proofback.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func TestRefreshEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	u := newNetwork(t, dbtest.Open(t)).setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // whichever of the two it notices first
		if err := u.Refresh(ctx); err != nil && proofback.CodeOf(err) != proofback.CodeUnavailable {
			t.Fatal(err)
		}
	}
}
