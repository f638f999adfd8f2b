package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
	"github.com/proofback/proofback/jobs/mail"
	"github.com/proofback/proofback/jobs/outbound"
)

// Settings are everything that an operator can say, by flag or by environment
// variable. They are read once at start; check fills in defaults and refuses
// what is wrong. An empty value counts as left out.
type Settings struct {
	// DatabaseURL is the Postgres to use. Default: an embedded one in DataDir.
	// Another database is another network: nothing is carried over.
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"Postgres to use; left out, an embedded one is started in the data folder."`

	// DataDir holds the embedded cluster and the key made for it, and with any
	// Postgres the clicks and the set-up that are kept for when it is away. Default
	// ".data". Another folder is another network, where Postgres is embedded.
	DataDir string `name:"data-dir" env:"PROOFBACK_DATA_DIR" placeholder:"DIR" help:"Where the embedded Postgres and the click spool live (default .data)."`

	// Addr is where HTTP is served, host:port. Default 127.0.0.1:8080, which only
	// this machine reaches.
	Addr string `name:"addr" env:"PROOFBACK_ADDR" placeholder:"HOST:PORT" help:"Listen address (default 127.0.0.1:8080)."`

	// PublicURL is the base of the links that are handed out. Default http:// and
	// the address. Links that are out already keep the base they were copied with.
	PublicURL string `name:"public-url" env:"PROOFBACK_PUBLIC_URL" placeholder:"URL" help:"Base of the links that are handed out (default http:// and the address)."`

	// JWTSecret signs access tokens (HS256), 32 bytes or more. With the embedded
	// Postgres it is made once and kept in DataDir; else it must be set, the same
	// in all processes. A change ends all sessions and, where the two keys below
	// are left out, makes every click id handed out before a stranger's and every
	// partner's secret unreadable.
	JWTSecret string `name:"jwt-secret" env:"PROOFBACK_JWT_SECRET" placeholder:"SECRET" help:"HS256 key of access tokens, 32 bytes or more."`

	// JWKSURL, JWTIssuer and JWTAudience say whose tokens are believed besides our
	// own: those signed with RS256, ES256 or EdDSA and a key of the set. Who may change
	// the set makes ADMINs. Issuer and audience default to "proofback" and hold for our own as
	// well: a change ends all sessions.
	JWKSURL     string `name:"jwks-url" env:"PROOFBACK_JWKS_URL" placeholder:"URL" help:"Key set of an identity provider whose tokens are accepted."`
	JWTIssuer   string `name:"jwt-issuer" env:"PROOFBACK_JWT_ISSUER" placeholder:"NAME" help:"Issuer of access tokens (default proofback)."`
	JWTAudience string `name:"jwt-audience" env:"PROOFBACK_JWT_AUDIENCE" placeholder:"NAME" help:"Audience of access tokens (default proofback)."`

	// ClickKeys make and check click ids: "version:base64" of 32 bytes or more
	// each, separated by commas, versions from 1 to 31. The first makes new ids;
	// the others are only recognised. Default: one key that is derived from
	// JWTSecret. Clicks made under a key that is taken out cannot convert any more.
	ClickKeys string `name:"click-keys" env:"PROOFBACK_CLICK_KEYS" placeholder:"V:KEY,…" help:"Keys of click ids, the current one first (default derived from the JWT secret)."`

	// SecretsKey seals partners' secrets in the database: base64 of 32 bytes.
	// Default: derived from JWTSecret. After a change their secrets cannot be read
	// any more and have to be made anew.
	SecretsKey string `name:"secrets-key" env:"PROOFBACK_SECRETS_KEY" placeholder:"BASE64" help:"Key that seals partners' secrets (default derived from the JWT secret)."`

	// LedgerKey signs the checkpoints of the ledger: base64 of 32 random bytes (an
	// Ed25519 seed), and after it, separated by commas, the public keys that earlier
	// checkpoints were signed with. Default: derived from JWTSecret. After a change
	// that does not name the old public key nothing more is sealed.
	LedgerKey string `name:"ledger-key" env:"PROOFBACK_LEDGER_KEY" placeholder:"BASE64,…" help:"Key that signs the ledger's checkpoints, then public keys of earlier ones (default derived from the JWT secret)."`

	// Currency is the network's own, ISO 4217, in which amounts are normalised
	// when they are stored. Default EUR. It cannot be changed for a database.
	Currency string `name:"currency" env:"PROOFBACK_CURRENCY" placeholder:"CODE" help:"The network's own currency (default EUR)."`

	// RatesURL is where reference rates come from, in the ECB's XML format. Default
	// the ECB's daily feed. Amounts in other currencies wait for a rate.
	RatesURL string `name:"rates-url" env:"PROOFBACK_RATES_URL" placeholder:"URL" help:"Exchange rates in the ECB's XML format; http, https or file (default the ECB's daily feed)."`

	// OutboundAllow are CIDR ranges that outbound postbacks may reach although
	// they are not public. Default none. Each range opens your own network to
	// whatever URL an affiliate writes.
	OutboundAllow []string `name:"outbound-allow" env:"PROOFBACK_OUTBOUND_ALLOW" placeholder:"CIDR,…" help:"Ranges that outbound postbacks may reach although they are not public (default none)."`

	// OutboundPorts are the ports that outbound requests may reach at public
	// addresses: numbers and ranges. Default 80, 443 and 1024 to 65535. Lower ports
	// let partners talk to mail servers and the like in our name.
	OutboundPorts []string `name:"outbound-ports" env:"PROOFBACK_OUTBOUND_PORTS" placeholder:"PORT,FROM-TO,…" help:"Ports that outbound requests may reach (default 80,443,1024-65535)."`

	// OutboundRetries are the longest waits between attempts of an outbound
	// postback, one for each retry; a wait is drawn evenly from nothing to it.
	// "none" makes one attempt. Default 15s,1m,4m,16m,64m,256m,12h,12h,12h: ten
	// attempts over about a day. It holds for attempts that are planned from now on.
	OutboundRetries string `name:"outbound-retries" env:"PROOFBACK_OUTBOUND_RETRIES" placeholder:"WAIT,…" help:"Longest waits between attempts of an outbound postback, or none (default ten attempts over about a day)."`

	// SMTPURL is the server that mail is handed to, such as
	// smtp://user:password@mail.example:587?from=no-reply@network.example; it must be
	// the same in all processes. Default none: what would be mailed is shown to staff.
	SMTPURL string `name:"smtp-url" env:"PROOFBACK_SMTP_URL" placeholder:"URL" help:"Mail server, smtp:// or smtps://, with ?from=ADDRESS (default none)."`

	// AppURL is where partners' UI is. Letters link to AppURL/invitation?token=… and
	// AppURL/password-reset?token=…. Default none: letters hold the token alone.
	AppURL string `name:"app-url" env:"PROOFBACK_APP_URL" placeholder:"URL" help:"Partners' UI, which letters link to (default none)."`

	// TrustedProxies are CIDR ranges whose X-Forwarded-For and country header are
	// believed. Default none. A range too wide lets senders choose their address.
	TrustedProxies []string `name:"trusted-proxies" env:"PROOFBACK_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Proxies whose X-Forwarded-For is believed (default none)."`

	// CORSOrigins are the origins whose pages may use the API from a browser, such as
	// https://app.example.com, or * for all. Default none: those of PublicURL's own host
	// alone. Tokens are sent as headers, so an origin can do nothing without one.
	CORSOrigins []string `name:"cors-origins" env:"PROOFBACK_CORS_ORIGINS" placeholder:"ORIGIN,…" help:"Origins whose pages may use the API, or * (default none)."`

	// Introspection says who may learn the schema from the server: all, signed-in or
	// none. Default all on the embedded Postgres, else signed-in. Whoever may not is told
	// no names by error messages either.
	Introspection string `name:"introspection" env:"PROOFBACK_INTROSPECTION" placeholder:"WHO" help:"Who may ask for the schema: all, signed-in or none (default all on the embedded Postgres, else signed-in)."`

	// QueryBudget is what one client's GraphQL operations may cost in a minute, at each
	// process; a page of 50 conversions with their relations costs about 1500. Default
	// 1000000; 0 is without end.
	QueryBudget string `name:"query-budget" env:"PROOFBACK_QUERY_BUDGET" placeholder:"COST" help:"What one client's GraphQL operations may cost in a minute (default 1000000; 0 for any)."`

	// Operations is a manifest of the GraphQL operations that are served: Apollo's, or an
	// object of texts by their hashes. Default none: all are. With one GraphiQL asks in
	// vain, and so does every client that was not built with it.
	Operations string `name:"operations" env:"PROOFBACK_OPERATIONS" placeholder:"FILE" help:"Manifest of the GraphQL operations that are served, and no others (default all are)."`

	// GeoIPFile is a MaxMind database (.mmdb) that tells countries. Default none.
	GeoIPFile string `name:"geoip-file" env:"PROOFBACK_GEOIP_FILE" placeholder:"FILE" help:"MaxMind database that tells visitors' countries (default none)."`

	// CountryHeader is the header in which trusted proxies tell a visitor's
	// country, such as CF-IPCountry. Default none. It goes before GeoIPFile.
	CountryHeader string `name:"country-header" env:"PROOFBACK_COUNTRY_HEADER" placeholder:"NAME" help:"Header in which trusted proxies tell the country, such as CF-IPCountry (default none)."`

	// KeepClicks and KeepPostbacks are for how many days clicks and the postback
	// log are kept. Default 0: for ever. What is older is dropped and cannot be
	// brought back; clicks that are dropped cannot convert any more.
	KeepClicks    string `name:"keep-clicks" env:"PROOFBACK_KEEP_CLICKS" placeholder:"DAYS" help:"Days that clicks are kept (default 0, for ever)."`
	KeepPostbacks string `name:"keep-postbacks" env:"PROOFBACK_KEEP_POSTBACKS" placeholder:"DAYS" help:"Days that the postback log is kept (default 0, for ever)."`

	// KeepReports is for how many days the files of saved reports are kept in the
	// database, 1 to 3650. Default 30. It holds for files that are made from now on.
	KeepReports string `name:"keep-reports" env:"PROOFBACK_KEEP_REPORTS" placeholder:"DAYS" help:"Days that the files of saved reports are kept (default 30)."`

	// SpoolMB bounds the clicks that are kept on disk while Postgres is away, in
	// megabytes, for each process: one holds some two thousand clicks. Default 1024;
	// with 0 clicks are refused then, and no start is possible without Postgres.
	SpoolMB string `name:"spool-mb" env:"PROOFBACK_SPOOL_MB" placeholder:"N" help:"Megabytes of clicks that are kept on disk while Postgres is away (default 1024)."`

	// StopDelay is for how long a program that was sent SIGTERM serves on while
	// /readyz says that it is leaving. Default 2s. With less than load balancers
	// take to look, they still send requests when nobody takes them; with more,
	// each restart takes longer. Ctrl-C does not wait.
	StopDelay string `name:"stop-delay" env:"PROOFBACK_STOP_DELAY" placeholder:"TIME" help:"How long requests are still taken after SIGTERM, while /readyz says to send no more (default 2s)."`

	// Demo loads the demo network, once. Default true on the embedded Postgres,
	// false otherwise. Its users' passwords are printed at every start.
	Demo string `name:"demo" env:"PROOFBACK_DEMO" placeholder:"BOOL" help:"Load the demo network: true or false (default true on the embedded Postgres)."`

	// LogLevel is the least that is logged: debug, info, warn or error. Default
	// info; debug logs every request.
	LogLevel string `name:"log-level" env:"PROOFBACK_LOG_LEVEL" placeholder:"LEVEL" help:"debug, info, warn or error (default info)."`

	// SlowQuery is how long a statement takes that is logged, without the values in
	// it. Default 500ms; 0 logs none.
	SlowQuery string `name:"slow-query" env:"PROOFBACK_SLOW_QUERY" placeholder:"DURATION" help:"How long a statement takes that is logged (default 500ms; 0 for none)."`

	// PprofAddr is where profiles of the running program are served, an address of
	// this machine alone. Default: nowhere.
	PprofAddr string `name:"pprof-addr" env:"PROOFBACK_PPROF_ADDR" placeholder:"HOST:PORT" help:"Loopback address at which pprof is served (default none)."`

	// What check makes of the texts above.
	demo           bool
	logLevel       slog.Level
	slowQuery      time.Duration
	clickKeys      *proofback.ClickKeys
	secretsKey     []byte
	ledgerSeed     []byte
	ledgerBelieved []string // public keys of earlier checkpoints
	outboundAllow  []netip.Prefix
	outboundPorts  []outbound.PortRange
	retries        proofback.RetryPolicy
	mail           *mail.Sender // nil: none
	trustedProxies []netip.Prefix
	corsOrigins    []string
	limits         graph.Limits
	retention      db.Retention
	keepReports    time.Duration
	spoolBytes     int64
	stopDelay      time.Duration
}

// settingError refuses a setting in one line: its variable and what was expected.
type settingError struct{ name, problem string }

func (e *settingError) Error() string { return e.name + " " + e.problem }

func wrong(name, format string, args ...any) error {
	return &settingError{name, fmt.Sprintf(format, args...)}
}

// embedded reports whether the program brings its own Postgres.
func (s *Settings) embedded() bool { return s.DatabaseURL == "" }

// clusterDir is where the embedded cluster lives, beside what else is kept.
func (s *Settings) clusterDir() string { return filepath.Join(s.DataDir, "postgres") }
