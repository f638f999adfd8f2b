package main

import (
	"context"
	"net"
	"net/netip"

	"github.com/proofback/proofback/server/demo"
)

// loadDemo loads the demo network where it is wanted and its pages are served.
func (p *program) loadDemo(ctx context.Context) error {
	if !p.settings.demo || !p.role.serves() {
		return nil
	}
	c, err := p.settings.storeConfig()
	if err != nil {
		return err
	}
	c.Log = p.log
	return demo.Load(ctx, demo.Config{
		DB:        c,
		Store:     p.store,
		Keys:      p.settings.clickKeys,
		Hash:      p.sessions.HashPassword,
		PublicURL: p.publicURL,
		SinkURL:   sinkURL(p.listener.Addr()),
		Log:       p.log,
	})
}

// sinkAddrs are the addresses at which our own listener is reached from here:
// outbound postbacks of the demo may go there, and nowhere else inside.
func sinkAddrs(at net.Addr) []netip.AddrPort {
	listening, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return nil
	}
	if !listening.Addr().IsUnspecified() {
		return []netip.AddrPort{netip.AddrPortFrom(listening.Addr().Unmap(), listening.Port())}
	}
	return []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), listening.Port()),
		netip.AddrPortFrom(netip.IPv6Loopback(), listening.Port()),
	}
}

// sinkURL is the base by which the demo's destinations name our own listener.
func sinkURL(at net.Addr) string {
	addrs := sinkAddrs(at)
	if len(addrs) == 0 {
		return ""
	}
	return "http://" + addrs[0].String()
}
