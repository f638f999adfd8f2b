package proofback

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// signatureTolerance is how far a signature's time may be from ours, either way
// (Standard Webhooks recommends it).
const signatureTolerance = 5 * time.Minute

// Credentials are what a request shows to prove whose it is.
type Credentials struct {
	Peer netip.Addr
	// Token is the parameter of that name, or the header X-Postback-Token.
	Token string
	// The headers of Standard Webhooks, for a signed POST.
	WebhookID, WebhookTimestamp, WebhookSignature string
	Now                                           time.Time
}

// Guard is an advertiser's demands on its own requests.
type Guard struct {
	Mode       SecurityMode
	AllowedIPs []netip.Prefix
	// Secrets are those in force: the current one, and the old one for as long as
	// a rotation lets it overlap.
	Secrets []string
}

// Check refuses a request that does not prove to be the advertiser's. nonce is
// what must not come twice: a signed POST is refused when the very same one,
// with the same time, was seen before. A retry is signed anew and passes.
func (g *Guard) Check(raw *PostbackRequest, c *Credentials) (nonce string, problem *Problem) {
	if p := g.checkAddress(c.Peer); p != nil {
		return "", p
	}
	switch {
	case g.Mode == SecurityToken:
		return "", g.checkToken(c.Token)
	case g.Mode == SecuritySignature && raw.Method == "GET":
		return "", g.checkQuery(raw.RawQuery, c.Now)
	case g.Mode == SecuritySignature:
		return g.checkWebhook(raw, c)
	}
	return "", nil
}

func (g *Guard) checkAddress(peer netip.Addr) *Problem {
	if len(g.AllowedIPs) == 0 {
		return nil
	}
	for _, allowed := range g.AllowedIPs {
		if allowed.Contains(peer) {
			return nil
		}
	}
	return refusal(ReasonIPNotAllowed, "", "requests of this advertiser may not come from %s: ask the network to add the address, or name the proxy in front of it as trusted", peer)
}

func (g *Guard) checkToken(token string) *Problem {
	if token == "" {
		return refusal(ReasonTokenInvalid, ParamToken, "there is no token: send the advertiser's secret as token, or in the header X-Postback-Token")
	}
	for _, secret := range g.Secrets {
		// A plus that stands in a URL as it is arrives as a blank, and is trimmed at the end.
		unescaped := strings.TrimSpace(strings.ReplaceAll(secret, "+", " "))
		if subtle.ConstantTimeCompare([]byte(token), []byte(secret))|subtle.ConstantTimeCompare([]byte(token), []byte(unescaped)) == 1 {
			return nil
		}
	}
	if UnresolvedMacro(token) {
		return refusal(ReasonTokenInvalid, ParamToken, "the token is still a macro: put the advertiser's secret in its place")
	}
	return refusal(ReasonTokenInvalid, ParamToken, "the token is not the advertiser's secret: send the secret as it was shown, and the new one after a rotation")
}

// checkQuery checks a signed GET: sig, the last parameter, is the hex HMAC of
// the raw query before it, which holds sig_time.
func (g *Guard) checkQuery(query string, now time.Time) *Problem {
	at := strings.LastIndex(query, "&sig=")
	if at < 0 {
		return refusal(ReasonSignatureInvalid, ParamSig, "there is no signature: sign the query and append &sig= with the HMAC-SHA256 in hex, as its last parameter")
	}
	signed, sig := query[:at], query[at+len("&sig="):]
	if strings.Contains(sig, "&") {
		return refusal(ReasonSignatureInvalid, ParamSig, "sig must be the last parameter: what comes after it is not signed")
	}
	mac, err := hex.DecodeString(sig)
	if err != nil || strings.ToLower(sig) != sig || !g.signed([]byte(signed), mac) {
		return refusal(ReasonSignatureInvalid, ParamSig, "the signature does not fit: sign the raw query before &sig= with HMAC-SHA256 and the advertiser's secret, in lower-case hex")
	}
	var sent string
	for pair := range strings.SplitSeq(signed, "&") {
		if v, ok := strings.CutPrefix(pair, "sig_time="); ok {
			sent = v
		}
	}
	if sent == "" {
		return refusal(ReasonSignatureInvalid, ParamSigTime, "there is no sig_time: add it in Unix seconds before signing")
	}
	return checkSignatureTime(ParamSigTime, sent, now)
}

