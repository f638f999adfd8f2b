package proofback

import (
	"net/netip"
	"testing"
	"time"
)

func TestTriesWaitLongerAndLonger(t *testing.T) {
	t.Parallel()
	for failed, want := range map[int]time.Duration{
		0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 10: 32 * time.Second, 14: 512 * time.Second, 15: 15 * time.Minute, 1 << 40: 15 * time.Minute,
	} {
		if got := TryWait(failed, TriesOfAccount); got != want {
			t.Errorf("after %d: %v, want %v", failed, got, want)
		}
	}
}

func TestACustomersAddressesAreOne(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8:1:2::3": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
	} {
		if got := TryNetwork(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: got %s", a, got)
		}
	}
	if got := TryNetwork(netip.Addr{}); got != "" {
		t.Errorf("got %q", got)
	}
}
