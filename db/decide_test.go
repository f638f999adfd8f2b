package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// desk is a network whose clicks can be converted.
type desk struct {
	*network
	setup *db.Setup
	keys  *proofback.ClickKeys
}

func newDesk(t testing.TB, change ...func(*db.Config)) *desk {
	t.Helper()
	n := newNetwork(t, dbtest.Open(t, change...))
	n.putTerms(t, func(terms *proofback.Terms) {
		terms.AttributionWindowHours = 24
		g := &terms.Goals[0]
		g.Revenue, g.Approval, g.DedupeWindowMinutes = proofback.Price{Model: proofback.PricePercent, Percent: "10"}, proofback.ApprovalManual, 60
	})
	setup, err := n.store.NewSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{network: n, setup: setup, keys: keys}
}

// click stores one and gives its click id.
func (d *desk) click(t testing.TB) string {
	t.Helper()
	at := time.Now().UTC().Add(-time.Minute).Truncate(time.Millisecond)
	c := proofback.Click{
		ID: proofback.UUIDFloor(at), At: at, LinkID: newID(t), OfferID: d.offer, AffiliateID: d.affiliate,
		AdvertiserID: d.advertiser, TermsID: d.terms.ID, Device: proofback.DeviceDesktop,
	}
	random := newID(t)
	copy(c.ID[8:], random[8:])
	c.ID[6] = 0x70 | random[6]&0x0f
	if err := d.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
		t.Fatal(err)
	}
	return d.keys.Encode(c.ID)
}

// incoming is a request with this query on the plain endpoint.
func (d *desk) incoming(query string) *db.Incoming {
	return &db.Incoming{
		ID: uuid.Must(uuid.NewV7()), ReceivedAt: time.Now().UTC().Truncate(time.Microsecond),
		Method: "GET", URL: "/postback?" + query, RemoteIP: "192.0.2.1",
		Read: func(s proofback.Sender) proofback.Reading {
			return proofback.ReadRequest(proofback.PostbackRequest{Method: "GET", RawQuery: query}, proofback.Credentials{Peer: netip.MustParseAddr("10.0.0.1")}, s, d.keys)
		},
	}
}

