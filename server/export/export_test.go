package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// yard is a small network whose files can be asked for.
type yard struct {
	t     *testing.T
	store *db.Store
	url   string
	keys  *proofback.ClickKeys

	affiliates [2]uuid.UUID
	advertiser uuid.UUID
	offer      uuid.UUID
	at         time.Time // of the newest click
}

var (
	staff  = proofback.Actor{Role: proofback.RoleManager}
	nobody proofback.Actor
)

func newYard(t *testing.T, clicks int) *yard {
	t.Helper()
	y := &yard{t: t, store: dbtest.Open(t), at: time.Now().UTC().Truncate(time.Millisecond)}
	var err error
	if y.keys, err = proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: bytes.Repeat([]byte{1}, 32)}); err != nil {
		t.Fatal(err)
	}
	files := &Exports{Store: y.store, ClickKeys: y.keys, Actor: actorOf, Log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	files.Register(mux, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var a proofback.Actor
			if err := json.Unmarshal([]byte(r.Header.Get("Test-Actor")), &a); err != nil {
				t.Error(err)
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, a)))
		})
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	y.url = srv.URL
	y.fill(clicks)
	return y
}

type actorKey struct{}

func actorOf(ctx context.Context) proofback.Actor {
	a, _ := ctx.Value(actorKey{}).(proofback.Actor)
	return a
}

func (y *yard) exec(sql string, args ...any) {
	y.t.Helper()
	if _, err := y.store.Pool().Exec(y.t.Context(), sql, args...); err != nil {
		y.t.Fatalf("%s: %v", sql, err)
	}
}

// fill makes clicks of the first affiliate, one a millisecond, and one conversion.
func (y *yard) fill(clicks int) {
	y.t.Helper()
	y.affiliates, y.advertiser, y.offer = [2]uuid.UUID{uuid.New(), uuid.New()}, uuid.New(), uuid.New()
	terms := uuid.New()
	for _, id := range y.affiliates {
		y.exec(`INSERT INTO affiliates VALUES ($1, '=Blog', 'ACTIVE', 'EUR', now())`, id)
	}
	y.exec(`INSERT INTO advertisers (id, name, status, currency, time_zone, security_mode, postback_key, secret, created_at)
		VALUES ($1, 'Shop', 'ACTIVE', 'EUR', 'UTC', 'NONE', 'k', '', now())`, y.advertiser)
	y.exec(`INSERT INTO offers VALUES ($1, $2, $3, 'Socks, "warm"', 'ACTIVE', 'PUBLIC', now())`, y.offer, y.advertiser, terms)
	y.exec(`INSERT INTO terms (id, offer_id, advertiser_id, version, body, created_at) VALUES ($1, $2, $3, 1, $4, now())`,
		terms, y.offer, y.advertiser, `{"Name": "Socks, \"warm\"", "Status": "ACTIVE", "Access": "PUBLIC"}`)
	made := make([]proofback.Click, clicks)
	for i := range made {
		at := y.at.Add(-time.Duration(i) * time.Millisecond)
		id, err := proofback.NewUUIDv7(at, rand.Reader)
		if err != nil {
			y.t.Fatal(err)
		}
		made[i] = proofback.Click{
			ID: id, At: at, LinkID: uuid.New(), OfferID: y.offer, AffiliateID: y.affiliates[0], AdvertiserID: y.advertiser,
			TermsID: terms, Country: "DE", Device: proofback.DeviceMobile, Subs: [10]string{`=cmd|' /C calc'!A0`, "grün, \"blau\""},
		}
	}
	if err := y.store.InsertClicks(y.t.Context(), proofback.System(), made); err != nil {
		y.t.Fatal(err)
	}
	id := uuid.Must(uuid.NewV7())
	y.exec(`INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
			status, began, event_at, received_at, click_at, payout, payout_currency, revenue, revenue_currency,
			normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
		VALUES ($1, $2, $3, $1, $4, $5, $1, $1, 'sale', '@tx', 'APPROVED', 'APPROVED', $6, $6, $6, 27.18, 'EUR', 20.00, 'EUR',
			27.18, 20.00, 'EUR', '2026-01-01', 'SAME_CURRENCY')`, id, y.advertiser, y.offer, y.affiliates[0], made[0].ID, y.at)
}

