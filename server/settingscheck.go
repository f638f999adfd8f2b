package main

import (
	"cmp"
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/mail"
	"github.com/proofback/proofback/server/auth"
)

// defaultRatesURL is the ECB's daily feed.
const defaultRatesURL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"

// check fills in defaults and turns texts into values. The first wrong setting
// is the error.
func (s *Settings) check() error {
	s.DataDir = cmp.Or(s.DataDir, ".data")
	s.Addr = cmp.Or(s.Addr, "127.0.0.1:8080")
	s.JWTIssuer = cmp.Or(s.JWTIssuer, "proofback")
	s.JWTAudience = cmp.Or(s.JWTAudience, "proofback")
	s.Currency = cmp.Or(s.Currency, "EUR")
	s.RatesURL = cmp.Or(s.RatesURL, defaultRatesURL)
	s.LogLevel = cmp.Or(s.LogLevel, "info")
	for _, step := range []func() error{
		checkCollection, s.checkDatabase, s.checkAddr, s.checkURLs, s.checkNetwork, s.checkOutbound, s.checkSpool, s.checkStop, s.checkDemo, s.checkGeo, s.checkLogLevel, s.checkSlowQuery, s.checkRetention, s.checkKeys, s.checkAPI, s.checkMail, s.checkPprof,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// requireSecret refuses to go without a JWT secret where none can be kept.
func (s *Settings) requireSecret() error {
	if s.JWTSecret == "" && !s.embedded() {
		return wrong("PROOFBACK_JWT_SECRET", "is not set: expected %d bytes or more, the same in every process on this database", auth.MinKey)
	}
	return nil
}

func (s *Settings) checkDatabase() error {
	if s.embedded() {
		return nil
	}
	if _, err := pgxpool.ParseConfig(s.DatabaseURL); err != nil {
		return wrong("DATABASE_URL", "is not usable: expected postgres://user:password@host:port/database (%s)", oneLine(err))
	}
	return nil
}

func (s *Settings) checkAddr() error {
	const name, expected = "PROOFBACK_ADDR", "expected host:port, such as 127.0.0.1:8080"
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return wrong(name, "is %q: %s", s.Addr, expected)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return wrong(name, "is %q: %s with a port from 0 (any that is free) to 65535", s.Addr, expected)
	}
	return nil
}

func (s *Settings) checkURLs() error {
	for name, base := range map[string]*string{"PROOFBACK_PUBLIC_URL": &s.PublicURL, "PROOFBACK_APP_URL": &s.AppURL} {
		if *base == "" {
			continue
		}
		u, err := url.Parse(*base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return wrong(name, "is %q: expected http:// or https:// and a host, such as https://go.example.com", proofback.MaskURL(*base))
		}
		*base = strings.TrimRight(*base, "/")
	}
	if u, err := url.Parse(s.RatesURL); err != nil || !slices.Contains([]string{"http", "https", "file"}, u.Scheme) {
		return wrong("PROOFBACK_RATES_URL", "is %q: expected an http, https or file URL", proofback.MaskURL(s.RatesURL))
	}
	return s.checkKeySet()
}

// checkKeySet wants keys to come over a connection that nobody else writes to.
func (s *Settings) checkKeySet() error {
	if s.JWKSURL == "" {
		return nil
	}
	u, err := url.Parse(s.JWKSURL)
	if err == nil && u.Host != "" && u.User == nil {
		ip, err := netip.ParseAddr(u.Hostname())
		if here := u.Hostname() == "localhost" || err == nil && ip.IsLoopback(); u.Scheme == "https" || u.Scheme == "http" && here {
			return nil
		}
	}
	return wrong("PROOFBACK_JWKS_URL", "is %q: expected an https URL of a key set, such as https://login.example.com/.well-known/jwks.json", proofback.MaskURL(s.JWKSURL))
}

func (s *Settings) checkNetwork() error {
	s.Currency = strings.ToUpper(s.Currency)
	if _, ok := proofback.CurrencyDigits(s.Currency); !ok {
		return wrong("PROOFBACK_CURRENCY", "is %q: expected an ISO 4217 code, such as EUR", s.Currency)
	}
	var err error
	if s.outboundAllow, err = prefixes("PROOFBACK_OUTBOUND_ALLOW", s.OutboundAllow); err != nil {
		return err
	}
	s.trustedProxies, err = prefixes("PROOFBACK_TRUSTED_PROXIES", s.TrustedProxies)
	return err
}

func prefixes(name string, texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, wrong(name, "names %q: expected CIDR ranges separated by commas, such as 10.0.0.0/8,fd00::/8", text)
		}
		list = append(list, proofback.PlainRange(p))
	}
	return list, nil
}

