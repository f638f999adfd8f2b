package db_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// network is the smallest set-up that clicks can be made on.
type network struct {
	store      *db.Store
	advertiser uuid.UUID
	affiliate  uuid.UUID
	offer      uuid.UUID
	goal       uuid.UUID
	terms      proofback.Terms
}

func newNetwork(t testing.TB, store *db.Store) *network {
	t.Helper()
	n := &network{store: store, advertiser: newID(t), affiliate: newID(t), offer: newID(t), goal: newID(t)}
	n.exec(t, `
		INSERT INTO advertisers (id, name, status, currency, time_zone, security_mode, allowed_ips, parameter_mapping, postback_key, secret, created_at)
		VALUES ($1, 'Acme', 'ACTIVE', 'EUR', 'UTC', 'NONE', '{10.0.0.0/8}', '[{"from": "cid", "to": "click_id"}]', 'acme-key', '\x00', now())`, n.advertiser)
	n.exec(t, `
		INSERT INTO affiliates (id, name, status, currency, created_at)
		VALUES ($1, 'Blog', 'ACTIVE', 'EUR', now())`, n.affiliate)
	n.terms = proofback.Terms{
		OfferID:      n.offer,
		AdvertiserID: n.advertiser,
		Name:         "Socks",
		Status:       proofback.OfferActive,
		Access:       proofback.OfferPublic,
		LandingURL:   "https://shop.example/?c={click_id}",
		Goals: []proofback.Goal{{
			ID:        n.goal,
			EventType: "sale",
			Payout:    proofback.Price{Model: proofback.PriceFixed, Amount: "3.50", Currency: "EUR"},
		}},
	}
	n.putTerms(t, func(*proofback.Terms) {})
	n.exec(t, `INSERT INTO goals (id, offer_id, event_type, created_at) VALUES ($1, $2, 'sale', now())`, n.goal, n.offer)
	n.link(t, "first")
	return n
}

// putTerms makes the next version of the terms, in one transaction as always.
func (n *network) putTerms(t testing.TB, change func(*proofback.Terms)) {
	t.Helper()
	change(&n.terms)
	n.terms.ID, n.terms.Version, n.terms.CreatedAt = newID(t), n.terms.Version+1, now()
	body, err := json.Marshal(n.terms)
	if err != nil {
		t.Fatal(err)
	}
	n.exec(t, `
		WITH terms AS (
			INSERT INTO terms (id, offer_id, advertiser_id, version, body, created_at)
			VALUES ($1, $2, $3, $4, $5, $6))
		INSERT INTO offers (id, advertiser_id, terms_id, name, status, access, created_at)
		VALUES ($2, $3, $1, $7, $8, $9, $6)
		ON CONFLICT (id) DO UPDATE
		SET terms_id = excluded.terms_id, status = excluded.status, access = excluded.access`,
		n.terms.ID, n.offer, n.advertiser, n.terms.Version, string(body), n.terms.CreatedAt,
		n.terms.Name, n.terms.Status, n.terms.Access)
	e := n.terms.Entry()
	n.exec(t, `INSERT INTO ledger (id, kind, at, canonical) VALUES ($1, $2, $3, $4)`, e.ID, e.Kind, e.At, e.Canonical)
}

func (n *network) link(t testing.TB, code string) {
	t.Helper()
	n.exec(t, `
		INSERT INTO tracking_links (id, code, offer_id, affiliate_id, created_at)
		VALUES ($1, $2, $3, $4, now())`, newID(t), code, n.offer, n.affiliate)
}

func (n *network) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := n.store.Pool().Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (n *network) setup(t testing.TB) *db.Setup {
	t.Helper()
	u, err := n.store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// cutOff ends all connections to the database and lets nobody in again.
func (n *network) cutOff(t testing.TB) {
	t.Helper()
	n.exec(t, `UPDATE pg_database SET datallowconn = false WHERE datname = current_database()`)
	_, _ = n.store.Pool().Exec(t.Context(), `
		SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity
		WHERE datname = current_database()`) // its own with the others
}

// run keeps a set-up fresh for as long as the test lasts.
func run(t testing.TB, u *db.Setup) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// eventually polls until ok holds, for at most limit.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func newID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
