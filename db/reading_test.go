package db_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestClicksAreReadAsTheyWereStored(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	want := m.click(0, day, func(c *proofback.Click) {
		c.Outcome, c.Flags, c.Bot = proofback.ClickCountryOffTarget, proofback.FlagValueCut|proofback.FlagDirect, true
		c.Country, c.IP, c.UserAgent = "DE", netip.MustParseAddr("2001:db8::7"), "Browser/1.0"
		c.Source, c.Creative, c.Subs = "newsletter", "red", [10]string{0: "first", 9: "last, with \"quotes\""}
	})
	plain := m.click(0, day.Add(time.Second))
	got, err := m.store.ClicksByID(t.Context(), m.staff, []uuid.UUID{want.ID, plain.ID, keyAt(day)})
	if err != nil {
		t.Fatal(err)
	}
	agents, err := m.store.UserAgentsByClick(t.Context(), m.staff, []uuid.UUID{want.ID, plain.ID, keyAt(day)})
	if diff := cmp.Diff(map[uuid.UUID]string{want.ID: want.UserAgent, plain.ID: plain.UserAgent}, agents); diff != "" || err != nil {
		t.Error(diff, err)
	}
	want.UserAgent, plain.UserAgent = "", "" // they are read apart
	wantAll := map[uuid.UUID]*proofback.Click{want.ID: want, plain.ID: plain}
	if diff := cmp.Diff(wantAll, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

func TestConversionsAreReadAsTheyWereStored(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	click := m.click(0, day)
	for name, want := range map[string]*proofback.Conversion{
		"with a transaction id": m.conversion(click, "T-1", day.Add(time.Hour), func(c *proofback.Conversion) {
			c.Status, c.Began, c.Reason, c.Subs[2] = proofback.StatusRejected, proofback.StatusRejected, "OUTSIDE_WINDOW", "x"
		}),
		"without": m.conversion(click, "", day.Add(2*time.Hour)),
		"that takes its click": m.conversion(click, "T-2", day.Add(3*time.Hour), func(c *proofback.Conversion) {
			c.Claims = proofback.TimeRange{From: day.Add(3 * time.Hour)}
		}),
	} {
		got, err := m.store.ConversionsByID(t.Context(), m.staff, []uuid.UUID{want.ID})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[want.ID]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPostbacksAreReadAsTheyWereStored(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	want := m.postback(m.click(0, day), "T", day, func(p *proofback.Postback) {
		p.ConversionID, p.ReplayOf = keyAt(day), keyAt(day)
	})
	stray := m.postback(nil, "", day, func(p *proofback.Postback) {
		p.Result, p.Reason = proofback.ResultRejected, proofback.ReasonMissingClickID
	})
	got, err := m.store.PostbacksByID(t.Context(), m.staff, []uuid.UUID{want.ID, stray.ID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[uuid.UUID]*proofback.Postback{want.ID: want, stray.ID: stray}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeliveriesTellWhereTheyWentAndHowItWent(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	to := m.destination(0)
	c := m.conversion(m.click(0, day), "T", day)
	tried, waiting := m.delivery(c, to, day, 2), m.delivery(c, to, day.Add(time.Minute), 0)
	byConversion, err := m.store.DeliveriesByConversion(t.Context(), m.affiliate, []uuid.UUID{c.ID})
	if err != nil {
		t.Fatal(err)
	}
	list := byConversion[c.ID]
	if len(list) != 2 || list[0].ID != tried || list[1].ID != waiting {
		t.Fatalf("got %+v", list)
	}
	if list[0].URL != "https://affiliate.example/?tx=1" || list[1].URL != "https://affiliate.example/?tx={txid}" {
		t.Errorf("URLs: %q, %q", list[0].URL, list[1].URL)
	}
	attempts, err := m.store.AttemptsByDelivery(t.Context(), m.affiliate, []uuid.UUID{tried, waiting})
	if err != nil {
		t.Fatal(err)
	}
	want := proofback.Attempt{
		DeliveryID: tried, Number: 2, At: day.Add(time.Minute), URL: "https://affiliate.example/?tx=1",
		Outcome: proofback.OutcomeTimeout, Duration: 10 * time.Second, Error: "no answer",
	}
	if len(attempts[tried]) != 2 || len(attempts[waiting]) != 0 || *attempts[tried][1] != want {
		t.Errorf("got %+v", attempts)
	}
	found, err := m.store.DeliveriesByID(t.Context(), m.staff, []uuid.UUID{tried})
	if err != nil || found[tried].Status != proofback.DeliveryFailed || found[tried].Attempts != 2 {
		t.Errorf("got %+v, %v", found, err)
	}
}

func TestTransitionsNameThePersonToStaffOnly(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	c := m.conversion(m.click(0, day), "T", day)
	if _, problems, err := m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{c.ID}, proofback.StatusApproved, ""); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for actor, want := range map[proofback.Actor]string{m.staff: "manager@example.com", m.affiliate: "", m.advertiser: ""} {
		got, err := m.store.TransitionsByConversion(t.Context(), actor, []uuid.UUID{c.ID})
		if err != nil {
			t.Fatal(err)
		}
		moves := got[c.ID]
		if len(moves) != 2 || moves[0].From != "" || moves[1].From != proofback.StatusPending || moves[1].ByEmail != want {
			t.Errorf("%s: got %+v", actor.Role, moves)
		}
	}
}