// get asks for a file; the header's names are those of the columns.
func (y *yard) get(actor proofback.Actor, path string, query url.Values) (status int, rows []map[string]string) {
	y.t.Helper()
	resp := y.ask(actor, path, query, "")
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil
	}
	r := csv.NewReader(resp.Body)
	head, err := r.Read()
	if err != nil {
		y.t.Fatal(err)
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return resp.StatusCode, rows
		}
		if err != nil {
			y.t.Fatal(err)
		}
		row := map[string]string{}
		for i, name := range head {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
}

func (y *yard) ask(actor proofback.Actor, path string, query url.Values, accept string) *http.Response {
	y.t.Helper()
	req, err := http.NewRequestWithContext(y.t.Context(), http.MethodGet, y.url+path+"?"+query.Encode(), nil)
	if err != nil {
		y.t.Fatal(err)
	}
	who, err := json.Marshal(actor)
	if err != nil {
		y.t.Fatal(err)
	}
	req.Header.Set("Test-Actor", string(who))
	req.Header.Set("Accept-Encoding", accept) // the client's own would be undone unseen
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		y.t.Fatal(err)
	}
	return resp
}

func TestAFileHasEveryRowAndGoesOnBehindACursor(t *testing.T) {
	t.Parallel()
	y := newYard(t, 2*pageRows+7)
	_, all := y.get(staff, "/export/clicks.csv", nil)
	if len(all) != 2*pageRows+7 {
		t.Fatalf("%d rows", len(all))
	}
	_, rest := y.get(staff, "/export/clicks.csv", url.Values{"after": {all[pageRows+4]["cursor"]}})
	if len(rest) != pageRows+2 || rest[0]["click_id"] != all[pageRows+5]["click_id"] {
		t.Errorf("%d rows behind the cursor", len(rest))
	}
	_, some := y.get(staff, "/export/clicks.csv", url.Values{
		"from": {y.at.Add(-9 * time.Millisecond).Format(time.RFC3339Nano)}, "to": {y.at.Format(time.RFC3339Nano)}, "country": {"DE"}, "device": {"mobile"},
	})
	if len(some) != 9 {
		t.Errorf("%d rows of nine milliseconds", len(some))
	}
	_, hours := y.get(staff, "/export/report.csv", url.Values{
		"from": {y.at.AddDate(-1, 0, 0).Format(time.RFC3339)}, "to": {y.at.Add(time.Hour).Format(time.RFC3339)}, "group_by": {"HOUR"},
	})
	sum := 0
	for _, row := range hours {
		if row["clicks"] != "0" {
			sum++
		}
	}
	if len(hours) < 365*24 || sum == 0 || sum > 2 {
		t.Errorf("%d hours, %d with clicks", len(hours), sum)
	}
}

func TestNoTextOfAVisitorIsAFormula(t *testing.T) {
	t.Parallel()
	y := newYard(t, 1)
	_, clicks := y.get(staff, "/export/clicks.csv", nil)
	if c := clicks[0]; c["sub1"] != `'=cmd|' /C calc'!A0` || c["sub2"] != `grün, "blau"` || c["offer"] != `Socks, "warm"` || c["affiliate"] != "'=Blog" {
		t.Errorf("got %v", c)
	}
	_, conversions := y.get(staff, "/export/conversions.csv", nil)
	if c := conversions[0]; c["transaction_id"] != "'@tx" || c["click_id"] != clicks[0]["click_id"] {
		t.Errorf("got %v", c)
	}
	span := url.Values{"from": {y.at.Add(-time.Hour).Format(time.RFC3339)}, "to": {y.at.Add(time.Hour).Format(time.RFC3339)}, "groupBy": {"SUB1,OFFER"}}
	_, report := y.get(staff, "/export/report.csv", span)
	if r := report[0]; r["sub1"] != `'=cmd|' /C calc'!A0` || r["offer_name"] != `Socks, "warm"` || r["margin"] != "-7.18" {
		t.Errorf("got %v", r)
	}
}

func TestAFileHoldsWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	y := newYard(t, 3)
	span := url.Values{"from": {y.at.Add(-time.Hour).Format(time.RFC3339)}, "to": {y.at.Add(time.Hour).Format(time.RFC3339)}, "groupBy": {"OFFER"}}
	for _, tt := range []struct {
		name            string
		actor           proofback.Actor
		clicks          int
		payout, revenue string
	}{
		{"staff", staff, 3, "27.18", "20.00"},
		{"affiliate", proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[0]}, 3, "27.18", ""},
		{"another affiliate", proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[1]}, 0, "", ""},
		{"advertiser", proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: y.advertiser}, 3, "", "20.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, clicks := y.get(tt.actor, "/export/clicks.csv", nil)
			_, conversions := y.get(tt.actor, "/export/conversions.csv", nil)
			_, report := y.get(tt.actor, "/export/report.csv", span)
			if len(clicks) != tt.clicks || len(conversions) != min(tt.clicks, 1) || len(report) != len(conversions) {
				t.Fatalf("%d clicks, %d conversions, %d rows", len(clicks), len(conversions), len(report))
			}
			for _, row := range append(conversions, report...) {
				if row["payout"] != tt.payout || row["revenue"] != tt.revenue {
					t.Errorf("got %v", row)
				}
			}
		})
	}
}

func TestAFileIsZippedForWhoTakesIt(t *testing.T) {
	t.Parallel()
	y := newYard(t, 3)
	for accept, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "": false, "identity": false, "gzip;q=0": false} {
		resp := y.ask(staff, "/export/clicks.csv", nil, accept)
		var body io.Reader = resp.Body
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: zipped: %t", accept, got)
		} else if zipped {
			z, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if err != nil || strings.Count(string(text), "\r\n") != 4 {
			t.Errorf("%q: %q, %v", accept, text, err)
		}
		_ = resp.Body.Close()
	}
}

func TestWhatCannotBeExportedIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t, 1)
	for _, tt := range []struct {
		actor  proofback.Actor
		path   string
		query  url.Values
		status int
	}{
		{nobody, "clicks", nil, 401},
		{nobody, "report", nil, 401},
		{staff, "clicks", url.Values{"offerIdd": {"x"}}, 400},
		{staff, "clicks", url.Values{"offer_id": {"x"}}, 400},
		{staff, "clicks", url.Values{"from": {"yesterday"}}, 400},
		{staff, "clicks", url.Values{"after": {"x"}}, 400},
		{staff, "clicks", url.Values{"sub1": {"x"}, "sub2": {"x"}}, 400},
		{staff, "conversions", url.Values{"statuses": {"APPROVED,LOST"}}, 400},
		{staff, "conversions", url.Values{"from": {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}}, 400},
		{staff, "clicks", url.Values{"country": {"Germany"}}, 400},
		{staff, "clicks", url.Values{"from": {"2026-02-01T00:00:00Z"}, "to": {"2026-01-01T00:00:00Z"}}, 400},
		{staff, "report", nil, 400},
		{staff, "report", url.Values{"from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}, "groupBy": {"COLOUR"}}, 400},
		{proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: y.affiliates[0]}, "report", url.Values{
			"from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}, "orderBy": {"revenue"},
		}, 403},
	} {
		if status, _ := y.get(tt.actor, "/export/"+tt.path+".csv", tt.query); status != tt.status {
			t.Errorf("%s %v: %d, want %d", tt.path, tt.query, status, tt.status)
		}
	}
}