func (d *desk) decide(t testing.TB, queries ...string) []proofback.Postback {
	t.Helper()
	batch := make([]*db.Incoming, len(queries))
	for i, q := range queries {
		batch[i] = d.incoming(q)
	}
	log, err := d.store.Decide(t.Context(), d.setup, batch)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// count asks the database for a number.
func (d *desk) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := d.store.Pool().QueryRow(context.WithoutCancel(t.Context()), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func sale(click, txid, amount string) string {
	return url.Values{"click_id": {click}, "txid": {txid}, "event_type": {"sale"}, "amount": {amount}, "currency": {"EUR"}}.Encode()
}

func TestABatchIsDecidedInItsOrderAndStoredWhole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, b := d.click(t), d.click(t)
	log := d.decide(t,
		sale(a, "1", "100"),
		sale(a, "1", "100.0"),
		sale(a, "1", "100")+"&status=approved",
		sale(b, "1", "100"),
		sale(b, "", "12.34")+"&sub3=x",
		sale(b, "", "12.34"),
		"click_id=nonsense&event_type=sale",
	)
	want := []proofback.Reason{
		proofback.ReasonAccepted, proofback.ReasonDuplicate, proofback.ReasonStatusUpdated,
		proofback.ReasonTransactionConflict, proofback.ReasonAccepted, proofback.ReasonDuplicate, proofback.ReasonForgedClickID,
	}
	for i, p := range log {
		if p.Reason != want[i] {
			t.Errorf("request %d: %s (%s), want %s", i, p.Reason, p.Message, want[i])
		}
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks`); n != len(want) {
		t.Errorf("%d requests in the log, want %d", n, len(want))
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE status = 'APPROVED' AND began = 'PENDING' AND amount = 100 AND payout = 3.5 AND revenue = 10 AND normal_payout = 3.5`); n != 1 {
		t.Errorf("%d approved conversions as agreed, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE txid IS NULL AND revenue = 1.23 AND subs ->> 2 = 'x'`); n != 1 {
		t.Errorf("%d conversions without a transaction id, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM transitions`); n != 3 {
		t.Errorf("%d transitions, want 3", n)
	}
	if n := d.count(t, `SELECT count(*) FROM ledger WHERE kind IN ('conversion', 'transition')`); n != 3 {
		t.Errorf("%d ledger entries, want 2 conversions with their first moves and another move", n)
	}
	var answer proofback.Answer
	if err := json.Unmarshal([]byte(log[0].ResponseBody), &answer); err != nil || answer.Status != "pending" || answer.ConversionID == "" {
		t.Errorf("answer %+v, %v", answer, err)
	}
	// The same again in another batch: the database knows it all.
	for i, p := range d.decide(t, sale(a, "1", "100"), sale(b, "", "12.34"), sale(a, "1", "100")+"&status=rejected") {
		if want := []proofback.Reason{proofback.ReasonDuplicate, proofback.ReasonDuplicate, proofback.ReasonInvalidTransition}[i]; p.Reason != want {
			t.Errorf("again %d: %s, want %s", i, p.Reason, want)
		}
	}
}

func TestAnAdvertisersOwnNamesApplyOnceTheClickTellsWhoseItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.exec(t, `UPDATE advertisers SET parameter_mapping = '[{"from": "order", "to": "txid"}]', status_mapping = '[{"from": "lead", "to": "APPROVED"}]'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := d.decide(t, "click_id="+d.click(t)+"&order=77&event=sale&amount=5&currency=eur&status=Lead")[0]
	if p.Reason != proofback.ReasonAccepted || p.TxID != "77" {
		t.Fatalf("%s %s txid %q", p.Reason, p.Message, p.TxID)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE txid = '77' AND status = 'APPROVED'`); n != 1 {
		t.Fatalf("%d conversions", n)
	}
}

// However many arrive at once, through however many processes, one conversion
// comes of one event, and everybody gets an answer that says so.
func TestOneEventIsCreditedOnceWhoeverRaces(t *testing.T) {
	t.Parallel()
	for _, txid := range []string{"t-1", ""} {
		t.Run("txid "+txid, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			click := d.click(t)
			// Three deciders with several writers each stand for three processes.
			var deciders []*db.Decider
			for range 3 {
				deciders = append(deciders, d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 3, MaxBatch: 7}))
			}
			const senders, each = 32, 20
			var wg sync.WaitGroup
			results := make(chan *proofback.Postback, senders*each)
			for s := range senders {
				wg.Go(func() {
					for i := range each {
						p, err := deciders[(s+i)%len(deciders)].Decide(d.incoming(sale(click, txid, "100")))
						if err != nil {
							t.Error(err)
							return
						}
						results <- p
					}
				})
			}
			wg.Wait()
			close(results)
			for _, decider := range deciders {
				decider.Close()
			}
			byReason, ids := map[proofback.Reason]int{}, map[uuid.UUID]bool{}
			for p := range results {
				byReason[p.Reason]++
				ids[p.ConversionID] = true
			}
			if byReason[proofback.ReasonAccepted] != 1 || byReason[proofback.ReasonDuplicate] != senders*each-1 || len(ids) != 1 {
				t.Errorf("reasons %v, %d conversion ids", byReason, len(ids))
			}
			got := fmt.Sprint(d.count(t, `SELECT count(*) FROM conversions`), d.count(t, `SELECT count(*) FROM transitions`),
				d.count(t, `SELECT count(*) FROM ledger WHERE kind = 'conversion'`), d.count(t, `SELECT count(*) FROM postbacks`))
			if want := fmt.Sprint(1, 1, 1, senders*each); got != want {
				t.Errorf("conversions, transitions, ledger entries, log: %s, want %s", got, want)
			}
		})
	}
}

func TestRacingMovesLeaveOneTransition(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	d.decide(t, sale(click, "1", "100"))
	decider := d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 8, MaxBatch: 2})
	defer decider.Close()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			status := []string{"approved", "rejected"}[i%2]
			if _, err := decider.Decide(d.incoming(sale(click, "1", "100") + "&status=" + status)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.count(t, `SELECT count(*) FROM transitions WHERE from_status = 'PENDING'`); n != 1 {
		t.Errorf("%d moves, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions AS c JOIN transitions AS t ON t.conversion_id = c.id AND t.to_status = c.status WHERE t.from_status = 'PENDING'`); n != 1 {
		t.Error("the conversion is not where its transition says")
	}
}

func TestADecidersQueueIsBoundedAndClosesCleanly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	decider := d.store.NewDecider(d.setup, db.DeciderConfig{})
	click := d.click(t)
	if p, err := decider.Decide(d.incoming(sale(click, "1", "1"))); err != nil || p.Reason != proofback.ReasonAccepted {
		t.Fatal(p.Reason, err)
	}
	decider.Close()
	if _, err := decider.Decide(d.incoming(sale(click, "2", "1"))); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Fatalf("after Close: %v, want unavailable", err)
	}
}