// checkWebhook checks a POST signed as Standard Webhooks says.
func (g *Guard) checkWebhook(raw *PostbackRequest, c *Credentials) (string, *Problem) {
	if c.WebhookID == "" || c.WebhookTimestamp == "" || c.WebhookSignature == "" {
		return "", refusal(ReasonSignatureInvalid, "", "there is no signature: send webhook-id, webhook-timestamp and webhook-signature as Standard Webhooks says")
	}
	if len(c.WebhookID) > 200 {
		return "", refusal(ReasonSignatureInvalid, "", "the webhook-id is longer than 200 bytes: send a shorter one")
	}
	if !utf8.ValidString(c.WebhookID) {
		return "", refusal(ReasonSignatureInvalid, "", "the webhook-id is not valid UTF-8: make it of letters and digits")
	}
	signed := []byte(c.WebhookID + "." + c.WebhookTimestamp + "." + string(raw.Body))
	fits := false
	for part := range strings.FieldsSeq(c.WebhookSignature) {
		encoded, ok := strings.CutPrefix(part, "v1,")
		if mac, err := base64.StdEncoding.DecodeString(encoded); ok && err == nil && g.signed(signed, mac) {
			fits = true
		}
	}
	if !fits {
		return "", refusal(ReasonSignatureInvalid, "", "the signature does not fit: sign webhook-id, webhook-timestamp and the raw body as Standard Webhooks says, with the advertiser's secret")
	}
	if p := checkSignatureTime("webhook-timestamp", c.WebhookTimestamp, c.Now); p != nil {
		return "", p
	}
	if name := raw.unsigned(); name != "" {
		return "", refusal(ReasonSignatureInvalid, name, "parameter %q stands in the query alone, which the signature of a POST does not cover: send it in the body", name)
	}
	return c.WebhookTimestamp + " " + c.WebhookID, nil
}

// unsigned names a parameter that the query of a POST says and its body does not:
// Standard Webhooks sign the body alone, and whoever changes the query changes
// nothing that is signed. "" when there is none.
func (req *PostbackRequest) unsigned() string {
	query, _ := ReadPostback(PostbackRequest{Method: "GET", RawQuery: req.RawQuery, Mapping: req.Mapping})
	body := *req
	body.RawQuery = ""
	signed, _ := ReadPostback(body)
	for _, p := range query.All {
		switch p.Canonical {
		case "", ParamToken, ParamSig, ParamSigTime: // they say nothing of the event
		default:
			if p.Value != "" && p.Value != signed.Get(p.Canonical) {
				return p.Name
			}
		}
	}
	return ""
}

// signed reports whether mac is the HMAC-SHA256 of message under a secret in
// force. The key is the secret as it was shown or, as Standard Webhooks has it,
// what stands behind its prefix in base64.
func (g *Guard) signed(message, mac []byte) bool {
	fits := false
	for _, secret := range g.Secrets {
		keys := [][]byte{[]byte(secret)}
		if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
			if key, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			h := hmac.New(sha256.New, key)
			h.Write(message)
			if hmac.Equal(h.Sum(nil), mac) {
				fits = true
			}
		}
	}
	return fits
}

func checkSignatureTime(name, value string, now time.Time) *Problem {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return refusal(ReasonSignatureInvalid, name, "%s is %s: send Unix seconds, such as %d", name, shown(value), now.Unix())
	}
	if seconds >= minTimestamp.UnixMilli() || seconds < minTimestamp.Unix() {
		return refusal(ReasonSignatureExpired, name, "%s is %d, which is no time of these years in seconds: send Unix seconds, such as %d, not milliseconds", name, seconds, now.Unix())
	}
	off := now.Sub(time.Unix(seconds, 0))
	if off > signatureTolerance || off < -signatureTolerance {
		return refusal(ReasonSignatureExpired, name, "the signature was made %s away from our time, and at most %s is accepted: sign each request, also a retry, when it is sent, and set the clock", off.Abs().Round(time.Second), signatureTolerance)
	}
	return nil
}

func refusal(reason Reason, parameter, format string, args ...any) *Problem {
	return &Problem{Reason: reason, Parameter: parameter, Detail: fmt.Sprintf(format, args...)}
}
