package proofback

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The log goes by the numbers, so the file may only grow, at its end.
func TestANumberMeansTheSameSentenceForEver(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/check-phrases.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for n, p := range phrases {
		if n > 0 {
			fmt.Fprintf(&got, "%d %s: %s\n", n, p.check, p.sentence)
		}
	}
	if got.String() != string(want) {
		t.Errorf("the phrases are not those that the log goes by:\n%s", got.String())
	}
}

// What Decide says must be found again, or rows grow unseen.
func TestEveryCheckThatPassesSaysAPhrase(t *testing.T) {
	t.Parallel()
	event := func(name string) func(*Request) { return func(r *Request) { r.Claim.EventType = name } }
	known := func(t *testing.T, f *Facts) { f.Known = []*Conversion{stored(t, testRequest(nil), testFacts())} }
	met := map[int]bool{}
	for _, tt := range []struct {
		request func(*Request)
		facts   func(*testing.T, *Facts)
	}{
		{},
		{request: func(r *Request) { r.Mode = SecurityNone }},
		{request: func(r *Request) { r.Mode = SecurityToken }},
		{request: func(r *Request) { r.Claim.Status = StatusApproved }, facts: known},
		{request: event("install")},
		{request: event("lead"), facts: func(_ *testing.T, f *Facts) { f.Click.At = testNow.Add(time.Minute) }},
		{request: func(r *Request) { r.Claim.EventType, r.Claim.Payout, r.Claim.Revenue = "deposit", "30", "40" }},
		{request: event("upsell"), facts: func(t *testing.T, f *Facts) {
			f.Known = []*Conversion{stored(t, testRequest(event("lead")), testFacts())}
		}},
		{facts: func(_ *testing.T, f *Facts) {
			f.Caps = []CapUse{{Cap: Cap{Metric: CapConversions, Period: CapTotal, Limit: "5"}, Used: "1"}}
		}},
		{facts: func(_ *testing.T, f *Facts) {
			f.Click.Flags |= FlagTest
			f.Caps = []CapUse{{Cap: Cap{Metric: CapConversions, Period: CapTotal, Limit: "5"}, Used: "1"}}
		}},
		{facts: func(_ *testing.T, f *Facts) { f.Books.ClosedTo = testNow.Add(time.Hour) }},
	} {
		f := testFacts()
		if tt.facts != nil {
			tt.facts(t, f)
		}
		for _, c := range Decide(testRequest(tt.request), f).Checks {
			n, _ := phraseOf(&c, 0, nil)
			if c.Passed && n == 0 {
				t.Errorf("%s: %q has no number", c.Name, c.Detail)
			}
			met[n] = true
		}
	}
	for n, p := range phrases {
		if n > 0 && !met[n] {
			t.Errorf("nothing says %d %s: %s", n, p.check, p.sentence)
		}
	}
}
