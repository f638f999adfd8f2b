package ingest

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientIPBelievesOnlyTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                         {"192.0.2.1:5000", nil, "192.0.2.1"},
		"a stranger's claim":               {"192.0.2.1:5000", []string{"203.0.113.9"}, "192.0.2.1"},
		"a proxy":                          {"10.0.0.1:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy without the header":       {"10.0.0.1:5000", nil, "10.0.0.1"},
		"a claim before the proxy's word":  {"10.0.0.1:5000", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"a chain of proxies":               {"10.0.0.1:5000", []string{"1.1.1.1, 203.0.113.9, 10.2.2.2 ,10.3.3.3"}, "203.0.113.9"},
		"the header several times":         {"10.0.0.1:5000", []string{"1.1.1.1", "203.0.113.9,10.2.2.2"}, "203.0.113.9"},
		"a stranger among several headers": {"10.0.0.1:5000", []string{"10.9.9.9", "203.0.113.9"}, "203.0.113.9"},
		"nobody but proxies":               {"10.0.0.1:5000", []string{"10.2.2.2,10.3.3.3"}, "10.2.2.2"},
		"nonsense":                         {"10.0.0.1:5000", []string{"unknown"}, "10.0.0.1"},
		"nonsense before a proxy":          {"10.0.0.1:5000", []string{"unknown, 10.2.2.2"}, "10.2.2.2"},
		"nothing between commas":           {"10.0.0.1:5000", []string{"1.1.1.1,,10.2.2.2"}, "10.2.2.2"},
		"an empty header":                  {"10.0.0.1:5000", []string{""}, "10.0.0.1"},
		"ports":                            {"10.0.0.1:5000", []string{"203.0.113.9:443"}, "203.0.113.9"},
		"IPv6":                             {"[2001:db8:1::5]:5000", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		"IPv6 in brackets":                 {"[2001:db8:1::5]:5000", []string{"[2001:db8:2::1]"}, "2001:db8:2::1"},
		"IPv6 with port":                   {"[2001:db8:1::5]:5000", []string{"[2001:db8:2::1]:443"}, "2001:db8:2::1"},
		"IPv4 written as IPv6":             {"[::ffff:10.0.0.1]:5000", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a zone":                           {"[fe80::1%eth0]:5000", nil, "fe80::1"},
		"no address":                       {"@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != nil {
			r.Header["X-Forwarded-For"] = c.forwarded
		}
		if got := ClientIP(r, trusted).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
