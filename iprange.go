package proofback

import "net/netip"

// PlainRange is a range of addresses as they are compared. Those of IPv4 written as IPv6
// (::ffff:203.0.113.0/120) hold addresses that are compared as IPv4, and would match none.
func PlainRange(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits before the IPv4 address
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked()
}
