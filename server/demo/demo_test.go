package demo

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/jobs"
)

// config is a network to be filled, on a database of the test's own.
func config(t *testing.T) Config {
	t.Helper()
	sealer, err := db.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		DB:        db.Config{URL: dbtest.URL(t), Sealer: sealer, Log: slog.New(slog.DiscardHandler)},
		Hash:      func(context.Context, string) (string, error) { return "not a hash", nil },
		PublicURL: "https://go.network.example",
		SinkURL:   "http://127.0.0.1:8080",
		Log:       slog.New(slog.DiscardHandler),
	}
	c.Store = dbtest.Open(t, func(d *db.Config) { *d = c.DB })
	c.Keys, err = proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.New(c.Store, jobs.Config{InsertOnly: true}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c Config) count(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := c.Store.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheNetworkHasSomethingForEveryList(t *testing.T) {
	t.Parallel()
	c := config(t)
	if err := Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		what  string
		least int
		sql   string
	}{
		{"clicks", 2500, `SELECT count(*) FROM clicks`},
		{"days with clicks", 30, `SELECT count(DISTINCT at::date) FROM clicks`},
		{"outcomes of clicks", 5, `SELECT count(DISTINCT outcome) FROM clicks`},
		{"crawlers", 50, `SELECT count(*) FROM clicks WHERE bot`},
		{"conversions", 300, `SELECT count(*) FROM conversions`},
		{"statuses of conversions", 3, `SELECT count(DISTINCT status) FROM conversions`},
		{"goals with conversions", 7, `SELECT count(DISTINCT goal_id) FROM conversions`},
		{"moves by staff", 30, `SELECT count(*) FROM transitions WHERE by_user IS NOT NULL`},
		{"moves by postbacks", 30, `SELECT count(*) FROM transitions WHERE by_kind = 'POSTBACK'`},
		{"reasons of refusal", 12, `SELECT count(DISTINCT reason) FROM postbacks WHERE result = 'rejected'`},
		{"refused postbacks", 40, `SELECT count(*) FROM postbacks WHERE result = 'rejected'`},
		{"versions of terms", 7, `SELECT count(*) FROM terms`},
		{"own prices", 1, `SELECT count(*) FROM payout_overrides`},
		{"states of access", 3, `SELECT count(DISTINCT status) FROM offer_access`},
		{"roles of users", 4, `SELECT count(DISTINCT role) FROM users`},
		{"deliveries", 20, `SELECT count(*) FROM deliveries`},
	} {
		if n := c.count(t, want.sql); n < want.least {
			t.Errorf("%d %s, expected %d at least", n, want.what, want.least)
		}
	}
	for what, sql := range map[string]string{
		"clicks without a day":               `SELECT count(*) FROM clicks_default`,
		"events of the future":               `SELECT count(*) FROM postbacks WHERE received_at > now()`,
		"conversions before their clicks":    `SELECT count(*) FROM conversions WHERE received_at < click_at`,
		"decisions that took long":           `SELECT count(*) FROM postbacks WHERE duration NOT BETWEEN '1 ms' AND '1 s'`,
		"moves before their conversions":     `SELECT count(*) FROM transitions AS t JOIN conversions AS c ON c.id = t.conversion_id WHERE t.at < c.received_at`,
		"clicks before their terms":          `SELECT count(*) FROM clicks AS c JOIN terms AS t ON t.id = c.terms_id WHERE c.at < t.created_at`,
		"conversions without a ledger entry": `SELECT count(*) FROM conversions WHERE id NOT IN (SELECT id FROM ledger)`,
	} {
		if n := c.count(t, sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}

// sizes are how much of everything there is.
func (c Config) sizes(t *testing.T) map[string]int {
	t.Helper()
	sizes := map[string]int{}
	for _, table := range []string{
		"advertisers", "affiliates", "users", "offers", "terms", "offer_access", "tracking_links", "destinations",
		"clicks", "postbacks", "conversions", "transitions", "ledger", "deliveries",
	} {
		sizes[table] = c.count(t, `SELECT count(*) FROM `+table)
	}
	return sizes
}

func TestTheNetworkIsLoadedOnce(t *testing.T) {
	t.Parallel()
	c := config(t)
	if err := Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	once := c.sizes(t)
	if err := Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(once, c.sizes(t)); diff != "" {
		t.Error(diff)
	}
}

func TestALoadThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	c := config(t)
	whole := c
	for i := range 6 { // at one user after the other
		broken, breakOff := context.WithCancel(t.Context())
		var left atomic.Int32
		left.Store(int32(i))
		c.Hash = func(ctx context.Context, password string) (string, error) {
			if left.Add(-1) < 0 {
				breakOff()
			}
			return whole.Hash(ctx, password)
		}
		if err := Load(broken, c); err == nil {
			t.Fatal("it was not interrupted")
		}
		breakOff()
	}
	if err := Load(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{
		"advertisers": len(advertisers), "affiliates": len(affiliates), "users": len(SignIns), "offers": 5,
		"tracking_links": len(links), "offer_access": len(accesses), "destinations": len(destinations),
	} {
		if n := whole.sizes(t)[table]; n != want {
			t.Errorf("%d %s, expected %d", n, table, want)
		}
	}
	if n := c.count(t, `SELECT count(DISTINCT at::date) FROM clicks`); n < 30 {
		t.Errorf("%d days have clicks", n)
	}
}

func TestTheNetworkIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	a, b := config(t), config(t)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []Config{a, b} {
		if err := c.load(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(a.sizes(t), b.sizes(t)); diff != "" {
		t.Error(diff)
	}
	const fingerprint = `SELECT hashtext(string_agg(id::text || sub1 || country, ',' ORDER BY id)) FROM clicks`
	if a.count(t, fingerprint) != b.count(t, fingerprint) {
		t.Error("the clicks differ")
	}
}

func TestThePagesMoveWithTheAddress(t *testing.T) {
	t.Parallel()
	c := config(t)
	if err := Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.PublicURL, c.SinkURL = "http://localhost:9090", "http://127.0.0.1:9090"
	for range 2 {
		if err := Load(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	setup, err := c.Store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link, ok := setup.Snapshot().Link(DemoCode)
	if !ok {
		t.Fatal("the link is gone")
	}
	if got, want := link.Terms.LandingURL, "http://localhost:9090/demo/landing?click_id={click_id}"; got != want {
		t.Errorf("got %s", got)
	}
	if link.Terms.Version != 3 { // its own, the better offer, and the move
		t.Errorf("there are %d versions of the terms", link.Terms.Version)
	}
	if n := c.count(t, `SELECT count(*) FROM destinations WHERE url_template NOT LIKE 'http://127.0.0.1:9090/demo/sink/%'`); n != 0 {
		t.Errorf("%d destinations did not move", n)
	}
}
