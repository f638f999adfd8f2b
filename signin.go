package proofback

import (
	"net/netip"
	"time"
)

// Tries are what may be tried in a row before each further try has to wait: by somebody
// who mistypes, and by a company behind one address.
const (
	TriesOfAccount = 5
	TriesOfAddress = 30
)

// maxTryWait is the longest wait between two tries: longer, and who locks others out by
// failing in their name does so for long.
const maxTryWait = 15 * time.Minute

// TriesForgotten is after how long without a try all is forgotten.
const TriesForgotten = 24 * time.Hour

// TryWait is how long is to be waited after a number of tries that failed: nothing for
// those that are free, and then a second, doubled with each.
func TryWait(failed, free int) time.Duration {
	over := failed - free
	if over < 0 {
		return 0
	}
	if over > 20 { // long past maxTryWait
		return maxTryWait
	}
	return min(time.Second<<over, maxTryWait)
}

// TryNetwork is whom tries from an address are counted for: an IPv6 customer has a /64.
func TryNetwork(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
