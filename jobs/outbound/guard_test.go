package outbound

import (
	"errors"
	"net/netip"
	"testing"
)

func TestGuardRefusesEveryAddressThatIsNotPublic(t *testing.T) {
	t.Parallel()
	g := newGuard(Config{})
	for name, addresses := range map[string][]string{
		"loopback":      {"127.0.0.1", "127.255.255.254", "::1"},
		"unspecified":   {"0.0.0.0", "0.1.2.3", "::"},
		"private":       {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"},
		"link-local":    {"169.254.0.1", "fe80::1"},
		"metadata":      {"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"},
		"carrier NAT":   {"100.64.0.1", "100.127.255.255"},
		"multicast":     {"224.0.0.1", "239.255.255.255", "ff02::1"},
		"broadcast":     {"255.255.255.255", "240.0.0.1"},
		"mapped":        {"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1"},
		"NAT64":         {"64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::1"},
		"6to4":          {"2002:a9fe:a9fe::", "2002:7f00:1::1", "192.88.99.1"},
		"Teredo":        {"2001::1", "2001:0:7f00:1::"},
		"unique local":  {"fc00::1", "fdff::1"},
		"site-local":    {"fec0::1"},
		"documentation": {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
		"benchmarks":    {"198.18.0.1", "198.19.255.255"},
		"discard":       {"100::1"},
	} {
		for _, address := range addresses {
			ap := netip.AddrPortFrom(netip.MustParseAddr(address), 443)
			network := "tcp4"
			if ap.Addr().Is6() {
				network = "tcp6"
			}
			if err := g.control(network, ap.String(), nil); !errors.Is(err, errBlocked) {
				t.Errorf("%s: dialling %s gives %v", name, ap, err)
			}
		}
	}
}

func TestGuardLetsPublicAddressesThrough(t *testing.T) {
	t.Parallel()
	g := newGuard(Config{})
	for _, address := range []string{"8.8.8.8:443", "1.1.1.1:80", "93.184.216.34:8443", "[2606:4700:4700::1111]:443"} {
		network := "tcp4"
		if address[0] == '[' {
			network = "tcp6"
		}
		if err := g.control(network, address, nil); err != nil {
			t.Errorf("dialling %s gives %v", address, err)
		}
	}
}

func TestGuardLimitsPorts(t *testing.T) {
	t.Parallel()
	byDefault, narrow := newGuard(Config{}), newGuard(Config{Ports: []PortRange{{443, 443}}})
	for port, want := range map[string][2]bool{
		"22": {false, false}, "25": {false, false}, "80": {true, false}, "443": {true, true},
		"1023": {false, false}, "1024": {true, false}, "65535": {true, false}, "0": {false, false},
	} {
		for i, g := range []*guard{byDefault, narrow} {
			if err := g.control("tcp4", "8.8.8.8:"+port, nil); (err == nil) != want[i] {
				t.Errorf("guard %d: port %s gives %v", i, port, err)
			}
		}
	}
}

func TestGuardAllowsANamedRangeAndNothingBesideIt(t *testing.T) {
	t.Parallel()
	g := newGuard(Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}})
	for address, want := range map[string]bool{
		"127.0.0.1:22": true, "[fd00::1]:25": true, "[::ffff:127.0.0.1]:9": true,
		"127.0.0.2:80": false, "[::1]:80": false, "[fc00::1]:80": false, "10.0.0.1:80": false,
	} {
		if err := g.control("tcp4", address, nil); (err == nil) != want {
			t.Errorf("dialling %s gives %v", address, err)
		}
	}
}

func TestGuardRefusesWhatIsNotTCP(t *testing.T) {
	t.Parallel()
	g := newGuard(Config{})
	for _, dial := range [][2]string{{"udp4", "8.8.8.8:443"}, {"unix", "/tmp/socket"}, {"tcp4", "8.8.8.8"}, {"tcp4", ""}} {
		if err := g.control(dial[0], dial[1], nil); !errors.Is(err, errBlocked) {
			t.Errorf("dialling %v gives %v", dial, err)
		}
	}
}

func TestParseURLRefusesDisguises(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"http://2130706433/", "http://127.1/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
		"http://127.0.0.1./", "http://1.2.3.4.5/", "http://example.0x/", "http://user@example.com/", "http://u:p@example.com/",
		"http:///path", "//example.com/", "example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
		"javascript:alert(1)", "http://[fe80::1%25eth0]/", "http://exa mple.com/", "http://example.com:port/", "http://example.com/\x00", "",
	} {
		if u, err := parseURL(raw); err == nil {
			t.Errorf("%q is taken as %s", raw, u)
		}
	}
	for _, raw := range []string{"http://example.com", "https://example.com:8443/a?b=c", "http://8.8.8.8/", "http://[2606:4700::1]/", "HTTPS://EXAMPLE.com/"} {
		if _, err := parseURL(raw); err != nil {
			t.Errorf("%q is refused: %v", raw, err)
		}
	}
}

func TestGuardAllowsANamedAddressOnItsPortAlone(t *testing.T) {
	t.Parallel()
	g := newGuard(Config{AllowAddrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}})
	for address, want := range map[string]bool{
		"127.0.0.1:8080":          true,
		"[::ffff:127.0.0.1]:8080": true,
		"127.0.0.1:8081":          false,
		"127.0.0.2:8080":          false,
		"[::1]:8080":              false,
	} {
		if err := g.control("tcp4", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}
