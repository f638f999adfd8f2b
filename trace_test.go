package proofback_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

func at(second int) time.Time { return time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC) }

func TestTimelineTellsALoopFromClickToDelivery(t *testing.T) {
	t.Parallel()
	conversion := uuid.MustParse("0195529c-9f00-7000-8000-00000000000a")
	story := proofback.Story{
		Clicks:       []*proofback.Click{{At: at(0), Country: "DE", Device: proofback.DeviceMobile}},
		PixelSignals: []*proofback.PixelSignal{{At: at(1), EventType: "sale", TxID: "T1"}},
		Postbacks: []*proofback.Postback{
			{ReceivedAt: at(2), Result: proofback.ResultAccepted, Reason: proofback.ReasonAccepted, Message: "stored"},
			{ReceivedAt: at(9), Result: proofback.ResultDuplicate, Reason: proofback.ReasonDuplicate, Message: "nothing new", ReplayOf: conversion},
		},
		Conversions: []*proofback.Conversion{{ID: conversion, ReceivedAt: at(2), EventType: "sale", TxID: "T1", Payout: euro("7.00"), Revenue: euro("9.00")}},
		Transitions: []*proofback.Transition{
			{ConversionID: conversion, At: at(2), To: proofback.StatusPending, ByKind: proofback.ByRule, Reason: "by hand"},
			{ConversionID: conversion, At: at(5), From: proofback.StatusPending, To: proofback.StatusApproved, ByKind: proofback.ByUser},
		},
		Deliveries: []*proofback.Delivery{{ConversionID: conversion, CreatedAt: at(5), Event: proofback.StatusApproved}},
		Attempts: []*proofback.Attempt{
			{Number: 1, At: at(6), Outcome: proofback.OutcomeTimeout, Duration: 10 * time.Second, Error: "no answer"},
			{Number: 2, At: at(8), Outcome: proofback.OutcomeDelivered, ResponseStatus: 200, Duration: 35 * time.Millisecond},
		},
	}
	var got []string
	for _, m := range story.Timeline() {
		got = append(got, m.At.Format("05 ")+string(m.Kind)+" "+m.Summary)
	}
	want := []string{
		`00 CLICK a visitor from DE (MOBILE) followed the link and was sent to the offer`,
		`01 PIXEL the pixel on the advertiser's page was called, event "sale", transaction id "T1"`,
		`02 POSTBACK a postback was accepted (ACCEPTED): stored`,
		`02 CONVERSION the "sale" with transaction id "T1" became a conversion: payout 7.00 EUR, revenue 9.00 EUR`,
		`02 TRANSITION the "sale" with transaction id "T1" began as pending, by the offer's terms: by hand`,
		`05 TRANSITION the "sale" with transaction id "T1" was pending and became approved, decided by the network's staff`,
		`05 DELIVERY one of the affiliate's endpoints is to be told that the "sale" with transaction id "T1" is approved`,
		`06 ATTEMPT attempt 1 to tell the affiliate ended as TIMEOUT after 10s: no answer`,
		`08 ATTEMPT attempt 2 to tell the affiliate ended as DELIVERED after 35ms, HTTP 200`,
		`09 POSTBACK a replay of an earlier postback was duplicate (DUPLICATE): nothing new`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTimelineSaysWhatBecameOfAClick(t *testing.T) {
	t.Parallel()
	s := proofback.Story{Clicks: []*proofback.Click{
		{At: at(0), Bot: true, Device: proofback.DeviceOther},
		{At: at(1), Country: "FR", Device: proofback.DeviceDesktop, Outcome: proofback.ClickOfferPaused},
	}}
	line := s.Timeline()
	for i, want := range []string{"a crawler from an unknown country", "not sent to the offer: OFFER_PAUSED"} {
		if !strings.Contains(line[i].Summary, want) {
			t.Errorf("got %q", line[i].Summary)
		}
	}
}

func TestTimelineSaysOnWhoseWordAConversionMoved(t *testing.T) {
	t.Parallel()
	for by, want := range map[proofback.ActorKind]string{
		proofback.ByPostback: "as a postback said",
		proofback.ByRule:     "by the offer's terms",
		proofback.BySystem:   "by a job",
		proofback.ByUser:     "decided by m@example.com",
	} {
		s := proofback.Story{Transitions: []*proofback.Transition{{To: proofback.StatusApproved, ByKind: by, ByEmail: "m@example.com"}}}
		if got := s.Timeline()[0].Summary; !strings.Contains(got, want) {
			t.Errorf("%s: %q", by, got)
		}
	}
}

func TestTimelineKeepsEverythingInOrder(t *testing.T) {
	t.Parallel()
	order := []proofback.MomentKind{
		proofback.MomentClick, proofback.MomentPixel, proofback.MomentPostback, proofback.MomentConversion,
		proofback.MomentTransition, proofback.MomentDelivery, proofback.MomentAttempt,
	}
	rapid.Check(t, func(t *rapid.T) {
		moments := func(label string) []time.Time {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Time {
				return at(rapid.IntRange(0, 5).Draw(t, "second"))
			}), 0, 6).Draw(t, label)
		}
		var s proofback.Story
		n := 0
		for _, m := range moments("clicks") {
			s.Clicks, n = append(s.Clicks, &proofback.Click{At: m}), n+1
		}
		for _, m := range moments("postbacks") {
			s.Postbacks, n = append(s.Postbacks, &proofback.Postback{ReceivedAt: m}), n+1
		}
		for _, m := range moments("conversions") {
			s.Conversions, n = append(s.Conversions, &proofback.Conversion{ReceivedAt: m}), n+1
		}
		for _, m := range moments("attempts") {
			s.Attempts, n = append(s.Attempts, &proofback.Attempt{At: m}), n+1
		}
		line := s.Timeline()
		if len(line) != n {
			t.Fatalf("%d moments of %d", len(line), n)
		}
		sorted := slices.IsSortedFunc(line, func(a, b proofback.Moment) int {
			if c := a.At.Compare(b.At); c != 0 {
				return c
			}
			return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
		})
		if !sorted {
			t.Fatalf("out of order: %v", line)
		}
	})
}