func (s *Settings) checkDemo() error {
	switch s.Demo {
	case "":
		s.demo = s.embedded()
	case "true", "1":
		s.demo = true
	case "false", "0":
	default:
		return wrong("PROOFBACK_DEMO", "is %q: expected true or false", s.Demo)
	}
	return nil
}

func (s *Settings) checkRetention() error {
	for _, r := range []struct {
		name, days string
		into       *time.Duration
	}{
		{"PROOFBACK_KEEP_CLICKS", s.KeepClicks, &s.retention.Clicks},
		{"PROOFBACK_KEEP_POSTBACKS", s.KeepPostbacks, &s.retention.Postbacks},
	} {
		days, err := strconv.Atoi(cmp.Or(r.days, "0"))
		if err != nil || days < 0 || days > 36500 {
			return wrong(r.name, "is %q: expected a number of days, or 0 for ever", r.days)
		}
		*r.into = time.Duration(days) * 24 * time.Hour
	}
	days, err := strconv.Atoi(cmp.Or(s.KeepReports, "30"))
	if err != nil || days < 1 || days > 3650 {
		return wrong("PROOFBACK_KEEP_REPORTS", "is %q: expected a number of days, 1 to 3650", s.KeepReports)
	}
	s.keepReports = time.Duration(days) * 24 * time.Hour
	return nil
}

func (s *Settings) checkMail() error {
	if s.SMTPURL == "" {
		return nil
	}
	var err error
	if s.mail, err = mail.New(s.SMTPURL); err != nil {
		return wrong("PROOFBACK_SMTP_URL", "cannot be used (%s): expected smtp:// or smtps://, a host and a sender, such as smtp://user:password@mail.example:587?from=no-reply@network.example", oneLine(err))
	}
	return nil
}

// maxStopDelay is longer than any load balancer takes to look.
const maxStopDelay = 5 * time.Minute

func (s *Settings) checkStop() error {
	var err error
	s.stopDelay, err = time.ParseDuration(cmp.Or(s.StopDelay, "2s"))
	if err != nil || s.stopDelay < 0 || s.stopDelay > maxStopDelay {
		return wrong("PROOFBACK_STOP_DELAY", "is %q: expected a time such as 5s, of %s at most", s.StopDelay, maxStopDelay)
	}
	return nil
}

func (s *Settings) checkGeo() error {
	if s.GeoIPFile != "" {
		if fi, err := os.Stat(s.GeoIPFile); err != nil || fi.IsDir() {
			return wrong("PROOFBACK_GEOIP_FILE", "is %q: expected a MaxMind database that can be read", s.GeoIPFile)
		}
	}
	if s.CountryHeader != "" && strings.ContainsFunc(s.CountryHeader, notToken) {
		return wrong("PROOFBACK_COUNTRY_HEADER", "is %q: expected the name of a header, such as CF-IPCountry", s.CountryHeader)
	}
	return nil
}

// notToken reports characters that no header name has (RFC 9110, section 5.6.2,
// without the odd ones).
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func (s *Settings) checkKeys() error {
	if s.JWTSecret != "" && len(s.JWTSecret) < auth.MinKey {
		return wrong("PROOFBACK_JWT_SECRET", "has %d bytes: expected %d or more", len(s.JWTSecret), auth.MinKey)
	}
	var err error
	if s.ClickKeys != "" {
		if s.clickKeys, err = readClickKeys(s.ClickKeys); err != nil {
			return wrong("PROOFBACK_CLICK_KEYS", "cannot be used (%s): expected version:base64 pairs separated by commas, the current one first, with keys of 32 bytes or more", oneLine(err))
		}
	}
	if s.SecretsKey != "" {
		const expected = "expected the base64 of %d bytes, such as openssl rand -base64 %d prints"
		if s.secretsKey, err = base64.StdEncoding.DecodeString(s.SecretsKey); err != nil {
			return wrong("PROOFBACK_SECRETS_KEY", "is not base64: "+expected, secretsKeyBytes, secretsKeyBytes)
		}
		if n := len(s.secretsKey); n != secretsKeyBytes {
			return wrong("PROOFBACK_SECRETS_KEY", "is the base64 of %d bytes: "+expected, n, secretsKeyBytes, secretsKeyBytes)
		}
	}
	if s.LedgerKey != "" {
		if s.ledgerSeed, s.ledgerBelieved, err = readLedgerKey(s.LedgerKey); err != nil {
			return wrong("PROOFBACK_LEDGER_KEY", "cannot be used (%s): expected the base64 of %d bytes, then public keys of earlier checkpoints, separated by commas", oneLine(err), ledgerSeedBytes)
		}
	}
	return nil
}
