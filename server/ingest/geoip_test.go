package ingest

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// miniGeoIP is the smallest MaxMind database (format 2.0): one node, whose first
// record is Germany and whose second is nothing. So 0.0.0.0/1 is in Germany.
func miniGeoIP() []byte {
	str := func(s string) []byte { return append([]byte{0x40 | byte(len(s))}, s...) }
	u16 := func(n byte) []byte { return []byte{0xa1, n} }
	pairs := func(kv ...[]byte) []byte { return append([]byte{0xe0 | byte(len(kv)/2)}, bytes.Join(kv, nil)...) }
	const nodes = 1
	tree := []byte{0, 0, nodes + 16, 0, 0, nodes} // 24 bits each: the data behind the separator; not found
	return bytes.Join([][]byte{
		tree,
		make([]byte, 16),
		pairs(str("country"), pairs(str("iso_code"), str("DE"))),
		[]byte("\xab\xcd\xefMaxMind.com"),
		pairs(
			str("node_count"), []byte{0xc1, nodes},
			str("record_size"), u16(24),
			str("ip_version"), u16(4),
			str("database_type"), str("Test-Country"),
			str("languages"), []byte{0x00, 0x04},
			str("binary_format_major_version"), u16(2),
			str("binary_format_minor_version"), u16(0),
			str("build_epoch"), []byte{0x01, 0x02, 1},
			str("description"), []byte{0xe0},
		),
	}, nil)
}

func openMiniGeoIP(t testing.TB) *GeoIP {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mini.mmdb")
	if err := os.WriteFile(path, miniGeoIP(), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := OpenGeoIP(path)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGeoIPTellsCountries(t *testing.T) {
	t.Parallel()
	g := openMiniGeoIP(t)
	for ip, want := range map[string]string{"10.1.2.3": "DE", "192.0.2.1": "", "2001:db8::1": ""} {
		if got := g.Country(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: got %q, want %q", ip, got, want)
		}
	}
	if got := g.Country(netip.Addr{}); got != "" {
		t.Errorf("no address is in %q", got)
	}
	var none *GeoIP
	if got := none.Country(netip.MustParseAddr("10.1.2.3")); got != "" {
		t.Errorf("without a database it is %q", got)
	}
}

func TestOpenGeoIPRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.mmdb")
	if _, err := OpenGeoIP(path); err == nil {
		t.Error("a missing file was opened")
	}
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenGeoIP(path); err == nil {
		t.Error("something else was opened")
	}
}

func TestCountryCodeTakesOnlyCodes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"DE": "DE", "de": "DE", "": "", "XX": "", "xx": "", "ZZ": "", "T1": "", "DEU": "", "D": "", "ü": "", "@[": ""} {
		if got := countryCode(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}
