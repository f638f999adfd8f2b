package proofback

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// StrayWindow is for how long after a test of an integration was started the
// advertiser's requests that name no click are taken to belong to it.
const StrayWindow = time.Hour

// IntegrationTest is a try of an advertiser's integration from click to
// conversion, with a click that nobody followed a link for. Its click's key is the
// test's own.
type IntegrationTest struct {
	Click      *Click
	Advertiser *Advertiser
	Terms      *Terms // the click's
	// Postbacks are the requests about the click; Strays those of the advertiser
	// that came within StrayWindow and named no click. Conversions are what was
	// made. All oldest first.
	Postbacks   []*Postback
	Strays      []*Postback
	Conversions []*Conversion
}

// StepName names a step of an integration.
type StepName string

// The steps stand in the order in which they happen.
const (
	StepClick      StepName = "CLICK_MADE"
	StepPostback   StepName = "POSTBACK_RECEIVED"
	StepDecision   StepName = "POSTBACK_COUNTED"
	StepConversion StepName = "CONVERSION_MADE"
)

// StepState is where a step stands.
type StepState string

const (
	StepDone    StepState = "DONE"
	StepWaiting StepState = "WAITING"
	StepFailed  StepState = "FAILED" // it may yet succeed, with another request
)

// Step is one step of an integration, as far as it has come.
type Step struct {
	Name   StepName
	State  StepState
	At     time.Time // zero while it waits
	Detail string
}

// Passed reports whether every step is done.
func (t *IntegrationTest) Passed() bool {
	for _, s := range t.Steps() {
		if s.State != StepDone {
			return false
		}
	}
	return true
}

// Steps tells how far the test has come. Of several requests the first one that
// counted tells, else the last.
func (t *IntegrationTest) Steps() []Step {
	return []Step{
		{StepClick, StepDone, t.Click.At, "a test click was made: send its id back with a postback"},
		t.postbackStep(),
		t.decisionStep(),
		t.conversionStep(),
	}
}

func (t *IntegrationTest) postbackStep() Step {
	s := Step{Name: StepPostback, State: StepWaiting, Detail: "no postback has come yet: fire the one that is shown, or have your server fire it"}
	switch {
	case len(t.Postbacks) > 0:
		first := t.Postbacks[0]
		s.State, s.At = StepDone, first.ReceivedAt
		s.Detail = fmt.Sprintf("a %s request came and named the click", first.Method)
	case len(t.Strays) > 0:
		last := t.Strays[len(t.Strays)-1]
		s.State, s.At = StepFailed, last.ReceivedAt
		s.Detail = fmt.Sprintf("a %s request came, but did not name the click (%s): %s", last.Method, last.Reason, last.Message)
	}
	return s
}

func (t *IntegrationTest) decisionStep() Step {
	p := t.telling()
	if p == nil {
		return Step{Name: StepDecision, State: StepWaiting, Detail: "it is judged when it comes"}
	}
	s := Step{Name: StepDecision, State: StepDone, At: p.ReceivedAt, Detail: fmt.Sprintf("%s: %s", p.Reason, p.Message)}
	switch p.Result {
	case ResultRejected:
		s.State = StepFailed
	case ResultDeferred:
		s.State = StepWaiting
	}
	return s
}

// telling is the request whose decision is told.
func (t *IntegrationTest) telling() *Postback {
	for _, p := range t.Postbacks {
		if p.Result != ResultRejected && p.Result != ResultDeferred {
			return p
		}
	}
	if n := len(t.Postbacks); n > 0 {
		return t.Postbacks[n-1]
	}
	return nil
}

func (t *IntegrationTest) conversionStep() Step {
	s := Step{Name: StepConversion, State: StepWaiting, Detail: "it is made when a postback counts"}
	for _, c := range t.Conversions {
		s.At = c.ReceivedAt
		if c.Status != StatusRejected {
			s.State = StepDone
			s.Detail = fmt.Sprintf("a conversion of goal %q was made, and is %s; being a test, it counts for nothing", c.EventType, c.Status.Word())
			return s
		}
		s.State = StepFailed
		s.Detail = fmt.Sprintf("the conversion of goal %q is rejected: %s", c.EventType, c.Reason)
	}
	return s
}

// PostbackURL is the request to fire for one of the goals, in the advertiser's own
// names and ready to be sent but for what takes the advertiser's secret, which is
// left for it to put in.
func (t *IntegrationTest) PostbackURL(publicURL, clickID string, g *Goal) string {
	a := t.Advertiser
	own := a.ownNames()
	var b strings.Builder
	b.WriteString(a.endpoint(publicURL))
	separator := byte('?')
	add := func(name, value string) {
		sent := a.nameOf(name, own)
		if sent == "" {
			return
		}
		b.WriteByte(separator)
		b.WriteString(url.QueryEscape(sent) + "=" + url.QueryEscape(value))
		separator = '&'
	}
	id := t.Click.ID.String()
	add(ParamClickID, clickID)
	add(ParamTxID, "test-"+id[len(id)-12:])
	add(ParamEventType, g.EventType)
	add(ParamAmount, string(cmp.Or(g.MinimumAmount.Amount, "100")))
	if g.Payout.Model == PricePostback {
		add(ParamPayout, "10")
	}
	if g.Revenue.Model == PricePostback {
		add(ParamRevenue, "15")
	}
	add(ParamCurrency, cmp.Or(g.MinimumAmount.Currency, g.Revenue.Currency, g.Payout.Currency, a.Currency))
	switch a.Security {
	case SecurityToken:
		add(ParamToken, "YOUR_SECRET")
	case SecuritySignature:
		add(ParamSigTime, "UNIX_SECONDS")
		add(ParamSig, "HMAC_SHA256_OF_THE_QUERY_BEFORE_THIS")
	}
	return b.String()
}
