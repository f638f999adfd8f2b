package ingest

import (
	"net/http"
	"net/netip"

	"github.com/x-way/crawlerdetect"

	"github.com/proofback/proofback"
)

// visitor is what a request tells of who follows a link.
type visitor struct {
	ip        netip.Addr
	country   string
	userAgent string
	referrer  string
}

// maxReferrer is how much of a referrer is kept, in bytes.
const maxReferrer = 500

func (h *Clicks) visitor(r *http.Request) visitor {
	v := visitor{ip: ClientIP(r, h.TrustedProxies)}
	v.userAgent, _ = proofback.CleanClickText(r.UserAgent(), proofback.MaxUserAgent)
	v.referrer, _ = proofback.CleanClickText(r.Referer(), maxReferrer)
	if h.CountryHeader != "" && peerIsTrusted(r, h.TrustedProxies) {
		v.country = countryCode(r.Header.Get(h.CountryHeader))
	}
	if v.country == "" {
		v.country = h.GeoIP.Country(v.ip)
	}
	return v
}

// countryCode is an ISO 3166-1 alpha-2 code in upper case, or "" for what is none
// and for the codes that stand for "not known".
func countryCode(s string) string {
	if len(s) != 2 {
		return ""
	}
	code := [2]byte{s[0] &^ 0x20, s[1] &^ 0x20}
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return ""
		}
	}
	if code == [2]byte{'X', 'X'} || code == [2]byte{'Z', 'Z'} {
		return ""
	}
	return string(code[:])
}

// agent is what a user agent tells.
type agent struct {
	device proofback.Device
	bot    bool
}

func (h *Clicks) agent(userAgent string) agent {
	hash := h.agents.hash(userAgent)
	if a, ok := h.agents.get(hash, userAgent); ok {
		return a
	}
	var a agent
	a.device, _, _ = proofback.ParseUserAgent(userAgent)
	a.bot = userAgent != "" && crawlerdetect.IsCrawler(userAgent)
	h.agents.add(hash, userAgent, a)
	return a
}
