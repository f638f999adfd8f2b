package outbound

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/proofback/proofback"
)

func TestWhatIsNeverDialledIsRefusedWhenItIsSaved(t *testing.T) {
	t.Parallel()
	check := Config{}.Checker()
	for _, raw := range []string{
		"http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8080/{click_id}", "https://10.0.0.1/", "https://192.168.1.1/?a={sub1}",
		"http://100.100.100.200/", "http://168.63.129.16/", "http://[::1]/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/",
		"http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/", "http://0.0.0.0/", "http://localhost/", "http://LOCALHOST./x", "http://a.localhost:9000?x",
		"http://2130706433/", "http://127.1/", "http://0x7f.1/", "http://127.0.0.1./", "http://user:password@example.com/", "http://example.com:22/",
		"https://example.com:25/{payout}", "ftp://example.com/", "gopher://example.com:70/", "//example.com/", "", "http://8.8.8.8:23/",
	} {
		err := check(raw)
		if proofback.CodeOf(err) != proofback.CodeInvalid {
			t.Errorf("%q gives %v", raw, err)
			continue
		}
		if strings.Contains(err.Error(), "password") && strings.Contains(err.Error(), "user:") {
			t.Errorf("%q: %v repeats the user's part", raw, err)
		}
	}
	for _, raw := range []string{
		"https://example.com", "https://example.com:8443/{click_id}?a={sub1}#x", "http://8.8.8.8/", "https://[2606:4700:4700::1111]:443/?u=http://127.0.0.1/",
		"https://intern.example/", "HTTPS://Example.COM?next=localhost", "https://localhost.example.com/", "https://example.com/a@b:22/",
	} {
		if err := check(raw); err != nil {
			t.Errorf("%q is refused: %v", raw, err)
		}
	}
}

func TestWhatTheOperatorLetsThroughMayBeSaved(t *testing.T) {
	t.Parallel()
	check := Config{
		Allow:      []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("::1/128")},
		AllowAddrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")},
		Ports:      []PortRange{{443, 443}},
	}.Checker()
	for raw, want := range map[string]bool{
		"http://10.1.2.3:9/": true, "http://10.2.0.1/": false, "http://[::ffff:10.1.2.3]/": true,
		"http://127.0.0.1:8080/": true, "http://127.0.0.1:8081/": false, "http://localhost:22/": true,
		"https://8.8.8.8/": true, "http://8.8.8.8/": false,
		"http://sink.example/": true, // it may resolve to what is let through on any port
	} {
		if err := check(raw); (err == nil) != want {
			t.Errorf("%q gives %v", raw, err)
		}
	}
}

func TestOnlyItsOwnPortIsOpenedByAnAddressThatIsLetThrough(t *testing.T) {
	t.Parallel()
	check := Config{AllowAddrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:90")}}.Checker()
	for raw, want := range map[string]bool{"http://sink.example:90/": true, "http://sink.example:22/": false, "https://sink.example/": true} {
		if err := check(raw); (err == nil) != want {
			t.Errorf("%q gives %v", raw, err)
		}
	}
}

// What is refused when it is saved is refused when it is dialled, or the other way
// round where an address shows: one rule, asked at two times.
func FuzzNothingIsSavedThatIsRefusedAsAnAddress(f *testing.F) {
	c := Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	g, check := newGuard(c), c.Checker()
	f.Add([]byte{169, 254, 169, 254}, uint16(80))
	f.Add([]byte{10, 1, 0, 1}, uint16(22))
	f.Add([]byte{8, 8, 8, 8}, uint16(443))
	f.Add([]byte{0x26, 6, 0x47, 0, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11}, uint16(443))
	f.Add([]byte{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}, uint16(8080))
	f.Fuzz(func(t *testing.T, raw []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok || port == 0 {
			return
		}
		network := "tcp4"
		if addr.Is6() {
			network = "tcp6"
		}
		at := netip.AddrPortFrom(addr, port).String()
		saved, dialled := check("http://"+at+"/{click_id}"), g.control(network, at, nil)
		if (saved == nil) != (dialled == nil) {
			t.Errorf("%s: saved gives %v, dialled %v", at, saved, dialled)
		}
	})
}
