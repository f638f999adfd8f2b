package main_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The README's worked example: from a click to a sale that is approved, told to
// the affiliate, and explained to everybody.
func TestFromOneClickToOneConversionThatIsPaid(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)

	c, err := dial(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sentOn, err := c.get("/c/demo?sub1=readme")
	if err != nil || sentOn.status != 302 {
		t.Fatalf("the click got %+v, %v", sentOn, err)
	}
	click := sentOn.clickID()
	if _, page := p.get(strings.TrimPrefix(sentOn.location, p.url)); !strings.Contains(page, click) {
		t.Error("the landing page does not show the click id")
	}

	sale := url.Values{"click_id": {click}, "event_type": {"sale"}, "txid": {"ORDER-1001"}, "amount": {"49.90"}, "currency": {"EUR"}}
	status, body := p.get("/postback?" + sale.Encode())
	var decided struct {
		Result       string
		Status       string
		ConversionID string `json:"conversion_id"`
	}
	if err := json.Unmarshal([]byte(body), &decided); err != nil || status != 200 || decided.Result != "accepted" || decided.Status != "pending" {
		t.Fatalf("the postback got %d %s", status, body)
	}

	var approved struct {
		ApproveConversions struct {
			Conversions []struct{ ID, Status string }
			UserErrors  []struct{ Message string }
		}
	}
	manager := p.signIn("manager@demo.example")
	p.graphql(manager, `mutation($input: ApproveConversionsInput!) {
		approveConversions(input: $input) { conversions { id status } userErrors { message } }
	}`, map[string]any{"input": map[string]any{"ids": []string{decided.ConversionID}}}, &approved)
	if moved := approved.ApproveConversions.Conversions; len(moved) != 1 || moved[0].Status != "APPROVED" {
		t.Fatalf("approving got %+v", approved)
	}

	for _, state := range []string{"pending", "approved"} {
		eventually(t, "the affiliate is told "+state, func() bool {
			_, sink := p.get("/demo/sink")
			return strings.Contains(sink, "cid="+click+"&tx=ORDER-1001&goal=sale&state="+state+"&pay=4.49&cur=EUR")
		})
	}
	wantStory(t, p, manager, click)
	wantAffiliatesStory(t, p, click)
}

const traceQuery = `query($by: TraceBy!) { trace(by: $by) {
	click { clickId subs { index value } }
	postbacks { result reason checks { name passed } }
	conversions {
		status transactionId
		payout { amount } revenue { amount }
		transitions { from to by }
		deliveries { status event { status } attempts { outcome responseStatus } }
	}
	timeline { kind summary }
} }`

type money struct{ Amount string }

type story struct {
	Trace struct {
		Click     struct{ ClickID string }
		Postbacks []struct {
			Result, Reason string
			Checks         []struct {
				Name   string
				Passed bool
			}
		}
		Conversions []struct {
			Status, TransactionID string
			Payout, Revenue       *money
			Transitions           []struct{ From, To, By string }
			Deliveries            []struct {
				Status   string
				Attempts []struct{ Outcome string }
			}
		}
		Timeline []struct{ Kind, Summary string }
	}
}

func trace(p *process, token, click string) story {
	p.t.Helper()
	var got story
	p.graphql(token, traceQuery, map[string]any{"by": map[string]any{"clickId": click}}, &got)
	return got
}

func wantStory(t *testing.T, p *process, token, click string) {
	t.Helper()
	var got story
	eventually(t, "both deliveries are in the trace", func() bool {
		got = trace(p, token, click)
		return strings.Count(timeline(got), "ATTEMPT") == 2
	})
	if got.Trace.Click.ClickID != click || len(got.Trace.Postbacks) != 1 || len(got.Trace.Conversions) != 1 {
		t.Fatalf("the story is %+v", got)
	}
	if pb := got.Trace.Postbacks[0]; pb.Reason != "ACCEPTED" || len(pb.Checks) < 8 {
		t.Errorf("the postback is told as %+v", pb)
	}
	c := got.Trace.Conversions[0]
	if c.Status != "APPROVED" || c.Payout == nil || c.Payout.Amount != "4.49" || c.Revenue == nil || c.Revenue.Amount != "6.49" {
		t.Errorf("the conversion is told as %+v", c)
	}
	if len(c.Transitions) != 2 || c.Transitions[1].By != "manager@demo.example" {
		t.Errorf("its moves are told as %+v", c.Transitions)
	}
	if len(c.Deliveries) != 2 || c.Deliveries[0].Status != "DELIVERED" || c.Deliveries[1].Status != "DELIVERED" {
		t.Errorf("its deliveries are told as %+v", c.Deliveries)
	}
}

func timeline(s story) string {
	var kinds []string
	for _, m := range s.Trace.Timeline {
		kinds = append(kinds, m.Kind)
	}
	return strings.Join(kinds, " ")
}

// wantAffiliatesStory wants the affiliate to be told what it earns, and not what
// the network does.
func wantAffiliatesStory(t *testing.T, p *process, click string) {
	t.Helper()
	got := trace(p, p.signIn("fjell@demo.example"), click)
	if len(got.Trace.Conversions) != 1 {
		t.Fatalf("the story is %+v", got)
	}
	c := got.Trace.Conversions[0]
	if c.Payout == nil || c.Payout.Amount != "4.49" || c.Revenue != nil {
		t.Errorf("the conversion is told as %+v", c)
	}
	if slices.ContainsFunc(c.Transitions, func(m struct{ From, To, By string }) bool { return strings.Contains(m.By, "@") }) {
		t.Errorf("it is told who moved it: %+v", c.Transitions)
	}
}
