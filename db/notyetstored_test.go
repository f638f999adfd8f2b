package db_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// spooledClick is a click of the desk that is in another process's spool.
func (d *desk) spooledClick(t testing.TB) proofback.Click {
	t.Helper()
	id := newID(t)
	at := proofback.UUIDTime(id)
	d.exec(t, `
		INSERT INTO spools (id, since, until, seen_at)
		VALUES ($1, $2, $2, $2)`, newID(t), at)
	return proofback.Click{
		ID: id, At: at, LinkID: newID(t), OfferID: d.offer, AffiliateID: d.affiliate,
		AdvertiserID: d.advertiser, TermsID: d.terms.ID, Device: proofback.DeviceDesktop,
	}
}

func (d *desk) store1(t testing.TB, c proofback.Click) {
	t.Helper()
	if err := d.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
		t.Fatal(err)
	}
}

// look looks at a request again and gives what the look's log says.
func (d *desk) look(t testing.TB, first uuid.UUID) (reason string, again time.Duration) {
	t.Helper()
	again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, first)
	if err != nil {
		t.Fatal(err)
	}
	err = d.store.Pool().QueryRow(t.Context(), `SELECT reason FROM postbacks WHERE replay_of = $1 ORDER BY id DESC LIMIT 1`, first).Scan(&reason)
	if err != nil {
		t.Fatal(err)
	}
	return reason, again
}

// secure has the advertiser prove itself with a token.
func (d *desk) secure(t testing.TB, token string) {
	t.Helper()
	sealer, err := db.NewSealer(make([]byte, 32)) // as dbtest has it
	if err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE advertisers SET security_mode = 'TOKEN', secret = $1`, sealer.Seal(token, d.advertiser))
}

func newWaitingDesk(t testing.TB) (*desk, *notebook) {
	d, n := newDesk(t), &notebook{}
	d.store.SetEnqueuer(n)
	return d, n
}

func TestAPostbackWaitsForItsClickToBeStored(t *testing.T) {
	t.Parallel()
	d, n := newWaitingDesk(t)
	click := d.spooledClick(t)
	id := d.keys.Encode(click.ID)
	p := d.decide(t, sale(id, "1", "100"))[0]
	if p.Result != proofback.ResultDeferred || p.Reason != proofback.ReasonClickNotYetStored || p.ResponseStatus != 202 || p.ClickID != click.ID {
		t.Fatalf("%+v", p)
	}
	if len(n.looks) != 1 || n.looks[0] != p.ID {
		t.Errorf("looks asked for: %v", n.looks)
	}
	if reason, again := d.look(t, p.ID); reason != "CLICK_NOT_YET_STORED" || again == 0 || again > time.Hour {
		t.Errorf("a look too early: %s, again in %s", reason, again)
	}
	d.store1(t, click)
	if reason, again := d.look(t, p.ID); reason != "ACCEPTED" || again != 0 {
		t.Errorf("%s, again in %s", reason, again)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE click_id = $1 AND event_at = (SELECT received_at FROM postbacks WHERE id = $2)`, click.ID, p.ID); n != 1 {
		t.Errorf("%d conversions", n)
	}
}

// Of two processes with copies of one spool, the first that has moved its own says
// that there is none any more, while the other is still at it.
func TestAPostbackThatWaitsIsNotGivenUpForWhatTheSpoolsSay(t *testing.T) {
	t.Parallel()
	d, _ := newWaitingDesk(t)
	click := d.spooledClick(t)
	p := d.decide(t, sale(d.keys.Encode(click.ID), "1", "100"))[0]
	d.exec(t, `DELETE FROM spools`)
	if reason, again := d.look(t, p.ID); reason != "CLICK_NOT_YET_STORED" || again == 0 {
		t.Errorf("%s, again in %s", reason, again)
	}
	d.store1(t, click)
	if reason, _ := d.look(t, p.ID); reason != "ACCEPTED" {
		t.Errorf("%s", reason)
	}
}

