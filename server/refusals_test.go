package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proofback/proofback/db/dbtest"
)

// A wrong setting stops the program with one line that names it and says what was
// expected, and exit code 1.
func TestWrongSettingsAreRefusedInOneLine(t *testing.T) {
	t.Parallel()
	url := "postgres://nobody@127.0.0.1:1/nothing"
	secret := "PROOFBACK_JWT_SECRET=" + testSecret
	for _, c := range []struct {
		name     string
		settings []string
		want     []string // parts of the line
	}{
		{"an address without a port", []string{"PROOFBACK_ADDR=localhost"}, []string{"PROOFBACK_ADDR", "localhost", "expected host:port"}},
		{"a port that is none", []string{"PROOFBACK_ADDR=127.0.0.1:http"}, []string{"PROOFBACK_ADDR", "expected host:port"}},
		{"an address of another machine", []string{"PROOFBACK_ADDR=192.0.2.1:8080"}, []string{"PROOFBACK_ADDR", "expected an address of this machine"}},
		{"a short secret", []string{"PROOFBACK_JWT_SECRET=short"}, []string{"PROOFBACK_JWT_SECRET", "has 5 bytes", "expected 32"}},
		{"no secret for a given database", []string{"DATABASE_URL=" + url}, []string{"PROOFBACK_JWT_SECRET", "is not set", "expected 32"}},
		{"a database URL that is none", []string{"DATABASE_URL=postgres://u:geheim@host:port/x", secret}, []string{"DATABASE_URL", "expected postgres://"}},
		{"a database that does not answer", []string{"DATABASE_URL=" + url, secret}, []string{"DATABASE_URL", "refused", "expected a Postgres"}},
		{"a public URL without a scheme", []string{"PROOFBACK_PUBLIC_URL=go.example.com"}, []string{"PROOFBACK_PUBLIC_URL", "expected http"}},
		{"a public URL with a query", []string{"PROOFBACK_PUBLIC_URL=https://go.example.com/?a=b"}, []string{"PROOFBACK_PUBLIC_URL", "expected http"}},
		{"a currency that is none", []string{"PROOFBACK_CURRENCY=EURO"}, []string{"PROOFBACK_CURRENCY", "EURO", "ISO 4217"}},
		{"a withdrawn currency", []string{"PROOFBACK_CURRENCY=DEM"}, []string{"PROOFBACK_CURRENCY", "DEM", "ISO 4217"}},
		{"rates from nowhere", []string{"PROOFBACK_RATES_URL=ftp://example.com/x"}, []string{"PROOFBACK_RATES_URL", "expected an http, https or file URL"}},
		{"an address where a range belongs", []string{"PROOFBACK_OUTBOUND_ALLOW=10.0.0.1"}, []string{"PROOFBACK_OUTBOUND_ALLOW", "10.0.0.1", "CIDR"}},
		{"a port that is none", []string{"PROOFBACK_OUTBOUND_PORTS=443,https"}, []string{"PROOFBACK_OUTBOUND_PORTS", "https", "ports from 1"}},
		{"ports the wrong way round", []string{"PROOFBACK_OUTBOUND_PORTS=9000-8000"}, []string{"PROOFBACK_OUTBOUND_PORTS", "9000-8000", "ports from 1"}},
		{"waits that are none", []string{"PROOFBACK_OUTBOUND_RETRIES=15s,soon"}, []string{"PROOFBACK_OUTBOUND_RETRIES", "soon", "waits separated"}},
		{"a name among ranges", []string{"PROOFBACK_TRUSTED_PROXIES=10.0.0.0/8,proxy"}, []string{"PROOFBACK_TRUSTED_PROXIES", "proxy", "CIDR"}},
		{"days that are none", []string{"PROOFBACK_KEEP_CLICKS=a month"}, []string{"PROOFBACK_KEEP_CLICKS", "a month", "number of days"}},
		{"days before none", []string{"PROOFBACK_KEEP_POSTBACKS=-1"}, []string{"PROOFBACK_KEEP_POSTBACKS", "-1", "number of days"}},
		{"a spool without a size", []string{"PROOFBACK_SPOOL_MB=1GB"}, []string{"PROOFBACK_SPOOL_MB", "1GB", "number of megabytes"}},
		{"an endless delay", []string{"PROOFBACK_STOP_DELAY=1h"}, []string{"PROOFBACK_STOP_DELAY", "1h", "a time such as 5s"}},
		{"a demo that is neither", []string{"PROOFBACK_DEMO=maybe"}, []string{"PROOFBACK_DEMO", "maybe", "true or false"}},
		{"a GeoIP file that is not there", []string{"PROOFBACK_GEOIP_FILE=/nowhere.mmdb"}, []string{"PROOFBACK_GEOIP_FILE", "/nowhere.mmdb", "MaxMind"}},
		{"a header that is none", []string{"PROOFBACK_COUNTRY_HEADER=CF: IP"}, []string{"PROOFBACK_COUNTRY_HEADER", "expected the name of a header"}},
		{"click keys without versions", []string{"PROOFBACK_CLICK_KEYS=abc"}, []string{"PROOFBACK_CLICK_KEYS", "version:base64"}},
		{"click keys that are too short", []string{"PROOFBACK_CLICK_KEYS=1:YWJj"}, []string{"PROOFBACK_CLICK_KEYS", "has 3 bytes", "32 bytes"}},
		{"a secrets key that is too short", []string{"PROOFBACK_SECRETS_KEY=YWJj"}, []string{"PROOFBACK_SECRETS_KEY", "is the base64 of 3 bytes", "expected the base64 of 32 bytes"}},
		{"a secrets key in another form", []string{"PROOFBACK_SECRETS_KEY=geheim"}, []string{"PROOFBACK_SECRETS_KEY", "is not base64", "base64 of 32 bytes"}},
		{"garbage that is no number", []string{"GOGC=much"}, []string{"GOGC", "much", "per cent"}},
		{"a mail server without a sender", []string{"PROOFBACK_SMTP_URL=smtp://kim:geheim@mail.example"}, []string{"PROOFBACK_SMTP_URL", "from is no mail address"}},
		{"a key set that anybody may change on its way", []string{"PROOFBACK_JWKS_URL=http://login.example/keys"}, []string{"PROOFBACK_JWKS_URL", "expected an https URL"}},
		{"a key set with a password", []string{"PROOFBACK_JWKS_URL=https://kim:geheim@login.example/keys"}, []string{"PROOFBACK_JWKS_URL", "login.example/keys", "expected an https URL"}},
		{"rates from nowhere with a key", []string{"PROOFBACK_RATES_URL=ftp://kim:geheim@example.com/x?apikey=geheim"}, []string{"PROOFBACK_RATES_URL", "example.com/x", "expected an http, https or file URL"}},
		{"a public URL with a password", []string{"PROOFBACK_PUBLIC_URL=https://kim:geheim@go.example.com"}, []string{"PROOFBACK_PUBLIC_URL", "go.example.com", "expected http"}},
		{"profiles for everybody", []string{"PROOFBACK_PPROF_ADDR=0.0.0.0:6060"}, []string{"PROOFBACK_PPROF_ADDR", "0.0.0.0:6060", "loopback"}},
		{"an unknown log level", []string{"PROOFBACK_LOG_LEVEL=loud"}, []string{"PROOFBACK_LOG_LEVEL", "loud", "debug"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, nil, c.settings, c.want...)
		})
	}
}

