package ingest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// inbox is a world that takes postbacks.
type inbox struct {
	*world
	handler *Postbacks
	skew    *atomic.Int64 // of the handler's clock, in nanoseconds
	sent    *atomic.Int64 // requests that must be in the log
}

func newInbox(t testing.TB, change ...func(*Postbacks)) *inbox {
	t.Helper()
	b := &inbox{world: newWorld(t), skew: new(atomic.Int64), sent: new(atomic.Int64)}
	b.store.SetEnqueuer(nobody{})
	decider := b.store.NewDecider(b.setup, db.DeciderConfig{})
	t.Cleanup(decider.Close)
	b.handler = &Postbacks{
		Decider: decider, Setup: b.setup, Keys: b.keys, PerSecond: 1e6, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(time.Duration(b.skew.Load())) },
	}
	for _, f := range change {
		f(b.handler)
	}
	b.handler.Register(b.mux)
	return b
}

// nobody carries out no jobs.
type nobody struct{}

func (nobody) EnqueueDeliveries(context.Context, pgx.Tx, []db.DeliveryKey) error { return nil }
func (nobody) EnqueuePlan(context.Context, pgx.Tx, db.Plan) error                { return nil }
func (nobody) EnqueueLooks(context.Context, pgx.Tx, []uuid.UUID) error           { return nil }

// party is an advertiser with an offer, a link to it, and a visitor's click.
type party struct {
	*inbox
	advertiser *proofback.Advertiser
	secret     string
	click      string // the click id that the landing page was given
	other      string // that of another click
}

// party takes on an advertiser; change alters it and its offer's terms.
func (b *inbox) party(t testing.TB, change func(*proofback.Advertiser, *proofback.Terms)) *party {
	t.Helper()
	w := *b.world
	w.TB = t
	p := &party{inbox: &inbox{&w, b.handler, b.skew, b.sent}}
	a, terms := proofback.Advertiser{Name: "Acme"}, socks()
	terms.FallbackURL = "https://other.example/?click_id={click_id}"
	if change != nil {
		change(&a, &terms)
	}
	var err error
	p.advertiser, p.secret, err = w.store.CreateAdvertiser(t.Context(), admin, a)
	p.must(err)
	offer, err := w.store.CreateOffer(t.Context(), admin, p.advertiser.ID, terms)
	p.must(err)
	w.link, err = w.store.CreateTrackingLink(t.Context(), admin, proofback.TrackingLink{OfferID: offer.ID, AffiliateID: w.affiliate.ID})
	p.must(err)
	p.click, p.other = p.clickNow(), p.clickNow()
	return p
}

// fill puts what only this party has into a request: {click}, {other}, {unknown},
// {key} and {secret}.
func (p *party) fill(s string) string {
	return strings.NewReplacer("{click}", p.click, "{other}", p.other, "{unknown}", p.keys.Encode(uuid.Must(uuid.NewV7())),
		"{key}", p.advertiser.PostbackKey, "{secret}", url.QueryEscape(p.secret)).Replace(s)
}

// reply is what the sender of a postback got.
type reply struct {
	proofback.Answer
	status int
	header http.Header
	body   string
	id     uuid.UUID // of the request in the log
}

// get sends a postback to the plain endpoint.
func (p *party) get(query string) *reply {
	p.Helper()
	return p.send(request(http.MethodGet, "/postback?"+p.fill(query), ""))
}

// send sends a postback that will be stored.
func (p *party) send(r *http.Request) *reply {
	p.Helper()
	p.sent.Add(1)
	res := p.serve(r)
	body, err := io.ReadAll(res.Body)
	p.must(err)
	got := &reply{status: res.StatusCode, header: res.Header, body: string(body)}
	if err := json.Unmarshal(body, &got.Answer); err != nil {
		p.Fatalf("%s %s: status %d, body %q", r.Method, r.URL, res.StatusCode, body)
	}
	got.id, err = proofback.ParseIDOf(proofback.KindPostback, got.RequestID)
	p.must(err)
	return got
}

// logged gives the record of a request.
func (p *party) logged(got *reply) *proofback.Postback {
	p.Helper()
	found, err := p.store.PostbacksByID(p.Context(), proofback.System(), []uuid.UUID{got.id})
	p.must(err)
	if found[got.id] == nil {
		p.Fatalf("%s is not in the log", got.RequestID)
	}
	return found[got.id]
}

// kept gives the conversions of the party's clicks, as "STATUS reason".
func (p *party) kept() []string {
	p.Helper()
	rows, err := p.store.Pool().Query(p.Context(), `
		SELECT trim(status || ' ' || reason)
		FROM conversions
		WHERE advertiser_id = $1
		ORDER BY id`, p.advertiser.ID)
	p.must(err)
	kept, err := pgx.CollectRows(rows, pgx.RowTo[string])
	p.must(err)
	return kept
}

// allLogged checks that each request that was sent is in the log once.
func (b *inbox) allLogged() {
	b.Helper()
	if n := b.count(`SELECT count(*) FROM postbacks`); int64(n) != b.sent.Load() {
		b.Errorf("%d requests are in the log, %d were sent", n, b.sent.Load())
	}
}