func TestAPostbackWaitsADayForItsClickAndNoLonger(t *testing.T) {
	t.Parallel()
	d, _ := newWaitingDesk(t)
	p := d.decide(t, sale(d.keys.Encode(d.spooledClick(t).ID), "1", "100"))[0]
	if n := d.count(t, `SELECT count(*) FROM deferred WHERE until = $1`, p.ReceivedAt.Add(24*time.Hour)); n != 1 {
		t.Error("it does not wait for a day")
	}
	d.exec(t, `UPDATE deferred SET until = now()`)
	if reason, again := d.look(t, p.ID); reason != "UNKNOWN_CLICK" || again != 0 {
		t.Errorf("%s, again in %s", reason, again)
	}
	if n := d.count(t, `SELECT count(*) FROM deferred`); n != 0 {
		t.Error("it still waits")
	}
}

func TestAClickThatIsInNoSpoolIsUnknown(t *testing.T) {
	t.Parallel()
	d, _ := newWaitingDesk(t)
	click := d.spooledClick(t)
	before, err := proofback.NewUUIDv7(click.At.Add(-time.Hour), zeroes{})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.decide(t, sale(d.keys.Encode(before), "1", "100"))[0]; p.Reason != proofback.ReasonUnknownClick {
		t.Errorf("%s", p.Reason)
	}
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// On the plain endpoint nobody knows whose a request is before its click is
// stored; then it is read and has to prove itself like any other.
func TestAPostbackThatWaitedIsReadWithItsAdvertisersNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ query, token, reason string }{
		{"goal_name=sale&sum=100&currency=EUR", "s3cret-of-acme", "ACCEPTED"},
		{"goal_name=sale&sum=100&currency=EUR", "guessed-token", "TOKEN_INVALID"},
		{"sum=100&currency=EUR", "s3cret-of-acme", "MISSING_EVENT"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			t.Parallel()
			d, _ := newWaitingDesk(t)
			d.secure(t, "s3cret-of-acme")
			d.exec(t, `UPDATE advertisers SET parameter_mapping = '[{"from": "goal_name", "to": "event_type"}, {"from": "sum", "to": "amount"}]'`)
			if err := d.setup.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			click := d.spooledClick(t)
			query := test.query + "&email=me@example.com&token=" + test.token + "&click_id=" + d.keys.Encode(click.ID)
			in := d.incoming(query)
			in.Sent = &db.Sent{
				Request:     proofback.PostbackRequest{Method: "GET", RawQuery: query},
				Credentials: proofback.Credentials{Peer: netip.MustParseAddr("10.0.0.1"), Now: in.ReceivedAt},
			}
			in.URL = "/postback"
			log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in})
			if err != nil || log[0].Reason != proofback.ReasonClickNotYetStored {
				t.Fatalf("%+v, %v", log, err)
			}
			if n := d.count(t, `SELECT count(*) FROM deferred AS d JOIN postbacks AS p ON p.id = d.postback_id
				WHERE (d::text || p::text) LIKE '%example.com%' OR (d::text || p::text) LIKE '%' || $1 || '%'`, test.token); n != 0 {
				t.Error("personal data or a secret was stored in the clear")
			}
			d.store1(t, click)
			if reason, again := d.look(t, in.ID); reason != test.reason || again != 0 {
				t.Errorf("%s, again in %s", reason, again)
			}
		})
	}
}

// A request that came for a click in a spool, and then has to wait for another
// event, is read once, and waits for as long as that takes.
func TestAPostbackMayWaitTwice(t *testing.T) {
	t.Parallel()
	d, _ := waiting(t)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	click := d.spooledClick(t)
	query := "event_type=upsell&txid=u&amount=5&currency=EUR&click_id=" + d.keys.Encode(click.ID)
	in := d.incoming(query)
	in.Sent = &db.Sent{
		Request:     proofback.PostbackRequest{Method: "GET", RawQuery: query},
		Credentials: proofback.Credentials{Peer: netip.MustParseAddr("10.0.0.1"), Now: in.ReceivedAt},
	}
	if _, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in}); err != nil {
		t.Fatal(err)
	}
	d.store1(t, click)
	if reason, again := d.look(t, in.ID); reason != "PREREQUISITE_MISSING" || again == 0 {
		t.Fatalf("%s, again in %s", reason, again)
	}
	if n := d.count(t, `SELECT count(*) FROM deferred WHERE sealed IS NULL AND sender = $1 AND until = $2`, d.advertiser, click.At.Add(24*time.Hour)); n != 1 {
		t.Error("what waits is not what was read")
	}
	d.decide(t, sale(d.keys.Encode(click.ID), "s", "100"))
	if reason, again := d.look(t, in.ID); reason != "ACCEPTED" || again != 0 {
		t.Errorf("%s, again in %s", reason, again)
	}
}

