package graph_test

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Amounts that show wherever they come through.
const (
	secretPayout  = "27.18"
	secretRevenue = "31.41"
)

// loop is a market with traffic: clicks of the blog and the rival, and the
// shop's postbacks, through the rules.
type loop struct {
	*market
	links map[string]string // by affiliate
}

// noJobs enqueues nothing: deliveries are recorded, and stay.
type noJobs struct{ db.Enqueuer }

func (noJobs) EnqueueDeliveries(context.Context, pgx.Tx, []db.DeliveryKey) error { return nil }

func newLoop(t testing.TB, change ...func(*db.Config)) *loop {
	t.Helper()
	l := &loop{market: newMarket(t, change...), links: map[string]string{}}
	l.store.SetEnqueuer(noJobs{})
	fixed := func(amount string) vars { return vars{"model": "FIXED", "amount": amount, "currency": "EUR"} }
	l.must(manager, "UpdateOffer", vars{"input": vars{"id": l.public, "goals": []vars{
		{"eventType": "sale", "payout": fixed(secretPayout), "revenue": fixed(secretRevenue)},
		{"eventType": "deposit", "payout": vars{"model": "FIXED", "amount": "1", "currency": "EUR"}, "revenue": vars{"model": "POSTBACK"}},
		{"eventType": "big", "payout": fixed("1"), "revenue": fixed("1"), "minimumAmount": vars{"amount": "1000", "currency": "EUR"}},
	}}})
	// Who proves what is tested elsewhere.
	l.must(manager, "UpdateAdvertiser", vars{"input": vars{"id": l.shop, "security": vars{"mode": "NONE", "allowedIps": []string{}}}})
	for _, affiliate := range []string{l.blog, l.rival} {
		l.links[affiliate] = l.must(manager, "CreateTrackingLink", vars{"input": vars{"offerId": l.public, "affiliateId": affiliate}}).
			id("createTrackingLink", "trackingLink", "id")
	}
	l.must(manager, "CreateAffiliatePostback", vars{"input": vars{"affiliateId": l.blog, "urlTemplate": "https://blog.example/?s={status}"}})
	if err := l.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func key(t testing.TB, id string) uuid.UUID {
	t.Helper()
	_, key, err := proofback.ParseGlobalID(id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// click stores a click of an affiliate and gives its click id.
func (l *loop) click(affiliate string) string {
	l.t.Helper()
	id := uuid.Must(uuid.NewV7())
	link := key(l.t, l.links[affiliate])
	terms := uuid.Nil
	err := l.store.Pool().QueryRow(l.t.Context(), `SELECT terms_id FROM offers WHERE id = $1`, key(l.t, l.public)).Scan(&terms)
	if err == nil {
		err = l.store.InsertClicks(l.t.Context(), proofback.System(), []proofback.Click{{
			ID: id, At: proofback.UUIDTime(id), LinkID: link, TermsID: terms,
			OfferID: key(l.t, l.public), AffiliateID: key(l.t, affiliate), AdvertiserID: key(l.t, l.shop),
			Country: "DE", Device: proofback.DeviceMobile, IP: netip.MustParseAddr("198.51.100.77"), Source: "newsletter",
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
			Subs:      [10]string{1: "b"},
		}})
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return l.keys.Encode(id)
}

// postback has a postback decided: "event_type=sale&txid=1".
func (l *loop) postback(click, query string) proofback.Postback {
	l.t.Helper()
	raw := proofback.PostbackRequest{Method: "GET", RawQuery: "click_id=" + url.QueryEscape(click) + "&" + query}
	log, err := l.store.Decide(l.t.Context(), l.setup, []*db.Incoming{{
		ID: uuid.Must(uuid.NewV7()), ReceivedAt: time.Now().UTC().Truncate(time.Microsecond),
		Method: "GET", URL: "/postback?" + raw.RawQuery, RemoteIP: "203.0.113.7",
		Read: func(s proofback.Sender) proofback.Reading {
			return proofback.ReadRequest(raw, proofback.Credentials{}, s, l.keys)
		},
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	return log[0]
}

// sale has a sale decided and gives its conversion's global id.
func (l *loop) sale(click, txid string) string {
	l.t.Helper()
	p := l.postback(click, "event_type=sale&txid="+txid)
	if p.Reason != proofback.ReasonAccepted {
		l.t.Fatalf("%s: %s", p.Reason, p.Message)
	}
	return proofback.GlobalID(proofback.KindConversion, p.ConversionID)
}

// everything runs every operation that shows rows, and gives the answers' text.
func (l *loop) everything(actor proofback.Actor, click string) string {
	l.t.Helper()
	var all strings.Builder
	for _, operation := range []string{"Offers", "Clicks", "Conversions", "Postbacks", "Deliveries"} {
		fmt.Fprintln(&all, operation, l.must(actor, operation, vars{"first": 100}).Data)
	}
	fmt.Fprintln(&all, "Trace", l.must(actor, "Trace", vars{"by": vars{"clickId": click}}).Data)
	return all.String()
}

func TestNoAmountComesThroughToWhomItDoesNotConcern(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	l.sale(click, "1")
	for _, tt := range []struct {
		query string
		want  proofback.Reason
	}{
		{"event_type=deposit&txid=2&currency=EUR&revenue=" + secretRevenue, proofback.ReasonAccepted},
		{"event_type=deposit&txid=2&currency=EUR&revenue=99", proofback.ReasonTransactionConflict},
		{"event_type=big&txid=3&currency=EUR&revenue=" + secretRevenue, proofback.ReasonBelowThreshold},
		{"event_type=sale&txid=4&currency=XYZ&amount=" + secretRevenue, proofback.ReasonInvalidCurrency},
		{"event_type=sale&txid=5&currency=EUR&amount=x" + secretRevenue, proofback.ReasonInvalidAmount},
		{"event_type=sale&txid=6&our_revenue=" + secretRevenue, proofback.ReasonAccepted},
	} {
		if p := l.postback(click, tt.query); p.Reason != tt.want {
			t.Errorf("%s: %s, %s", tt.query, p.Reason, p.Message)
		}
	}
	for _, tt := range []struct {
		name            string
		actor           proofback.Actor
		payout, revenue bool
	}{
		{"staff", manager, true, true},
		{"affiliate", l.asBlog, true, false},
		{"advertiser", l.asShop, false, true},
		{"another affiliate", l.asRival, false, false},
		{"another advertiser", l.asOther, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.actor == l.asRival {
				// The offer's terms are open to every affiliate; rows are not.
				for _, operation := range []string{"Clicks", "Conversions", "Postbacks", "Deliveries"} {
					if rows := l.must(tt.actor, operation, nil).at(strings.ToLower(operation), "edges").([]any); len(rows) != 0 {
						t.Errorf("%s: %v", operation, rows)
					}
				}
				return
			}
			text := l.everything(tt.actor, click)
			if got := strings.Contains(text, secretPayout); got != tt.payout {
				t.Errorf("the payout shows: %t\n%s", got, text)
			}
			if got := strings.Contains(text, secretRevenue); got != tt.revenue {
				t.Errorf("the revenue shows: %t\n%s", got, text)
			}
		})
	}
}
