package ingest

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP is the address that a request came from: the peer's, or, where the
// peer is a trusted proxy, what it and further trusted proxies wrote into
// X-Forwarded-For. Each proxy appends the address that called it, so the header
// is read from its end for as long as whoever wrote is trusted; what stands
// before that is the sender's own claim. The zero Addr says that there is none,
// as on a Unix socket.
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	ip := peerIP(r)
	headers := r.Header["X-Forwarded-For"]
	for i := len(headers) - 1; i >= 0; i-- {
		for rest, more := headers[i], true; more; {
			if !isTrusted(ip, trusted) {
				return ip
			}
			var last string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				last, more = rest, false
			}
			before, ok := parseForwarded(last)
			if !ok {
				return ip
			}
			ip = before
		}
	}
	return ip
}

// peerIP is the address at the other end of the connection.
func peerIP(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddr(peer.Addr())
}

// peerIsTrusted reports whether the headers that proxies add are believed.
func peerIsTrusted(r *http.Request, trusted []netip.Prefix) bool {
	return isTrusted(peerIP(r), trusted)
}

func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// parseForwarded reads one element of X-Forwarded-For. Some proxies add the port.
func parseForwarded(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ip, err := netip.ParseAddr(s); err == nil {
		return plainAddr(ip), true
	}
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return plainAddr(withPort.Addr()), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			return plainAddr(ip), true
		}
	}
	return netip.Addr{}, false
}

// plainAddr is an address as it is stored and compared: IPv4 as such, no zone.
func plainAddr(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }
