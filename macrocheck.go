package proofback

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTemplateBytes is the length that a template may have.
const MaxTemplateBytes = 2000

// checkTemplate refuses a URL that could not be sent to, or that would lead
// elsewhere than its host says.
func checkTemplate(raw string) error {
	switch {
	case raw == "":
		return Invalid(nil, "the URL is empty")
	case len(raw) > MaxTemplateBytes:
		return Invalid(nil, "the URL has %d bytes, at most %d are taken", len(raw), MaxTemplateBytes)
	case !utf8.ValidString(raw):
		return Invalid(nil, "the URL is not valid UTF-8")
	}
	if i := strings.IndexFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(raw[i:])
		return Invalid(nil, "the URL holds %s: percent-encode it", strconv.QuoteRune(r))
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return Invalid(nil, "the URL must begin with https:// or http://")
	}
	host := rest[:templateHostEnd(raw)-len(scheme)-len("://")]
	switch {
	case host == "":
		return Invalid(nil, "the URL has no host")
	case strings.ContainsAny(host, "{}%"):
		return Invalid(nil, "no macro may stand in the host: it would decide where visitors and requests go")
	case strings.Contains(host, "@"):
		return Invalid(nil, "the URL may hold no user name or password")
	case !isASCII(host):
		return Invalid(nil, "write the host of an international domain in its xn-- form")
	}
	u, err := url.Parse(scheme + "://" + host)
	if err != nil || u.Hostname() == "" || !isPort(u.Port(), host) || strings.ContainsFunc(host, isNoHostRune) {
		return Invalid(nil, "the host %s of the URL cannot be read", shown(host))
	}
	for _, after := range strings.Split(rest, "%")[1:] {
		if len(after) < 2 || !isHex(after[0]) || !isHex(after[1]) {
			return Invalid(nil, "the URL holds a percent sign that encodes nothing: write it as %%25")
		}
	}
	return nil
}

// templateHostEnd is where the host of a URL ends and macros may begin.
func templateHostEnd(raw string) int {
	start := strings.Index(raw, "://") + len("://")
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		return start + i
	}
	return len(raw)
}

func isNoHostRune(r rune) bool { return !isMacroByte(byte(r)) && !strings.ContainsRune(":[]", r) }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// isPort accepts no port where the host ends without a colon, else a number.
func isPort(port, host string) bool {
	if port == "" {
		return !strings.HasSuffix(host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
