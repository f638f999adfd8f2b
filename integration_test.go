package proofback

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestStepsOfAnIntegration(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return testNow.Add(time.Duration(minutes) * time.Minute) }
	request := func(minutes int, result Result, reason Reason) *Postback {
		return &Postback{ReceivedAt: at(minutes), Method: "GET", Result: result, Reason: reason, Message: "because " + string(reason)}
	}
	conversion := func(status Status, reason string) *Conversion {
		return &Conversion{ReceivedAt: at(9), EventType: "sale", Status: status, Reason: reason, Test: true}
	}
	refused := request(1, ResultRejected, ReasonUnknownEvent)
	accepted := request(2, ResultAccepted, ReasonAccepted)
	for _, tt := range []struct {
		name   string
		test   IntegrationTest
		states string // of postback, decision and conversion
		says   string // in one of the steps
		passed bool
	}{
		{"nothing came", IntegrationTest{}, "WAITING WAITING WAITING", "no postback has come yet", false},
		{"a request without the click", IntegrationTest{Strays: []*Postback{request(1, ResultRejected, ReasonDamagedClickID)}}, "FAILED WAITING WAITING", "did not name the click (DAMAGED_CLICK_ID): because", false},
		{"a refusal", IntegrationTest{Postbacks: []*Postback{refused}}, "DONE FAILED WAITING", "UNKNOWN_EVENT: because", false},
		{"a request that waits", IntegrationTest{Postbacks: []*Postback{request(1, ResultDeferred, ReasonAwaitingRate)}}, "DONE WAITING WAITING", "named the click", false},
		{"a refusal that keeps a conversion", IntegrationTest{
			Postbacks: []*Postback{request(1, ResultRejected, ReasonBelowThreshold)}, Conversions: []*Conversion{conversion(StatusRejected, "BELOW_THRESHOLD")},
		}, "DONE FAILED FAILED", "rejected: BELOW_THRESHOLD", false},
		{"success", IntegrationTest{Postbacks: []*Postback{accepted}, Conversions: []*Conversion{conversion(StatusPending, "")}}, "DONE DONE DONE", "is pending; being a test, it counts for nothing", true},
		{"success after a mistake, and a mistake after it", IntegrationTest{
			Strays:    []*Postback{refused},
			Postbacks: []*Postback{refused, accepted, refused}, Conversions: []*Conversion{conversion(StatusRejected, "x"), conversion(StatusApproved, "")},
		}, "DONE DONE DONE", "is approved", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test.Click = testClick()
			steps := tt.test.Steps()
			var states []string
			said := false
			for i, s := range steps {
				if i > 0 {
					states = append(states, string(s.State))
				}
				if s.State != StepWaiting && s.At.IsZero() {
					t.Errorf("nobody knows when %s was %s", s.Name, s.State)
				}
				said = said || strings.Contains(s.Detail, tt.says)
			}
			if got := strings.Join(states, " "); got != tt.states || !said || tt.test.Passed() != tt.passed {
				t.Errorf("states %s, want %s; passed %v, says %q: %v; %+v", got, tt.states, tt.test.Passed(), tt.says, said, steps)
			}
		})
	}
}

// What is shown to be fired is what the rules accept, once the secret is put in.
func TestTheShownPostbackIsReadAsItIsMeant(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	test := &IntegrationTest{Click: testClick(), Terms: testTerms(), Advertiser: &Advertiser{
		ID: id(idAdvertiser), PostbackKey: "shop-key", Currency: "EUR",
		ParameterMapping: []NameMapping{{"cid", ParamClickID}, {"order id", ParamTxID}, {"s2", "sub2"}},
	}}
	test.Click.Flags |= FlagTest
	for i := range test.Terms.Goals {
		g := &test.Terms.Goals[i]
		if g.Requires != "" {
			continue
		}
		raw := test.PostbackURL("https://track.example", keys.Encode(test.Click.ID), g)
		u, err := url.Parse(raw)
		if err != nil || u.Path != "/postback/shop-key" || !u.Query().Has("cid") || !u.Query().Has("order id") {
			t.Fatalf("%s, %v", raw, err)
		}
		r := ReadRequest(PostbackRequest{Method: "GET", RawQuery: u.RawQuery}, Credentials{}, Sender{Advertiser: test.Advertiser}, keys)
		r.ReceivedAt = testNow
		f := testFacts()
		f.Click = test.Click
		if d := Decide(&r.Request, f); d.Reason != ReasonAccepted || !d.Made.Test {
			t.Errorf("goal %s: %s %s", g.EventType, d.Reason, d.Message)
		}
	}
	goal := &test.Terms.Goals[0]
	for mode, want := range map[SecurityMode]string{
		SecurityNone:      "",
		SecurityToken:     "&token=YOUR_SECRET",
		SecuritySignature: "&sig_time=UNIX_SECONDS&sig=HMAC_SHA256_OF_THE_QUERY_BEFORE_THIS",
	} {
		test.Advertiser.Security = mode
		raw := test.PostbackURL("https://track.example", "X", goal)
		if _, after, _ := strings.Cut(raw, "currency=EUR"); after != want {
			t.Errorf("%s: %s", mode, raw)
		}
	}
}

func TestATestAndARealEventAreNeverTheSame(t *testing.T) {
	t.Parallel()
	test := testFacts()
	test.Click.Flags |= FlagTest
	made := stored(t, testRequest(nil), test)
	if !made.Test {
		t.Fatal("what came of a test click is not marked")
	}
	real := testFacts(made)
	real.Click.ID = id(idOther)
	if d := Decide(testRequest(nil), real); d.Reason != ReasonAccepted || d.Made.Test {
		t.Errorf("a real event under a test's transaction id: %s %s", d.Reason, d.Message)
	}
	test.Known = []*Conversion{made}
	if d := Decide(testRequest(nil), test); d.Reason != ReasonDuplicate {
		t.Errorf("the test again: %s", d.Reason)
	}
}

func TestATestCountsForNoCap(t *testing.T) {
	t.Parallel()
	f := testFacts()
	f.Caps = []CapUse{{Cap: Cap{Metric: CapConversions, Period: CapDaily, Limit: "1"}, Used: "1"}}
	if d := Decide(testRequest(nil), f); d.Reason != ReasonCapReached {
		t.Fatalf("a real event over the cap: %s", d.Reason)
	}
	f.Click.Flags |= FlagTest
	d := Decide(testRequest(nil), f)
	if d.Reason != ReasonAccepted {
		t.Fatalf("a test over the cap: %s %s", d.Reason, d.Message)
	}
	for _, metric := range []CapMetric{CapConversions, CapPayout} {
		if n, known := d.Made.Takes(metric); n.Sign() != 0 || !known {
			t.Errorf("it takes %s of %s", n, metric)
		}
	}
}
