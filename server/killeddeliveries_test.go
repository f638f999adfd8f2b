package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// What was in flight when the program was killed is sent again, and nothing else.
func TestAKilledServerDeliversEveryPostbackItAccepted(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	arrived := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-time.After(20 * time.Millisecond) // so that some are in flight
		mu.Lock()
		defer mu.Unlock()
		arrived[r.URL.Query().Get("tx")]++
	}))
	defer receiver.Close()
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived)
	}
	const allow = "PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8"
	p, databaseURL := startOnNewDatabase(t, allow)
	var made struct {
		CreateAffiliatePostback struct {
			UserErrors []struct{ Message string }
		}
	}
	p.graphql(p.signIn("fjell@demo.example"), `mutation($input: CreateAffiliatePostbackInput!) {
		createAffiliatePostback(input: $input) { userErrors { message } }
	}`, map[string]any{"input": map[string]any{"urlTemplate": receiver.URL + "/?tx={txid}", "statuses": []string{"PENDING"}}}, &made)
	if len(made.CreateAffiliatePostback.UserErrors) > 0 {
		t.Fatalf("got %+v", made)
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
	const events = 200
	for i := range events {
		sale := url.Values{"click_id": {sentOn.clickID()}, "event_type": {"sale"}, "txid": {fmt.Sprintf("K-%d", i)}, "amount": {"10"}, "currency": {"EUR"}}
		if status, body := p.get("/postback?" + sale.Encode()); status != http.StatusOK {
			t.Fatalf("the postback got %d %s", status, body)
		}
	}
	eventually(t, "some have arrived", func() bool { return count() > 0 })
	p.kill()
	killed := time.Now()
	start(t, onDatabase(databaseURL, "PROOFBACK_DEMO=true", allow)...)
	eventually(t, "all have arrived", func() bool { return count() == events })
	if took := time.Since(killed); took > 60*time.Second {
		t.Errorf("the last straggler came after %s", took)
	}
	mu.Lock()
	defer mu.Unlock()
	twice := 0
	for _, n := range arrived {
		twice += n - 1
	}
	if inFlight := 5; twice > inFlight { // as many as are in flight to one destination
		t.Errorf("%d came twice", twice)
	}
}
