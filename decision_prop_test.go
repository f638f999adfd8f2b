package proofback

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// decideAll puts requests through the rules one after the other, each seeing
// what came of those before.
func decideAll(t *rapid.T, requests []*Request) []*Conversion {
	var known []*Conversion
	for _, r := range requests {
		f := &Facts{Click: testClick(), Terms: testTerms(), Known: known, Currency: "EUR", ConversionID: uuid.New(), TransitionID: uuid.New()}
		d := Decide(r, f)
		switch {
		case d.Made != nil:
			known = append(known, d.Made)
		case d.Moved != nil:
			for _, k := range known {
				if k.ID == d.ConversionID {
					if !CanMove(k.Status, d.Moved.To, MoverPostback) {
						t.Fatalf("a postback moved %s to %s", k.Status, d.Moved.To)
					}
					d.Moved.ApplyTo(k)
				}
			}
		}
	}
	return known
}

// paid is what an affiliate is owed, by event.
func paid(conversions []*Conversion) map[string]Decimal {
	owed := map[string]Decimal{}
	for _, c := range conversions {
		if c.Status.Billable() {
			owed[c.EventType+" "+c.TxID] = c.Payout.Amount
		}
	}
	return owed
}

// event draws the requests that a truthful sender makes of one event: any of
// what it may say on the way, and how it ended, each any number of times.
func event(n int) *rapid.Generator[[]*Request] {
	return rapid.Custom(func(t *rapid.T) []*Request {
		goal := rapid.SampledFrom([]string{"sale", "lead", "install"}).Draw(t, "goal")
		txid := fmt.Sprint("t-", n)
		if goal != "install" && rapid.Bool().Draw(t, "without txid") {
			txid = ""
		}
		auto := goal != "sale"
		end := rapid.SampledFrom([]Status{StatusPending, StatusApproved, StatusRejected}).Draw(t, "end")
		says := []Status{StatusPending, end}
		if !auto || end == StatusApproved {
			says = append(says, "")
		}
		if auto && end == StatusApproved && rapid.Bool().Draw(t, "never says pending") {
			says = []Status{"", end}
		}
		at := testNow.Add(-time.Duration(n) * time.Minute)
		request := func(s Status) *Request {
			return testRequest(func(r *Request) {
				r.ID = uuid.New()
				r.Claim = Claim{ClickID: "X", TxID: txid, EventType: goal, Status: s, EventAt: at, Amount: Decimal(fmt.Sprint(100 + n)), Currency: "EUR"}
				if txid == "" {
					r.Claim.EventAt = testNow.Add(-time.Minute) // one a goal
					r.Claim.Amount = "100"
				}
			})
		}
		requests := []*Request{request(end)}
		for _, s := range rapid.SliceOfN(rapid.SampledFrom(says), 0, 5).Draw(t, "says") {
			requests = append(requests, request(s))
		}
		return requests
	})
}

func TestOrderAndRepetitionNeverChangeWhatIsPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var requests []*Request
		taken := map[string]bool{}
		for n := range rapid.IntRange(1, 4).Draw(t, "events") {
			e := event(n).Draw(t, "event")
			// One story for each event that is told apart, and one install a click.
			key := e[0].Claim.EventType + e[0].Claim.TxID
			if e[0].Claim.EventType == "install" {
				key = "install"
			}
			if !taken[key] {
				taken[key] = true
				requests = append(requests, e...)
			}
		}
		once := decideAll(t, requests)
		shuffled := rapid.Permutation(append(requests, requests...)).Draw(t, "order")
		again := decideAll(t, shuffled)
		if len(once) != len(taken) || len(again) != len(once) {
			t.Fatalf("%d events became %d conversions, and %d when shuffled and repeated", len(taken), len(once), len(again))
		}
		want, got := paid(once), paid(again)
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("paid %v, and %v when shuffled and repeated", want, got)
		}
	})
}

func TestARejectedConversionIsNeverBillable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var requests []*Request
		for n := range rapid.IntRange(1, 6).Draw(t, "events") {
			requests = append(requests, event(n).Draw(t, "event")...)
		}
		for _, r := range requests { // also liars, who say anything in any order
			r.Claim.Status = rapid.SampledFrom([]Status{"", StatusPending, StatusApproved, StatusRejected}).Draw(t, "status")
		}
		for _, c := range decideAll(t, requests) {
			if c.Status.Billable() != (c.Status == StatusApproved) || c.Status == StatusRejected && c.Reason == "" {
				t.Fatalf("%+v", c)
			}
		}
	})
}

func TestNoTwoConversionsClaimTheSameEvent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var requests []*Request
		for n := range rapid.IntRange(1, 20).Draw(t, "requests") {
			requests = append(requests, testRequest(func(r *Request) {
				r.ID = uuid.New()
				r.Claim = Claim{
					ClickID: "X", EventType: rapid.SampledFrom([]string{"lead", "install", "sale"}).Draw(t, "goal"),
					TxID:    rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "txid"),
					EventAt: testNow.Add(-time.Duration(rapid.IntRange(-120, 200).Draw(t, "minutes")) * time.Minute),
					Amount:  Decimal(fmt.Sprint(n % 3)), Currency: "EUR",
				}
			}))
		}
		made := decideAll(t, requests)
		for i, a := range made {
			for _, b := range made[:i] {
				if a.GoalID != b.GoalID {
					continue
				}
				if a.TxID != "" && a.TxID == b.TxID {
					t.Fatalf("txid %s twice", a.TxID)
				}
				// This is the database's exclusion constraint: what breaks it would be
				// decided again for ever.
				if !a.Claims.IsZero() && !b.Claims.IsZero() && a.Claims.Meets(b.Claims) {
					t.Fatalf("%s %v meets %s %v", a.EventType, a.Claims, b.EventType, b.Claims)
				}
			}
		}
	})
}
