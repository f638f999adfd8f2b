package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// parseURL refuses what no request of ours may go to, whatever it resolves to.
// Its errors do not repeat the URL, which may hold secrets.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it is neither http nor https")
	case u.User != nil:
		return nil, errors.New("it holds a user name or password")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case strings.Contains(u.Hostname(), "%"):
		return nil, errors.New("it names a zone of an address")
	case spelledAddress(u.Hostname()):
		return nil, errors.New("its host is an IP address in a spelling that is not used")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// spelledAddress reports whether a host is an IPv4 address in one of the forms
// that inet_aton takes (2130706433, 0x7f.1, 127.1, 0177.0.0.1) and that readers
// of it disagree about. As in the WHATWG URL standard, a host whose last label
// is a number is an address.
func spelledAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}
