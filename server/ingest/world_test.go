package ingest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// browser is a user agent that is nothing special.
const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

const phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"

const crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

var admin = proofback.Actor{Role: proofback.RoleAdmin}

// world is a network with one link, served.
type world struct {
	testing.TB
	store      *db.Store
	setup      *db.Setup
	keys       *proofback.ClickKeys
	clicks     *Clicks
	mux        *http.ServeMux
	advertiser *proofback.Advertiser
	affiliate  *proofback.Affiliate
	offer      *proofback.Offer
	link       *proofback.TrackingLink
}

// socks are the terms of a plain offer.
func socks() proofback.Terms {
	return proofback.Terms{
		Name:       "Socks",
		Status:     proofback.OfferActive,
		Access:     proofback.OfferPublic,
		LandingURL: "https://shop.example/?s={sub1}",

		AttributionWindowHours: proofback.DefaultAttributionWindowHours,
		Goals: []proofback.Goal{{
			EventType: "sale",
			Name:      "Sale",
			Payout:    proofback.Price{Model: proofback.PriceFixed, Amount: "3.50", Currency: "EUR"},
			Revenue:   proofback.Price{Model: proofback.PriceFixed, Amount: "5.00", Currency: "EUR"},
			Approval:  proofback.ApprovalManual,

			WhenPrerequisiteMissing: proofback.PrerequisiteReject,
			DedupeWindowMinutes:     proofback.DefaultDedupeWindowMinutes,
		}},
	}
}

func newWorld(t testing.TB, change ...func(*ClicksConfig)) *world {
	t.Helper()
	w := &world{TB: t, store: dbtest.Open(t), mux: http.NewServeMux()}
	var err error
	w.advertiser, _, err = w.store.CreateAdvertiser(t.Context(), admin, proofback.Advertiser{Name: "Acme"})
	w.must(err)
	w.affiliate, err = w.store.CreateAffiliate(t.Context(), admin, proofback.Affiliate{Name: "Blog"})
	w.must(err)
	w.offer, err = w.store.CreateOffer(t.Context(), admin, w.advertiser.ID, socks())
	w.must(err)
	w.link, err = w.store.CreateTrackingLink(t.Context(), admin, proofback.TrackingLink{OfferID: w.offer.ID, AffiliateID: w.affiliate.ID})
	w.must(err)
	w.setup, err = w.store.NewSetup(t.Context())
	w.must(err)
	w.keys, err = proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: make([]byte, 32)})
	w.must(err)
	w.clicks = w.serveClicks(w.store, w.setup, w.mux, change...)
	return w
}

// serveClicks serves links on mux, by a Store on the world's database.
func (w *world) serveClicks(store *db.Store, setup *db.Setup, mux *http.ServeMux, change ...func(*ClicksConfig)) *Clicks {
	w.Helper()
	writer, err := store.NewClickWriter(w.Context(), setup, db.ClickWriterConfig{Timeout: 10 * time.Second})
	w.must(err)
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.must(writer.Close(ctx))
	})
	c := ClicksConfig{Setup: setup, Writer: writer, Keys: w.keys, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	clicks := NewClicks(c)
	clicks.Register(mux)
	return clicks
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// terms changes the offer.
func (w *world) terms(change func(*proofback.Terms)) {
	w.Helper()
	_, err := w.store.UpdateOffer(w.Context(), admin, w.offer.ID, change)
	w.must(err)
	w.must(w.setup.Refresh(w.Context()))
}

// request makes a visitor's request from 192.0.2.1; headers are "Name: value".
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.1:54321"
	r.Header.Set("User-Agent", browser)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func (w *world) serve(r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec.Result()
}

// visit follows the link.
func (w *world) visit(query string, headers ...string) *http.Response {
	return w.serve(request(http.MethodGet, "/c/"+w.link.Code+query, "", headers...))
}

// stored takes the clicks out of the database.
func (w *world) stored() []proofback.Click {
	w.Helper()
	rows, err := w.store.Pool().Query(w.Context(), `
		WITH taken AS (DELETE FROM clicks RETURNING *)
		SELECT t.id, t.at, t.link_id, t.offer_id, t.affiliate_id, t.advertiser_id, t.terms_id, t.outcome, t.flags, t.bot,
		       coalesce(t.country, ''), t.device, host(t.ip), coalesce(a.value, ''), coalesce(r.value, ''),
		       coalesce(t.source, ''), coalesce(t.creative, ''), coalesce(t.sub1, ''), coalesce(t.sub10, '')
		FROM taken t
		LEFT JOIN user_agents a ON a.id = t.user_agent_id
		LEFT JOIN referrers r ON r.id = t.referrer_id
		ORDER BY t.id`)
	w.must(err)
	clicks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c proofback.Click, err error) {
		var ip *string
		err = row.Scan(&c.ID, &c.At, &c.LinkID, &c.OfferID, &c.AffiliateID, &c.AdvertiserID, &c.TermsID, &c.Outcome, &c.Flags, &c.Bot,
			&c.Country, &c.Device, &ip, &c.UserAgent, &c.Referrer, &c.Source, &c.Creative, &c.Subs[0], &c.Subs[9])
		if ip != nil {
			c.IP = netip.MustParseAddr(*ip)
		}
		c.At = c.At.UTC()
		return c, err
	})
	w.must(err)
	return clicks
}

// storedOne takes the only click there is out of the database.
func (w *world) storedOne() proofback.Click {
	w.Helper()
	clicks := w.stored()
	if len(clicks) != 1 {
		w.Fatalf("%d clicks are stored, want 1", len(clicks))
	}
	return clicks[0]
}

// clickIn gives the click that a click id names.
func (w *world) clickIn(text string) uuid.UUID {
	w.Helper()
	id, state := w.keys.Parse(text)
	if state != proofback.ClickIDWhole {
		w.Errorf("%q is a %s click id", text, state)
	}
	return id
}
