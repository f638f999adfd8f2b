package proofback

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestTheLogKeepsWhatCannotBeToldFromTheRow(t *testing.T) {
	t.Parallel()
	p := Postback{
		ID: id(idRequest), Method: "GET", Result: ResultRejected, Reason: ReasonOutsideWindow, Message: "too late", ConversionID: id(idOther),
		URL: "/postback?click_id=X&transaction_id=t-1&amount=9%2C90&sum=5&x=••&last",
		Parameters: []Parameter{
			{"click_id", "X", "click_id"},
			{"transaction_id", "t-1", "txid"},
			{"amount", "9,90", "amount"},
			{"sum", "5", "amount"},
			{"x", "secret", ""},
			{"last", "", "last"},
			{"event", "sale", "event_type"},
		},
		Checks: []Check{
			{"request", true, "every parameter could be read, none is a macro that was not filled in"},
			{"event", true, `goal "sale"`},
			{"window", true, "20m0s after the click, within 48h0m0s"},
			{"offer", true, "another sentence"},
			{"window", false, "too late"},
			{"same_event", false, "the event is new"},
		},
	}
	p.ResponseBody = string(p.AppendAnswer(nil, "rejected"))
	for _, tt := range [][2]string{
		{string(p.AppendKeptParameters(nil)), `[1,"txid",["amount","9,90"],"amount",["x","secret",""],1,["event","sale","event_type"]]`},
		{string(p.AppendKeptChecks(nil)), `[3,[7,"sale"],[14,"20m0s","48h0m0s"],{"name":"offer","passed":true,"detail":"another sentence"},["window"],["same_event","the event is new"]]`},
		{p.KeptAnswer(), "rejected"},
	} {
		if tt[0] != tt[1] {
			t.Errorf("kept %s, and not %s", tt[0], tt[1])
		}
	}
	reread(t, &p)
	p.ResponseBody = `{"result":"rejected"}`
	if kept := p.KeptAnswer(); kept != p.ResponseBody {
		t.Errorf("another answer is kept as %q", kept)
	}
	reread(t, &p)
}

// reread fails unless what the log keeps of p yields p.
func reread(t interface {
	Helper()
	Errorf(string, ...any)
}, p *Postback,
) {
	t.Helper()
	parameters, checks := p.AppendKeptParameters(nil), p.AppendKeptChecks(nil)
	got := *p
	got.Parameters, got.Checks, got.ResponseBody = nil, nil, ""
	err := got.ReadKept(string(parameters), string(checks), p.KeptAnswer())
	if diff := cmp.Diff(*p, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%s %s: %v (-decided +read):\n%s", parameters, checks, err, diff)
	}
}

