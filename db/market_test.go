package db_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// market is a small network for tests of reading and moving: two advertisers
// with an offer each, two affiliates, staff, and rows that tests put in as they
// like.
type market struct {
	t     testing.TB
	store *db.Store

	advertisers, affiliates, offers, goals, terms [2]uuid.UUID

	staff                   proofback.Actor
	affiliate, advertiser   proofback.Actor // the first ones
	affiliate2, advertiser2 proofback.Actor
}

// day is when everything in a market happens.
var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keyAt makes a key of a moment.
func keyAt(at time.Time) uuid.UUID {
	id, err := proofback.NewUUIDv7(at, rand.Reader)
	if err != nil {
		panic(err)
	}
	return id
}

func newMarket(t testing.TB, change ...func(*db.Config)) *market {
	t.Helper()
	m := &market{t: t, store: dbtest.Open(t, change...)}
	m.store.SetEnqueuer(nobody{})
	m.exec(`SELECT make_partitions($1, $2)`, day.AddDate(0, 0, -2), day.AddDate(0, 0, 2))
	for i := range 2 {
		m.advertisers[i], m.affiliates[i] = keyAt(day), keyAt(day)
		m.offers[i], m.goals[i], m.terms[i] = keyAt(day), keyAt(day), keyAt(day)
		name := string(rune('A' + i))
		m.exec(`INSERT INTO advertisers (id, name, status, currency, time_zone, security_mode, postback_key, secret, created_at)
			VALUES ($1, $2, 'ACTIVE', 'EUR', 'UTC', 'NONE', $2, '', $3)`, m.advertisers[i], name, day)
		m.exec(`INSERT INTO affiliates (id, name, status, currency, created_at)
			VALUES ($1, $2, 'ACTIVE', 'EUR', $3)`, m.affiliates[i], name, day)
		m.exec(`INSERT INTO offers (id, advertiser_id, terms_id, name, status, access, created_at)
			VALUES ($1, $2, $3, $4, 'ACTIVE', 'PUBLIC', $5)`, m.offers[i], m.advertisers[i], m.terms[i], name, day)
		m.exec(`INSERT INTO goals (id, offer_id, event_type, created_at) VALUES ($1, $2, 'sale', $3)`, m.goals[i], m.offers[i], day)
		body, err := json.Marshal(proofback.Terms{Goals: []proofback.Goal{{ID: m.goals[i], EventType: "sale", OncePerClick: i == 1}}})
		if err != nil {
			t.Fatal(err)
		}
		m.exec(`INSERT INTO terms (id, offer_id, advertiser_id, version, body, created_at)
			VALUES ($1, $2, $3, 1, $4, $5)`, m.terms[i], m.offers[i], m.advertisers[i], string(body), day)
	}
	manager := keyAt(day)
	m.exec(`INSERT INTO users (id, email, password_hash, role, created_at)
		VALUES ($1, 'manager@example.com', '', 'MANAGER', $2)`, manager, day)
	m.staff = proofback.Actor{Role: proofback.RoleManager, UserID: manager}
	m.affiliate = proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: m.affiliates[0]}
	m.affiliate2 = proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: m.affiliates[1]}
	m.advertiser = proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: m.advertisers[0]}
	m.advertiser2 = proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: m.advertisers[1]}
	return m
}

// nobody enqueues nothing.
type nobody struct{}

func (nobody) EnqueueDeliveries(context.Context, pgx.Tx, []db.DeliveryKey) error { return nil }

func (nobody) EnqueueLooks(context.Context, pgx.Tx, []uuid.UUID) error { return nil }
func (nobody) EnqueuePlan(context.Context, pgx.Tx, db.Plan) error      { return nil }

func (m *market) exec(sql string, args ...any) {
	m.t.Helper()
	if _, err := m.store.Pool().Exec(context.Background(), sql, args...); err != nil {
		m.t.Fatalf("%s: %v", sql, err)
	}
}

