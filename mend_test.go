package proofback

import (
	"strings"
	"testing"
	"time"
)

// Whoever integrates has nothing but the message: it says what was seen and how to
// mend it.
func TestMessagesSayHowToMendIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*Request, *Facts)
		want string
	}{
		"a goal in another case": {
			func(r *Request, _ *Facts) { r.Claim.EventType = "SALE" },
			`no goal "SALE", but "sale"`,
		},
		"no such goal": {
			func(r *Request, _ *Facts) { r.Claim.EventType = "purchase" },
			"its goals are sale, lead",
		},
		"before its click, within one second": {
			func(r *Request, f *Facts) {
				f.Click.At = testNow.Add(900 * time.Millisecond)
				r.Claim.EventAt = testNow.Add(500 * time.Millisecond)
				r.ReceivedAt = testNow.Add(time.Second)
			},
			"the event (2026-03-10T12:00:00.5Z) was before its click (2026-03-10T12:00:00.9Z)",
		},
		"too late": {
			func(_ *Request, f *Facts) { f.Click.At = testNow.Add(-72 * time.Hour) },
			"ask the network for a longer window",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := testRequest(nil), testFacts()
			tt.edit(r, f)
			if d := Decide(r, f); !strings.Contains(d.Message, tt.want) {
				t.Errorf("%s: %q, want %q in it", d.Reason, d.Message, tt.want)
			}
		})
	}
}

func TestProblemsOfARequestSayHowToMendThem(t *testing.T) {
	t.Parallel()
	zipped := post("", jsonType, "\x1f\x8b\x08")
	zipped.ContentEncoding = "gzip"
	plain := post("", jsonType, `{"txid": "1"`)
	plain.ContentEncoding = "Identity"
	for name, tt := range map[string]struct {
		req    PostbackRequest
		reason Reason
		want   string
	}{
		"a zipped body":         {zipped, ReasonUnsupportedMediaType, `Content-Encoding "gzip" cannot be read: send it uncompressed`},
		"one that is not":       {plain, ReasonBadRequest, "names and texts in double quotes"},
		"something behind JSON": {post("", jsonType, `{"txid":"1"}{}`), ReasonBadRequest, "send one event a request"},
		"a broken escape":       {get("txid=%zz"), ReasonBadRequest, "write a percent sign as %25"},
		"Latin-1":               {get("txid=%FC"), ReasonBadRequest, "send all text in UTF-8"},
		"a NUL":                 {get("txid=a%00"), ReasonBadRequest, "leave it out"},
		"a novel":               {get("txid=" + strings.Repeat("x", 2001)), ReasonBadRequest, "longer than 2000 bytes: shorten it"},
		"too many":              {get(strings.Repeat("a=b&", 101)), ReasonBadRequest, "send only those that are needed"},
		"a macro":               {get("txid={order}"), ReasonUnresolvedMacro, "leave the parameter out"},
		"one thing twice":       {get("txid=1&event_id=2"), ReasonConflictingParameters, "send one of them"},
		"one name twice":        {get("txid=1&txid=2"), ReasonConflictingParameters, "send it once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := ReadPostback(tt.req)
			if len(problems) != 1 || problems[0].Reason != tt.reason || !strings.Contains(problems[0].Detail, tt.want) {
				t.Errorf("got %+v, want %s with %q in it", problems, tt.reason, tt.want)
			}
		})
	}
}

// A secret with a plus, pasted into a URL as it is, arrives with a blank, or is
// trimmed: it is known all the same, and nothing else is.
func TestATokenWithAPlusThatWasNotEncoded(t *testing.T) {
	t.Parallel()
	const secret = "whsec_ab+cd/ef+"
	g := Guard{Mode: SecurityToken, Secrets: []string{secret}}
	for token, want := range map[string]bool{
		secret: true, "whsec_ab cd/ef": true, "whsec_ab cd/ef+": false, "whsec_abcd/ef": false, "whsec_ab cd/e": false,
	} {
		if p := g.checkToken(token); (p == nil) != want {
			t.Errorf("%q: %+v", token, p)
		}
	}
	if p := g.checkToken("{token}"); p == nil || !strings.Contains(p.Detail, "still a macro") {
		t.Errorf("got %+v", p)
	}
}

func TestASignatureInMillisecondsIsToldSo(t *testing.T) {
	t.Parallel()
	p := checkSignatureTime(ParamSigTime, "1773144000000", testNow)
	if p == nil || p.Reason != ReasonSignatureExpired || !strings.Contains(p.Detail, "such as 1773144000, not milliseconds") {
		t.Errorf("got %+v", p)
	}
}

// Standard Webhooks sign a body. What stands beside it in the query proves nothing.
func TestWhatASignedPOSTSaysInItsQueryIsNotSigned(t *testing.T) {
	t.Parallel()
	g := Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}
	const body = `{"txid": "1", "st": "approved"}`
	for query, want := range map[string]string{
		"":                          "",
		"status=approved":           "", // the body says the same
		"utm_source=x&token=y&s2=z": "", // nothing that counts
		"status=rejected":           "status",
		"txid=1&amount=5":           "amount",
		"st=rejected":               "st",
	} {
		req := post(query, jsonType, body)
		req.Mapping = []NameMapping{{From: "st", To: ParamStatus}}
		nonce, p := g.Check(&req, signWebhook("m1", testNow, body, testSecret))
		switch {
		case want == "" && (p != nil || nonce == ""):
			t.Errorf("%q: %+v", query, p)
		case want != "" && (p == nil || p.Reason != ReasonSignatureInvalid || p.Parameter != want || nonce != ""):
			t.Errorf("%q: got %+v, %q, want it refused for %s", query, p, nonce, want)
		}
	}
	unsigned := post("txid=1&event_type=sale", "", "")
	if _, p := g.Check(&unsigned, signWebhook("m2", testNow, "", testSecret)); p == nil {
		t.Error("the signature of an empty body stands for a whole query")
	}
}