// drawPostback draws requests of which much, but not all, is as usual.
func drawPostback(t *rapid.T) *Postback {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`), rapid.SampledFrom([]string{"", "click_id", "a=b", "a&b", "9.90", "%41"}))
	p := &Postback{
		ID: uuid.UUID{1}, Result: ResultAccepted, Reason: ReasonAccepted,
		URL: rapid.SampledFrom([]string{"/postback?", "/postback", "/postback??", "/postback?&"}).Draw(t, "url"), Message: text.Draw(t, "message"),
	}
	if rapid.Bool().Draw(t, "made") {
		p.ConversionID = uuid.UUID{2}
	}
	p.ResponseBody = string(p.AppendAnswer(nil, rapid.SampledFrom([]string{"", "pending", "approved", "rejected", `odd","status":"x`}).Draw(t, "status")))
	if rapid.Bool().Draw(t, "another answer") {
		p.ResponseBody = "{" + rapid.OneOf(text, rapid.Just(p.ResponseBody)).Draw(t, "answer")
	}
	for range rapid.IntRange(0, 6).Draw(t, "parameters") {
		param := Parameter{text.Draw(t, "name"), text.Draw(t, "value"), ""}
		param.Canonical = rapid.OneOf(rapid.Just(param.Name), text).Draw(t, "canonical")
		p.Parameters = append(p.Parameters, param)
		switch rapid.IntRange(0, 3).Draw(t, "in the url") {
		case 0, 1:
			p.URL += param.Name + "=" + param.Value + "&"
		case 2:
			p.URL += url.QueryEscape(param.Name) + "=" + url.QueryEscape(param.Value) + "&"
		}
	}
	for range rapid.IntRange(0, 6).Draw(t, "checks") {
		n := rapid.IntRange(1, len(phrases)-1).Draw(t, "phrase")
		places := rapid.SliceOfN(rapid.OneOf(text, rapid.SampledFrom(phraseTexts[n])), len(phraseTexts[n])-1, len(phraseTexts[n])-1).Draw(t, "places")
		c, err := sayPhrase(n, places)
		if err != nil {
			t.Fatal(err)
		}
		switch rapid.IntRange(0, 7).Draw(t, "as usual") {
		case 0:
			c.Name = text.Draw(t, "name")
		case 1:
			c.Detail = text.Draw(t, "detail")
		case 2:
			c.Passed = false
		case 3:
			c.Passed, c.Detail = false, p.Message
		}
		p.Checks = append(p.Checks, c)
	}
	return p
}

func TestWhateverIsDecidedIsReadAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { reread(t, drawPostback(t)) })
}

func TestRowsOfOlderVersionsAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPostback(t)
		parameters, _ := json.Marshal(p.Parameters)
		checks, _ := json.Marshal(p.Checks)
		got := *p
		got.Parameters, got.Checks, got.ResponseBody = nil, nil, ""
		err := got.ReadKept(string(parameters), string(checks), p.ResponseBody)
		if diff := cmp.Diff(*p, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v (-decided +read):\n%s", err, diff)
		}
	})
}

func TestRowsOfNewerVersionsAreReadAsFarAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	var p Postback
	if err := p.ReadKept(`[]`, `[4,[999,"so"]]`, ""); err != nil || len(p.Checks) != 2 || !p.Checks[1].Passed || !strings.Contains(p.Checks[1].Detail, `"so"`) {
		t.Errorf("%+v, %v", p.Checks, err)
	}
}

func TestOtherThingsInTheLogAreRefused(t *testing.T) {
	t.Parallel()
	for _, kept := range []string{`[0]`, `[-1]`, `[3]`, `["a","b","c"]`, `[["a"]]`, `[["a","b","c","d"]]`, `[[1,2]]`, `[1.5]`, `[true]`, `[null]`, `{}`, `x`, ``} {
		p := Postback{URL: "/postback?a=1&b=2"}
		if err := p.ReadKept(kept, `[]`, ""); err == nil {
			t.Errorf("parameters %s are %+v", kept, p.Parameters)
		}
	}
	for _, kept := range []string{`[0]`, `[-1]`, `[6]`, `[[3,"a"]]`, `[[]]`, `[["a","b","c"]]`, `[[6,7]]`, `[1.5]`, `["a"]`, `[null]`, `[[null]]`, `{}`, `x`, ``} {
		var p Postback
		if err := p.ReadKept(`[]`, kept, ""); err == nil {
			t.Errorf("checks %s are %+v", kept, p.Checks)
		}
	}
}

func FuzzReadKept(f *testing.F) {
	f.Add("/postback?click_id=X&txid=1", `[1,"txid"]`, `[3,[6,"2026-11-01T10:00:00Z"],["window"]]`, "too late", "pending")
	f.Add("/postback", `[["a","b"],{"name":"x","value":"y"}]`, `[{"name":"a","passed":true,"detail":"b"},["c","d"]]`, "", "{}")
	f.Fuzz(func(t *testing.T, url, parameters, checks, message, answer string) {
		p := Postback{URL: url, Message: message}
		if p.ReadKept(parameters, checks, answer) == nil && strings.HasPrefix(p.ResponseBody, "{") {
			reread(t, &p)
		}
	})
}

func BenchmarkKeep(b *testing.B) {
	p := Postback{
		ID: id(idRequest), Result: ResultAccepted, Reason: ReasonAccepted, Message: `stored as a new pending conversion of goal "sale"`, ConversionID: id(idOther),
		URL: "/postback?click_id=Z06H06HFEYSSHX8S06922A1T6KNYHYGERGRS49ZY&event_type=sale&txid=1-123456&amount=39.90&currency=EUR",
		Parameters: []Parameter{
			{"click_id", "Z06H06HFEYSSHX8S06922A1T6KNYHYGERGRS49ZY", "click_id"},
			{"event_type", "sale", "event_type"},
			{"txid", "1-123456", "txid"},
			{"amount", "39.90", "amount"},
			{"currency", "EUR", "currency"},
		},
		Checks: Decide(testRequest(func(r *Request) { r.Mode = SecurityNone }), testFacts()).Checks,
	}
	p.ResponseBody = string(p.AppendAnswer(nil, "pending"))
	kept := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		kept = p.AppendKeptChecks(p.AppendKeptParameters(kept[:0]))
		kept = append(kept, p.KeptAnswer()...)
	}
	b.ReportMetric(float64(len(kept)), "B/row")
}
