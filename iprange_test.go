package proofback

import (
	"net/netip"
	"testing"
)

func TestRangesOfIPv4WrittenAsIPv6HoldTheirAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"::ffff:203.0.113.9/120": "203.0.113.0/24",
		"::ffff:203.0.113.9/128": "203.0.113.9/32",
		"::ffff:0:0/96":          "0.0.0.0/0",
		"203.0.113.9/24":         "203.0.113.0/24",
		"2001:db8::1/48":         "2001:db8::/48",
		"::/0":                   "::/0",
	} {
		if got := PlainRange(netip.MustParsePrefix(text)); got.String() != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
