package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// secured has the advertiser's requests prove whose they are.
func secured(mode proofback.SecurityMode, allowed ...string) func(*proofback.Advertiser, *proofback.Terms) {
	return func(a *proofback.Advertiser, _ *proofback.Terms) {
		a.Security = mode
		for _, prefix := range allowed {
			a.AllowedIPs = append(a.AllowedIPs, netip.MustParsePrefix(prefix))
		}
	}
}

func mac(secret, message string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// signed is a GET whose query is signed as of a moment.
func (p *party) signed(query string, at time.Time) *http.Request {
	query = p.fill(query) + "&sig_time=" + strconv.FormatInt(at.Unix(), 10)
	return request(http.MethodGet, "/postback?"+query+"&sig="+hex.EncodeToString(mac(p.secret, query)), "")
}

// webhook is a POST signed as Standard Webhooks says, as of a moment.
func (p *party) webhook(id, body string, at time.Time) *http.Request {
	body, seconds := p.fill(body), strconv.FormatInt(at.Unix(), 10)
	return request(http.MethodPost, "/postback", body, "Content-Type: "+form,
		"webhook-id: "+id, "webhook-timestamp: "+seconds,
		"webhook-signature: v1,"+base64.StdEncoding.EncodeToString(mac(p.secret, id+"."+seconds+"."+body)))
}

func minutesOff(n int) time.Time { return time.Now().Add(time.Duration(n) * time.Minute) }

// proofCases are requests to advertisers that ask for proof.
var proofCases = []postbackCase{
	{
		name: "the token", party: secured(proofback.SecurityToken), query: sale + "&token={secret}",
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "the token in its header", party: secured(proofback.SecurityToken), request: func(p *party) *http.Request {
			return request(http.MethodGet, p.fill("/postback/{key}?"+sale), "", "X-Postback-Token: "+p.secret)
		},
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "a signed query", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request { return p.signed(sale, minutesOff(-4)) },
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "a signed body", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request { return p.webhook("m1", sale, minutesOff(4)) },
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "an allowed address", party: secured(proofback.SecurityNone, "192.0.2.0/24"), query: sale,
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{name: "no token", party: secured(proofback.SecurityToken), query: sale, status: 401, result: "rejected", reason: "TOKEN_INVALID", says: "there is no token"},
	{name: "another token", party: secured(proofback.SecurityToken), query: sale + "&token=guess", status: 401, result: "rejected", reason: "TOKEN_INVALID", says: "after a rotation"},
	{
		name: "no token, and nothing else right either", party: secured(proofback.SecurityToken), path: "/postback/{key}", query: "click_id={clickid}&amount=x",
		status: 401, result: "rejected", reason: "TOKEN_INVALID",
	},
	{name: "no signature", party: secured(proofback.SecuritySignature), request: byGET(sale), status: 401, result: "rejected", reason: "SIGNATURE_INVALID", says: "there is no signature"},
	{
		name: "a changed query", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request {
			r := p.signed(sale, time.Now())
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "amount=20", "amount=99", 1)
			return r
		},
		status: 401, result: "rejected", reason: "SIGNATURE_INVALID", says: "does not fit",
	},
	{
		name: "something after the signature", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request {
			r := p.signed("click_id={click}&event_type=sale", time.Now())
			r.URL.RawQuery += "&amount=99&currency=EUR"
			return r
		},
		status: 401, result: "rejected", reason: "SIGNATURE_INVALID", says: "must be the last parameter",
	},
	{
		name: "a signed body with a changed id", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request {
			r := p.webhook("m1", sale, time.Now())
			r.Header.Set("Webhook-Id", "m2")
			return r
		},
		status: 401, result: "rejected", reason: "SIGNATURE_INVALID", says: "does not fit",
	},
	{
		name: "a signed query for a body", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request {
			r := p.signed(sale, time.Now())
			r.Method = http.MethodPost
			return r
		},
		status: 401, result: "rejected", reason: "SIGNATURE_INVALID", says: "webhook-signature",
	},
	{
		name: "an old signature", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request { return p.signed(sale, minutesOff(-6)) },
		status: 401, result: "rejected", reason: "SIGNATURE_EXPIRED", says: "at most 5m",
	},
	{
		name: "a signed body from the future", party: secured(proofback.SecuritySignature), request: func(p *party) *http.Request { return p.webhook("m1", sale, minutesOff(6)) },
		status: 401, result: "rejected", reason: "SIGNATURE_EXPIRED",
	},
	{
		name: "another address", party: secured(proofback.SecurityNone, "198.51.100.0/24", "2001:db8::/32"), query: sale,
		status: 403, result: "rejected", reason: "IP_NOT_ALLOWED", says: "may not come from 192.0.2.1",
	},
	{
		name: "another address that says it were allowed", party: secured(proofback.SecurityToken, "198.51.100.0/24"), request: func(p *party) *http.Request {
			return request(http.MethodGet, p.fill("/postback?"+sale+"&token={secret}"), "", "X-Forwarded-For: 198.51.100.7")
		},
		status: 403, result: "rejected", reason: "IP_NOT_ALLOWED",
	},
}

func TestASignedRequestCountsOnceAndItsRetryIsADuplicate(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, secured(proofback.SecuritySignature))
	sent := minutesOff(-1)
	for _, c := range []struct {
		name   string
		id     string
		at     time.Time
		reason proofback.Reason
	}{
		{"the first", "m1", sent, "ACCEPTED"},
		{"the very same, overheard", "m1", sent, "SIGNATURE_INVALID"},
		{"a retry, signed anew", "m1", sent.Add(30 * time.Second), "DUPLICATE"},
		{"the retry, overheard", "m1", sent.Add(30 * time.Second), "SIGNATURE_INVALID"},
		{"another message", "m2", sent, "DUPLICATE"},
	} {
		if got := p.send(p.webhook(c.id, sale, c.at)); got.Reason != c.reason {
			t.Errorf("%s: %s", c.name, got.body)
		}
	}
	if kept := p.kept(); len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
	b.allLogged()
}

func TestTheOldSecretIsAcceptedUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, secured(proofback.SecurityToken))
	old := p.secret
	_, secret, err := p.store.RotateAdvertiserSecret(t.Context(), admin, p.advertiser.ID, time.Hour)
	p.must(err)
	p.must(p.setup.Refresh(t.Context()))
	for _, c := range []struct {
		after time.Duration
		token string
		want  proofback.Reason
	}{
		{0, old, "ACCEPTED"},
		{0, secret, "DUPLICATE"},
		{59 * time.Minute, old, "DUPLICATE"},
		{61 * time.Minute, old, "TOKEN_INVALID"},
		{61 * time.Minute, secret, "DUPLICATE"},
	} {
		b.skew.Store(int64(c.after))
		p.secret = c.token
		if got := p.get(sale + "&token={secret}"); got.Reason != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got.body, c.want)
		}
	}
	b.allLogged()
}

func TestTheAddressBehindATrustedProxyCounts(t *testing.T) {
	t.Parallel()
	b := newInbox(t, func(h *Postbacks) { h.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	p := b.party(t, secured(proofback.SecurityNone, "198.51.100.0/24"))
	for _, c := range []struct {
		peer, forwarded string
		want            proofback.Reason
		ip              string
	}{
		{"10.0.0.1:1", "198.51.100.7", "ACCEPTED", "198.51.100.7"},
		{"10.0.0.1:1", "198.51.100.7, 203.0.113.9", "IP_NOT_ALLOWED", "203.0.113.9"}, // the first is the sender's own claim
		{"10.0.0.1:1", "198.51.100.7, 10.1.1.1", "DUPLICATE", "198.51.100.7"},
		{"10.0.0.1:1", "", "IP_NOT_ALLOWED", "10.0.0.1"},
		{"203.0.113.9:1", "198.51.100.7", "IP_NOT_ALLOWED", "203.0.113.9"},
		{"198.51.100.8:1", "203.0.113.9", "DUPLICATE", "198.51.100.8"},
	} {
		r := request(http.MethodGet, p.fill("/postback?"+sale), "")
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		got := p.send(r)
		if log := p.logged(got); got.Reason != c.want || log.RemoteIP != c.ip {
			t.Errorf("from %s for %q: %s, logged from %s", c.peer, c.forwarded, got.body, log.RemoteIP)
		}
	}
	b.allLogged()
}
