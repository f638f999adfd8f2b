package graph

import (
	"net/netip"
	"testing"
)

func TestAnAllowedRangeHoldsItsAddressHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"203.0.113.9", "::ffff:203.0.113.9", "203.0.113.77/24", "::ffff:203.0.113.77/120"} {
		p, err := parseRange(text)
		if err != nil || !p.Contains(netip.MustParseAddr("203.0.113.9")) {
			t.Errorf("%s is read as %s, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "x", "203.0.113.0/33", "::ffff:203.0.113.0/129", "/"} {
		if p, err := parseRange(text); err == nil {
			t.Errorf("%q is read as %s", text, p)
		}
	}
}
