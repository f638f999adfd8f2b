package outbound

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// errBlocked is what dialling an address that is not public answers.
var errBlocked = errors.New("the address is not public")

// PortRange is a range of ports, both ends in it.
type PortRange struct{ From, To uint16 }

// defaultPorts are those of the web and all that need no privilege to listen on.
func defaultPorts() []PortRange { return []PortRange{{80, 80}, {443, 443}, {1024, 65535}} }

// moreDenied are public addresses that answer only inside a cloud, where they
// give away what only its machines may know.
var moreDenied = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's WireServer
}

// guard decides which addresses may be dialled.
type guard struct {
	allow  []netip.Prefix
	addrs  []netip.AddrPort
	ports  []PortRange
	public *ssrf.Guardian
}

func newGuard(c Config) *guard {
	if c.Ports == nil {
		c.Ports = defaultPorts()
	}
	return &guard{
		allow: c.Allow,
		addrs: c.AllowAddrs,
		ports: c.Ports,
		// IANA's special-purpose registries; of IPv6, only 2000::/3 is let through.
		public: ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(moreDenied...)),
	}
}

// control is for net.Dialer.Control: it sees each address that is dialled, after
// DNS, and so cannot be told one and shown another.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", errBlocked, address)
	}
	if g.allowed(ap) {
		return nil
	}
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s", errBlocked, network)
	}
	return cmp.Or(g.port(ap.Port()), g.address(ap.Addr()))
}

// allowed reports whether an address is one that may be reached, public or not.
func (g *guard) allowed(ap netip.AddrPort) bool {
	addr, plain := ap.Addr(), ap.Addr().Unmap()
	return slices.Contains(g.addrs, netip.AddrPortFrom(plain, ap.Port())) ||
		slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) || p.Contains(plain) })
}

// port judges one at public addresses.
func (g *guard) port(port uint16) error {
	if slices.ContainsFunc(g.ports, func(r PortRange) bool { return r.From <= port && port <= r.To }) {
		return nil
	}
	return fmt.Errorf("%w: port %d", errBlocked, port)
}

// address wants a public one. Nothing is mapped when it is dialled; an address in
// disguise is judged twice, as what it is and as what it stands for.
func (g *guard) address(addr netip.Addr) error {
	for _, a := range [...]netip.Addr{addr, addr.Unmap()} {
		if err := g.public.SafeAddr(a); err != nil {
			return fmt.Errorf("%w: %w", errBlocked, err)
		}
	}
	return nil
}
