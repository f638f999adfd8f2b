package main_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// slowReceiver counts how often each URL is called, and takes its time.
type slowReceiver struct {
	*httptest.Server
	holding atomic.Int64 // requests that are being answered
	calls   atomic.Int64

	mu      sync.Mutex
	arrived map[string]int
}

func newSlowReceiver(t *testing.T, takes time.Duration) *slowReceiver {
	t.Helper()
	r := &slowReceiver{arrived: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.holding.Add(1)
		defer r.holding.Add(-1)
		r.calls.Add(1)
		r.mu.Lock()
		r.arrived[req.RequestURI]++
		r.mu.Unlock()
		select {
		case <-time.After(takes):
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// different is how many URLs were called.
func (r *slowReceiver) different() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrived)
}

// What was in flight when the program was killed is sent again, and nothing else:
// with some two hundred requests in flight and thousands waiting.
func TestAKilledServerDeliversEveryPostbackItAccepted(t *testing.T) {
	t.Parallel()
	const (
		endpoints = 40
		events    = 60
	)
	receiver := newSlowReceiver(t, 400*time.Millisecond)
	const allow = "PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8"
	p, databaseURL := startOnNewDatabase(t, allow)
	affiliate := p.signIn("fjell@demo.example")
	for i := range endpoints {
		var made struct {
			CreateAffiliatePostback struct {
				UserErrors []struct{ Message string }
			}
		}
		p.graphql(affiliate, `mutation($input: CreateAffiliatePostbackInput!) {
			createAffiliatePostback(input: $input) { userErrors { message } }
		}`, map[string]any{"input": map[string]any{"urlTemplate": fmt.Sprintf("%s/%d?tx={txid}", receiver.URL, i), "statuses": []string{"PENDING"}}}, &made)
		if len(made.CreateAffiliatePostback.UserErrors) > 0 {
			t.Fatalf("got %+v", made)
		}
	}
	c, err := dial(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sentOn, err := c.get("/c/demo")
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		sale := url.Values{"click_id": {sentOn.clickID()}, "event_type": {"sale"}, "txid": {fmt.Sprintf("K-%d", i)}, "amount": {"10"}, "currency": {"EUR"}}
		if status, body := p.get("/postback?" + sale.Encode()); status != http.StatusOK {
			t.Fatalf("the postback got %d %s", status, body)
		}
	}
	eventually(t, "many are in flight", func() bool { return receiver.holding.Load() > 150 })
	p.kill()
	killed := time.Now()
	eventually(t, "no request is left", func() bool { return receiver.holding.Load() == 0 })
	inFlight := int(receiver.calls.Load()) - attemptsAt(t, databaseURL, receiver.URL)
	if arrived := receiver.different(); inFlight < 100 || arrived >= endpoints*events {
		t.Fatalf("%d in flight, %d arrived: it was killed too early or too late", inFlight, arrived)
	}
	start(t, onDatabase(databaseURL, "PROOFBACK_DEMO=true", allow)...)
	eventually(t, "all have arrived", func() bool { return receiver.different() == endpoints*events })
	if took := time.Since(killed); took > 60*time.Second {
		t.Errorf("the last straggler came after %s", took)
	}
	eventually(t, "each has an attempt", func() bool { return attemptsAt(t, databaseURL, receiver.URL) == endpoints*events })
	if twice := int(receiver.calls.Load()) - endpoints*events; twice > inFlight {
		t.Errorf("%d came twice, and %d were in flight", twice, inFlight)
	}
}

// attemptsAt counts the attempts to call a receiver that are written down.
func attemptsAt(t *testing.T, databaseURL, receiver string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM attempts WHERE starts_with(url, $1)`, receiver).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
