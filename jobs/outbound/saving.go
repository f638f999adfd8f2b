package outbound

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/proofback/proofback"
)

// Checker gives what judges a URL, or the template of one, when it is saved: an
// error of code BAD_USER_INPUT for what a Client of the same Config would never
// dial, as far as that shows without asking DNS, whose answer may be another
// one by the time of dialling. A host by name may thus pass and be refused later.
// Errors name the host and nothing else of the URL, which may hold secrets.
func (c Config) Checker() func(rawURL string) error {
	g := newGuard(c)
	return func(rawURL string) error {
		// Macros stand behind the host, so what is before them is a URL of its own.
		u, err := parseURL(upToPath(rawURL))
		if err != nil {
			return proofback.Invalid(nil, "nothing can be sent to this URL: %s", err)
		}
		port := uint64(80)
		if u.Scheme == "https" {
			port = 443
		}
		if p := u.Port(); p != "" {
			if port, err = strconv.ParseUint(p, 10, 16); err != nil {
				return proofback.Invalid(nil, "%.20q is no port", p)
			}
		}
		return g.saved(u.Hostname(), uint16(port))
	}
}

// saved judges a host as it is written.
func (g *guard) saved(host string, port uint16) error {
	addrs := literal(host)
	if addrs == nil { // a name, which may resolve to anything that is allowed
		mayBe := func(a netip.AddrPort) bool { return a.Port() == port }
		if len(g.allow) > 0 || slices.ContainsFunc(g.addrs, mayBe) || g.port(port) == nil {
			return nil
		}
		return g.wrongPort(port)
	}
	public := func(addr netip.Addr) bool { return g.address(addr) == nil }
	allowed := func(addr netip.Addr) bool { return g.allowed(netip.AddrPortFrom(addr, port)) }
	switch {
	case slices.ContainsFunc(addrs, allowed):
		return nil
	case !slices.ContainsFunc(addrs, public):
		return proofback.Invalid(nil, "%.80s is not a public address, and nothing is ever sent inside: name a host that the public can reach", host)
	case g.port(port) != nil:
		return g.wrongPort(port)
	}
	return nil
}

func (g *guard) wrongPort(port uint16) error {
	var ranges []string
	for _, r := range g.ports {
		text := strconv.Itoa(int(r.From))
		if r.To != r.From {
			text += " to " + strconv.Itoa(int(r.To))
		}
		ranges = append(ranges, text)
	}
	return proofback.Invalid(nil, "nothing is sent to port %d: the ports are %s", port, strings.Join(ranges, ", "))
}

// literal gives the addresses that a host stands for without DNS: one that is
// written out, or loopback under its reserved names (RFC 6761, section 6.3).
func literal(host string) []netip.Addr {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}

// upToPath is a URL without path, query and fragment.
func upToPath(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return rawURL
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}