// count gives the number that a query asks for.
func (m *market) count(sql string, args ...any) (got int) {
	m.t.Helper()
	if err := m.store.Pool().QueryRow(context.Background(), sql, args...).Scan(&got); err != nil {
		m.t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// click stores a click of affiliate i on offer i, changed as the test likes.
func (m *market) click(i int, at time.Time, change ...func(*proofback.Click)) *proofback.Click {
	m.t.Helper()
	at = at.Truncate(time.Millisecond)
	c := &proofback.Click{
		ID: keyAt(at), At: at, LinkID: keyAt(day), TermsID: m.terms[i],
		OfferID: m.offers[i], AffiliateID: m.affiliates[i], AdvertiserID: m.advertisers[i],
		Device: proofback.DeviceMobile,
	}
	for _, f := range change {
		f(c)
	}
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	address := (*string)(nil)
	if c.IP.IsValid() {
		address = text(c.IP.String())
	}
	var agent int64
	if c.UserAgent != "" {
		agent = 1
		m.exec(`INSERT INTO user_agents (id, value) VALUES (1, $1) ON CONFLICT DO NOTHING`, c.UserAgent)
	}
	m.exec(`INSERT INTO clicks
			(id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id,
			 outcome, flags, bot, country, device, ip, source, creative, sub1, sub10)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14::text::inet, $15, $16, $17, $18)`,
		c.ID, c.At, c.LinkID, c.OfferID, c.AffiliateID, c.AdvertiserID, c.TermsID, agent,
		int16(c.Outcome), int16(c.Flags), c.Bot, text(c.Country), string(c.Device), address, text(c.Source), text(c.Creative),
		text(c.Subs[0]), text(c.Subs[9]))
	return c
}

// conversion stores a pending conversion of a click with its first transition.
func (m *market) conversion(click *proofback.Click, txid string, at time.Time, change ...func(*proofback.Conversion)) *proofback.Conversion {
	m.t.Helper()
	i := 0
	if click.OfferID == m.offers[1] {
		i = 1
	}
	c := &proofback.Conversion{
		ID: keyAt(at), AdvertiserID: click.AdvertiserID, OfferID: click.OfferID, GoalID: m.goals[i],
		AffiliateID: click.AffiliateID, ClickID: click.ID, TermsID: m.terms[i], PostbackID: keyAt(at),
		EventType: "sale", TxID: txid, Status: proofback.StatusPending, Began: proofback.StatusPending,
		EventAt: at, ReceivedAt: at, ClickAt: click.At,
		Amount:  proofback.Money{Amount: "100.00", Currency: "USD"},
		Payout:  proofback.Money{Amount: "7.00", Currency: "EUR"},
		Revenue: proofback.Money{Amount: "9.00", Currency: "EUR"},
		Normalized: proofback.Normalized{
			Payout:   proofback.Money{Amount: "7.00", Currency: "EUR"},
			Revenue:  proofback.Money{Amount: "9.00", Currency: "EUR"},
			RateDate: day.Truncate(24 * time.Hour), RateSource: proofback.RateSourceSame,
		},
	}
	if txid == "" {
		c.Claims = proofback.TimeRange{From: at, To: at.Add(time.Second)}
	}
	for _, f := range change {
		f(c)
	}
	id := (*string)(nil)
	if c.TxID != "" {
		id = &c.TxID
	}
	var from, to *time.Time
	if !c.Claims.From.IsZero() {
		from = &c.Claims.From
	}
	if !c.Claims.To.IsZero() {
		to = &c.Claims.To
	}
	subs, _ := json.Marshal(c.Subs)
	m.exec(`INSERT INTO conversions
			(id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
			 status, began, reason, event_at, received_at, click_at, amount, amount_currency, payout, payout_currency,
			 revenue, revenue_currency, normal_payout, normal_revenue, normal_currency, rate_date, rate_source, subs, claims)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 100.00, 'USD', 7.00, 'EUR',
			9.00, 'EUR', 7.00, 9.00, 'EUR', $17, $18, $19, CASE WHEN $20::timestamptz IS NULL THEN NULL ELSE tstzrange($20, $21) END)`,
		c.ID, c.AdvertiserID, c.OfferID, c.GoalID, c.AffiliateID, c.ClickID, c.TermsID, c.PostbackID, c.EventType, id,
		string(c.Status), string(c.Began), c.Reason, c.EventAt, c.ReceivedAt, c.ClickAt,
		c.Normalized.RateDate, c.Normalized.RateSource, string(subs), from, to)
	m.exec(`INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, to_status, at, by_kind, reason, postback_id)
		VALUES ($1, $2, $3, $4, $5, $6, 'RULE', '', $7)`,
		keyAt(at), c.ID, c.AdvertiserID, c.AffiliateID, string(c.Status), at, c.PostbackID)
	return c
}

// postback stores a logged request about a click.
func (m *market) postback(click *proofback.Click, txid string, at time.Time, change ...func(*proofback.Postback)) *proofback.Postback {
	m.t.Helper()
	p := &proofback.Postback{
		ID: keyAt(at), ReceivedAt: at, Method: "GET", URL: "/postback?revenue=9", RemoteIP: "203.0.113.7",
		Parameters: []proofback.Parameter{{Name: "txid", Value: txid, Canonical: "txid"}, {Name: "revenue", Value: "9", Canonical: "revenue"}},
		TxID:       txid, EventType: "sale", Result: proofback.ResultAccepted, Reason: proofback.ReasonAccepted, Message: "stored",
		Checks:         []proofback.Check{{Name: "click", Passed: true, Detail: "made"}},
		ResponseStatus: 200, ResponseBody: `{"result":"accepted"}`, Duration: 1500 * time.Microsecond,
	}
	if click != nil {
		p.ClickID, p.OfferID, p.AffiliateID, p.AdvertiserID = click.ID, click.OfferID, click.AffiliateID, click.AdvertiserID
	}
	for _, f := range change {
		f(p)
	}
	null := func(id uuid.UUID) *uuid.UUID {
		if id == uuid.Nil {
			return nil
		}
		return &id
	}
	parameters, _ := json.Marshal(p.Parameters)
	checks, _ := json.Marshal(p.Checks)
	id := (*string)(nil)
	if p.TxID != "" {
		id = &p.TxID
	}
	m.exec(`INSERT INTO postbacks
			(id, received_at, method, url, remote_ip, parameters, advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,
			 result, reason, message, checks, response_status, response_body, duration, conversion_id, replay_of)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		p.ID, p.ReceivedAt, p.Method, p.URL, p.RemoteIP, string(parameters), null(p.AdvertiserID), null(p.OfferID), null(p.AffiliateID),
		null(p.ClickID), id, p.EventType, string(p.Result), string(p.Reason), p.Message, string(checks),
		p.ResponseStatus, p.ResponseBody, p.Duration, null(p.ConversionID), null(p.ReplayOf))
	return p
}

// destination stores an endpoint of affiliate i that is told of everything.
func (m *market) destination(i int) uuid.UUID {
	m.t.Helper()
	id := keyAt(day)
	m.exec(`INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_since, created_at)
		VALUES ($1, $2, '{PENDING,APPROVED,REJECTED}', 'GET', 'https://affiliate.example/?tx={txid}', '{TIMEOUT}', '', $3, $3)`,
		id, m.affiliates[i], day)
	return id
}

// delivery stores a delivery about a conversion with as many failed attempts.
func (m *market) delivery(c *proofback.Conversion, destination uuid.UUID, at time.Time, attempts int) uuid.UUID {
	m.t.Helper()
	id := keyAt(at)
	m.exec(`INSERT INTO deliveries
			(id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, attempts, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'PENDING', 'FAILED', $7, $8)`,
		id, c.ID, keyAt(at), c.ClickID, c.AffiliateID, destination, attempts, at)
	for k := range attempts {
		m.exec(`INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, duration, error)
			VALUES ($1, $2, $3, $4, 'https://affiliate.example/?tx=1', 'TIMEOUT', '10 s', 'no answer')`,
			id, c.AffiliateID, k+1, at.Add(time.Duration(k)*time.Minute))
	}
	return id
}
