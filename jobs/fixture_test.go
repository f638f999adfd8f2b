package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
	"github.com/proofback/proofback/jobs/outbound"
)

// fixture is an affiliate with a click, whose conversions are told.
type fixture struct {
	store     *db.Store
	inserting *Jobs
	config    Config
	affiliate uuid.UUID
	click     uuid.UUID
}

// setup makes a fixture. Its retries follow at once, no breaker opens, and loopback
// may be reached, unless change says otherwise.
func setup(t *testing.T, change ...func(*Config)) *fixture {
	t.Helper()
	return setupOn(t, dbtest.Open(t, func(c *db.Config) { c.MaxConns = 10 }), change...)
}

// setupOn is setup on a database that is there.
func setupOn(t *testing.T, store *db.Store, change ...func(*Config)) *fixture {
	t.Helper()
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		store:     store,
		affiliate: newID(t),
		click:     newID(t),
		config: Config{
			ClickKeys: keys,
			Outbound:  outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			Retry:     proofback.RetryPolicy{1, 1},
			Health:    proofback.HealthPolicy{OpenAfter: 1000, PauseAfter: 24 * time.Hour},
			Log:       slog.New(slog.DiscardHandler),
		},
	}
	for _, ch := range change {
		ch(&f.config)
	}
	if f.inserting, err = New(f.store, Config{InsertOnly: true, Log: f.config.Log}); err != nil {
		t.Fatal(err)
	}
	if f.config.Setup, err = f.store.NewSetup(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, 'Blog', 'ACTIVE', 'EUR', now())`, f.affiliate)
	f.exec(t, `
		INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device, source, sub1, sub10)
		VALUES ($1, now(), $1, $1, $2, $1, $1, 0, 0, 0, 0, false, 'DESKTOP', 'news letter', 'a/b', 'zehn')`, f.click, f.affiliate)
	return f
}

// start works on jobs until the test ends or stop is called.
func (f *fixture) start(t *testing.T) (stop func()) {
	t.Helper()
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := j.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// destination makes one for approvals, and gives its id and its secret.
func (f *fixture) destination(t *testing.T, url string, change ...func(*proofback.Destination)) (uuid.UUID, string) {
	t.Helper()
	d := proofback.Destination{AffiliateID: f.affiliate, URLTemplate: url, Statuses: []proofback.Status{proofback.StatusApproved}}
	for _, ch := range change {
		ch(&d)
	}
	made, secret, err := f.store.CreateDestination(t.Context(), proofback.System(), d)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID, secret
}

// errUndo is what rolls a transaction of the fixture back.
var errUndo = errors.New("undo")

// approve makes n approved conversions and enqueues the deliveries that follow, as
// the Store does; end, when it is not nil, ends the transaction instead of a commit.
func (f *fixture) approve(t *testing.T, n int, end error) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	err := pgx.BeginFunc(t.Context(), f.store.Pool(), func(tx pgx.Tx) error {
		moves := make([]db.Announcement, n)
		conversions := make([]uuid.UUID, n)
		for i := range moves {
			conversions[i] = newID(t)
			moves[i] = db.Announcement{
				TransitionID: newID(t), ConversionID: conversions[i], ClickID: f.click, AffiliateID: f.affiliate,
				OfferID: f.click, EventType: "sale", Status: proofback.StatusApproved,
			}
		}
		_, err := tx.Exec(t.Context(), `
			INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
			  status, began, event_at, received_at, click_at, payout, payout_currency, revenue, revenue_currency)
			SELECT id, $1, $1, id, $2, $1, $1, $1, 'sale', 'T&' || n - 1,
			  'APPROVED', 'APPROVED', '2026-11-22T10:00:00Z', now(), now(), 3.50, 'EUR', 9.99, 'EUR'
			FROM unnest($3::uuid[]) WITH ORDINALITY AS c (id, n)`, f.click, f.affiliate, conversions)
		if err != nil {
			return err
		}
		keys, err := f.store.RecordDeliveries(t.Context(), tx, moves)
		if err != nil {
			return err
		}
		for _, k := range keys {
			ids = append(ids, k.ID)
		}
		if err := f.inserting.EnqueueDeliveries(t.Context(), tx, keys); err != nil {
			return err
		}
		return end
	})
	if !errors.Is(err, end) {
		t.Fatal(err)
	}
	return ids
}

// await waits until all deliveries have a status.
func (f *fixture) await(t *testing.T, status proofback.DeliveryStatus, ids ...uuid.UUID) {
	t.Helper()
	f.eventually(t, string(status), `SELECT count(*) FROM deliveries WHERE id = ANY ($1) AND status = $2`, len(ids), ids, string(status))
}

// eventually waits until a query counts want.
func (f *fixture) eventually(t *testing.T, what, query string, want int, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var got int
		if err := f.store.Pool().QueryRow(ctx, query, args...).Scan(&got); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %d of %d in time", what, got, want)
		}
	}
}

// attempt is what is kept of an attempt.
type attempt struct {
	Number  int
	Outcome string
	Status  int
	URL     string
	Body    string
	Error   string
}

func (f *fixture) attempts(t *testing.T, delivery uuid.UUID) []attempt {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(), `
		SELECT number, outcome, coalesce(response_status, 0), url, coalesce(response_body, ''), error
		FROM attempts
		WHERE delivery_id = $1
		ORDER BY number`, delivery)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[attempt])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (f *fixture) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := f.store.Pool().Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func newID(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
