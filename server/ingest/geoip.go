package ingest

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// GeoIP tells the countries of addresses from a MaxMind database.
type GeoIP struct{ reader *maxminddb.Reader }

// OpenGeoIP reads a MaxMind file (.mmdb) that tells countries, such as
// GeoLite2-Country. It is read into memory: a mapped file that somebody
// overwrites would end the program.
func OpenGeoIP(path string) (*GeoIP, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a MaxMind database: %w", path, err)
	}
	return &GeoIP{reader}, nil
}

// Country gives the ISO 3166-1 alpha-2 code for an address, "" when it is not
// known or there is no database.
func (g *GeoIP) Country(ip netip.Addr) string {
	if g == nil || !ip.IsValid() {
		return ""
	}
	var code string
	if err := g.reader.Lookup(ip).DecodePath(&code, "country", "iso_code"); err != nil {
		return ""
	}
	return countryCode(code)
}