func wantRefusal(t *testing.T, args, settings []string, want ...string) {
	t.Helper()
	code, stdout, stderr := runToEnd(t, args, settings...)
	last := strings.TrimSpace(stderr)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(last, "\n") || !strings.HasPrefix(last, "proofback: ") || stdout != "" {
		t.Errorf("more than one line was said: %s%s", stdout, stderr)
	}
	for _, part := range want {
		if !strings.Contains(last, part) {
			t.Errorf("%q is missing in: %s", part, last)
		}
	}
	if strings.Contains(stderr, "geheim") {
		t.Errorf("a password was given away: %s", stderr)
	}
}

func TestAPortInUseIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "data")
	wantRefusal(t, nil, []string{"PROOFBACK_ADDR=" + taken.Addr().String(), "PROOFBACK_DATA_DIR=" + dir},
		"PROOFBACK_ADDR", taken.Addr().String(), "another program listens there")
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data folder was made")
	}
}

func TestADataFolderOfAnotherVersionIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := filepath.Join(dir, "postgres", "data", "PG_VERSION")
	if err := os.MkdirAll(filepath.Dir(version), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(version, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, nil, []string{"PROOFBACK_DATA_DIR=" + dir}, "was made by Postgres 9")
	if text, err := os.ReadFile(version); string(text) != "9\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestADatabaseIsNotNormalisedInTwoCurrencies(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	start(t, onDatabase(url, "PROOFBACK_CURRENCY=SEK")...).stop()
	wantRefusal(t, nil, onDatabase(url), "PROOFBACK_CURRENCY", "is EUR", "in SEK")
}

func TestAnUnknownFlagIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	wantRefusal(t, []string{"serve", "--verbose"}, nil, "unknown flag --verbose")
	wantRefusal(t, []string{"token"}, nil, "--role")
}