// Two looks at a request may come at once: the one that it waits for, and the one that
// its click's storing asks for. The first uses up what the request proves itself by, and
// has it wait for another event; the other must not take that for a request that was copied.
func TestTwoLooksAtOnceAreOneAfterTheOther(t *testing.T) {
	t.Parallel()
	d, _ := waiting(t)
	const token = "s3cret-of-acme"
	d.secure(t, token)
	d.exec(t, `UPDATE advertisers SET security_mode = 'SIGNATURE'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	click := d.spooledClick(t)
	body := "event_type=upsell&txid=u&amount=5&currency=EUR&click_id=" + d.keys.Encode(click.ID)
	in := d.incoming(body)
	in.Method = "POST"
	in.Sent = &db.Sent{
		Request: proofback.PostbackRequest{Method: "POST", ContentType: "application/x-www-form-urlencoded", Body: []byte(body)},
		Credentials: proofback.Credentials{
			Peer: netip.MustParseAddr("10.0.0.1"), Now: in.ReceivedAt, WebhookID: "msg_1", WebhookTimestamp: strconv.FormatInt(in.ReceivedAt.Unix(), 10),
			WebhookSignature: proofback.SignWebhook(token, "msg_1", in.ReceivedAt, []byte(body)),
		},
	}
	if log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in}); err != nil || log[0].Reason != proofback.ReasonClickNotYetStored {
		t.Fatalf("%+v, %v", log, err)
	}
	d.store1(t, click)
	holder, err := d.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(t.Context()) }()
	if _, err := holder.Exec(t.Context(), `SELECT FROM deferred FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for range 2 {
		go func() {
			_, err := d.store.LookAgain(t.Context(), d.setup, d.keys, in.ID)
			errs <- err
		}()
	}
	eventually(t, 10*time.Second, "both looks wait", func() bool {
		return d.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 2
	})
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks WHERE replay_of = $1 AND reason <> 'PREREQUISITE_MISSING'`, in.ID); n != 0 {
		t.Errorf("%d looks had another reason", n)
	}
	d.exec(t, `UPDATE advertisers SET security_mode = 'NONE'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.decide(t, sale(d.keys.Encode(click.ID), "s", "100"))
	if reason, _ := d.look(t, in.ID); reason != "ACCEPTED" {
		t.Errorf("%s", reason)
	}
}

// A signature is over the query as it came, bytes that are no text included.
func TestASignedQueryThatWaitedIsReadAsItCame(t *testing.T) {
	t.Parallel()
	d, _ := newWaitingDesk(t)
	const secret = "s3cret-of-acme"
	d.secure(t, secret)
	d.exec(t, `UPDATE advertisers SET security_mode = 'SIGNATURE'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	click := d.spooledClick(t)
	query := "event_type=sale&txid=1&amount=5&currency=EUR&shop=Caf\xe9&click_id=" + d.keys.Encode(click.ID)
	in := d.incoming(query)
	query += "&sig_time=" + strconv.FormatInt(in.ReceivedAt.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(query))
	in.Sent = &db.Sent{
		Request:     proofback.PostbackRequest{Method: "GET", RawQuery: query + "&sig=" + hex.EncodeToString(mac.Sum(nil))},
		Credentials: proofback.Credentials{Peer: netip.MustParseAddr("10.0.0.1"), Now: in.ReceivedAt},
	}
	in.URL = "/postback"
	if log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in}); err != nil || log[0].Reason != proofback.ReasonClickNotYetStored {
		t.Fatalf("%+v, %v", log, err)
	}
	d.store1(t, click)
	if reason, again := d.look(t, in.ID); reason != "ACCEPTED" || again != 0 {
		t.Errorf("%s, again in %s", reason, again)
	}
}
