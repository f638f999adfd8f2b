package proofback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

const testSecret = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="

func hmacOf(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// signQuery is what a sender of a signed GET does.
func signQuery(query string, at time.Time, secret string) string {
	query += "&sig_time=" + strconv.FormatInt(at.Unix(), 10)
	return query + "&sig=" + hex.EncodeToString(hmacOf([]byte(secret), query))
}

// signWebhook is what a Standard Webhooks library does.
func signWebhook(id string, at time.Time, body string, secret string) *Credentials {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	stamp := strconv.FormatInt(at.Unix(), 10)
	sig := base64.StdEncoding.EncodeToString(hmacOf(key, id+"."+stamp+"."+body))
	return &Credentials{Now: testNow, WebhookID: id, WebhookTimestamp: stamp, WebhookSignature: "v1a,xx v1,Zm9v v1," + sig}
}

func TestARequestMustProveWhoseItIs(t *testing.T) {
	t.Parallel()
	get := func(query string) *PostbackRequest { return &PostbackRequest{Method: "GET", RawQuery: query} }
	post := func(body string) *PostbackRequest { return &PostbackRequest{Method: "POST", Body: []byte(body)} }
	token := func(s string) *Credentials { return &Credentials{Token: s, Now: testNow} }
	now := &Credentials{Now: testNow}
	tests := []struct {
		name  string
		guard Guard
		raw   *PostbackRequest
		cred  *Credentials
		want  Reason
	}{
		{"nothing asked", Guard{Mode: SecurityNone}, get("a=1"), now, ""},
		{"address allowed", Guard{AllowedIPs: prefixes("10.0.0.0/8")}, get(""), &Credentials{Peer: netip.MustParseAddr("10.1.2.3")}, ""},
		{"address not allowed", Guard{AllowedIPs: prefixes("10.0.0.0/8", "2001:db8::/32")}, get(""), &Credentials{Peer: netip.MustParseAddr("11.1.2.3")}, ReasonIPNotAllowed},
		{"no address", Guard{AllowedIPs: prefixes("0.0.0.0/0")}, get(""), now, ReasonIPNotAllowed},
		{"token", Guard{Mode: SecurityToken, Secrets: []string{testSecret}}, get(""), token(testSecret), ""},
		{"old token", Guard{Mode: SecurityToken, Secrets: []string{"new", testSecret}}, get(""), token(testSecret), ""},
		{"wrong token", Guard{Mode: SecurityToken, Secrets: []string{testSecret}}, get(""), token(testSecret + "x"), ReasonTokenInvalid},
		{"no token", Guard{Mode: SecurityToken, Secrets: []string{""}}, get(""), token(""), ReasonTokenInvalid},
		{"no secret to compare with", Guard{Mode: SecurityToken}, get(""), token("x"), ReasonTokenInvalid},
		{"signed query", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1&b=%20", testNow, testSecret)), now, ""},
		{"changed query", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(strings.Replace(signQuery("a=1", testNow, testSecret), "a=1", "a=2", 1)), now, ReasonSignatureInvalid},
		{"something behind sig", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1", testNow, testSecret) + "&a=2"), now, ReasonSignatureInvalid},
		{"sig in capitals", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1", testNow, testSecret)[:24] + strings.ToUpper(signQuery("a=1", testNow, testSecret)[24:])), now, ReasonSignatureInvalid},
		{"no sig", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get("a=1"), now, ReasonSignatureInvalid},
		{"no sig_time", Guard{Mode: SecuritySignature, Secrets: []string{"k"}}, get("a=1&sig=" + hex.EncodeToString(hmacOf([]byte("k"), "a=1"))), now, ReasonSignatureInvalid},
		{"sig_time that is none", Guard{Mode: SecuritySignature, Secrets: []string{"k"}}, get("sig_time=x&sig=" + hex.EncodeToString(hmacOf([]byte("k"), "sig_time=x"))), now, ReasonSignatureInvalid},
		{"old sig", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1", testNow.Add(-301*time.Second), testSecret)), now, ReasonSignatureExpired},
		{"sig of the future", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1", testNow.Add(301*time.Second), testSecret)), now, ReasonSignatureExpired},
		{"sig at the limit", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, get(signQuery("a=1", testNow.Add(-300*time.Second), testSecret)), now, ""},
		{"webhook", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{}"), signWebhook("m1", testNow, "{}", testSecret), ""},
		{"webhook with another body", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{ }"), signWebhook("m1", testNow, "{}", testSecret), ReasonSignatureInvalid},
		{"webhook without headers", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{}"), now, ReasonSignatureInvalid},
		{"old webhook", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{}"), signWebhook("m1", testNow.Add(-time.Hour), "{}", testSecret), ReasonSignatureExpired},
		{"webhook with a long id", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{}"), signWebhook(strings.Repeat("m", 201), testNow, "{}", testSecret), ReasonSignatureInvalid},
		{"webhook with an id that cannot be stored", Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}, post("{}"), signWebhook("m\xff", testNow, "{}", testSecret), ReasonSignatureInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, p := tt.guard.Check(tt.raw, tt.cred)
			var got Reason
			if p != nil {
				got = p.Reason
			}
			if got != tt.want {
				t.Fatalf("got %q (%+v), want %q", got, p, tt.want)
			}
			if p != nil && strings.Contains(p.Detail, testSecret) {
				t.Errorf("%q tells the secret", p.Detail)
			}
		})
	}
}

func TestAReplayIsToldFromARetryByItsTime(t *testing.T) {
	t.Parallel()
	g := Guard{Mode: SecuritySignature, Secrets: []string{testSecret}}
	nonce := func(at time.Time) string {
		n, p := g.Check(&PostbackRequest{Method: "POST", Body: []byte("{}")}, signWebhook("m1", at, "{}", testSecret))
		if p != nil || n == "" {
			t.Fatal(n, p)
		}
		return n
	}
	first, again := nonce(testNow), nonce(testNow)
	if first != again {
		t.Error("the very same request has two nonces")
	}
	if first == nonce(testNow.Add(time.Second)) {
		t.Error("a retry that was signed anew has the nonce of the first")
	}
	f := testFacts()
	f.Replayed = true
	if d := Decide(testRequest(nil), f); d.Reason != ReasonSignatureInvalid || d.Made != nil {
		t.Errorf("a replay is %s", d.Reason)
	}
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
