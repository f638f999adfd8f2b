package jobs

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// receiver keeps the requests that it got.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
}

type received struct {
	method, uri, body string
	header            http.Header
}

// receive answers each request, with its number from 1, as the test wants.
func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		rec.requests = append(rec.requests, received{r.Method, r.RequestURI, string(body), r.Header})
		n := len(rec.requests)
		rec.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received{}, r.requests...)
}

func ok(int, http.ResponseWriter, *http.Request) {}

func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// reset ends the request's connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestADeliveryArrivesOnceAndTellsWhatItShould(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thanks") })
	destination, secret := f.destination(t, rec.URL+"/in?cid={click_id}&tx={txid}&e={event_type}&s={status}&p={payout}{currency}&t={timestamp}&s1={sub1}&s2={sub2}&s10={sub10}&src={source}&d={delivery_id}")
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)

	key := proofback.GlobalID(proofback.KindDelivery, ids[0])
	want := "/in?cid=" + f.config.ClickKeys.Encode(f.click) + "&tx=T%260&e=sale&s=approved&p=3.50EUR&t=2026-11-22T10%3A00%3A00Z" +
		"&s1=a%2Fb&s2=&s10=zehn&src=news%20letter&d=" + key
	got := rec.got()
	if len(got) != 1 || got[0].method != http.MethodGet || got[0].uri != want || got[0].body != "" {
		t.Fatalf("got %+v\nwant %s", got, want)
	}
	checkSigned(t, got[0], key, secret)
	if diff := cmp.Diff([]attempt{{1, "DELIVERED", 200, rec.URL + want, "thanks", ""}}, f.attempts(t, ids[0])); diff != "" {
		t.Errorf("attempts, -want +got:\n%s", diff)
	}
	f.eventually(t, "healthy", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'HEALTHY' AND enabled`, 1, destination)
	f.eventually(t, "nothing is due", `SELECT count(*) FROM deliveries WHERE next_attempt_at IS NULL AND attempts = 1`, 1)
}

func TestAPostCarriesTheMessageAsJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	_, secret := f.destination(t, rec.URL+"/in?tx={txid}", func(d *proofback.Destination) { d.Method = http.MethodPost })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)

	got := rec.got()
	if len(got) != 1 || got[0].method != http.MethodPost || got[0].uri != "/in?tx=T%260" || got[0].header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %+v", got)
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(got[0].body), &body); err != nil {
		t.Fatal(err)
	}
	if body["txid"] != "T&0" || body["status"] != "approved" || body["payout"] != "3.50" || body["sub1"] != "a/b" || strings.Contains(got[0].body, "9.99") {
		t.Errorf("body %s", got[0].body)
	}
	checkSigned(t, got[0], proofback.GlobalID(proofback.KindDelivery, ids[0]), secret)
}

// checkSigned wants the Idempotency-Key and the headers of Standard Webhooks.
func checkSigned(t *testing.T, r received, key, secret string) {
	t.Helper()
	seconds, err := strconv.ParseInt(r.header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(seconds, 0)
	if age := time.Since(at); age < 0 || age > time.Minute {
		t.Errorf("signed at %s", at)
	}
	want := proofback.SignWebhook(secret, key, at, []byte(r.body))
	if r.header.Get("Idempotency-Key") != key || r.header.Get("webhook-id") != key || r.header.Get("webhook-signature") != want {
		t.Errorf("headers %v", r.header)
	}
	if !strings.HasPrefix(r.header.Get("User-Agent"), "Proofback/") {
		t.Errorf("user agent %q", r.header.Get("User-Agent"))
	}
}

func TestSecretsInURLsAreMaskedWhereAnybodyReadsThem(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "you sent "+r.RequestURI)
	})
	f.destination(t, rec.URL+"/in?token=s3cr3t-value&tx={txid}")
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	if got := rec.got(); len(got) != 1 || got[0].uri != "/in?token=s3cr3t-value&tx=T%260" {
		t.Errorf("sent %+v", got)
	}
	got := f.attempts(t, ids[0])
	if len(got) != 1 || got[0].URL != rec.URL+"/in?token=***&tx=T%260" || got[0].Body != "you sent /in?token=***&tx=T%260" {
		t.Errorf("kept %+v", got)
	}
}
