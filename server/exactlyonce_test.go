package main_test

import (
	"encoding/json"
	"net/url"
	"sync"
	"testing"
)

// However many times an event is told, to however many processes at once, one
// conversion comes of it.
func TestOneEventIsOneConversionOnTwoProcesses(t *testing.T) {
	t.Parallel()
	first, databaseURL := startOnNewDatabase(t)
	second := start(t, onDatabase(databaseURL)...)
	for _, c := range []struct{ name, txid string }{
		{"with a transaction id", "ORDER-1"},
		{"without one", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			click := first.clickOnce()
			q := url.Values{"click_id": {click}, "event_type": {"sale"}, "amount": {"49.90"}, "currency": {"EUR"}}
			if c.txid != "" {
				q.Set("txid", c.txid)
			}
			got := fire(t, requests, func(int) string { return "/postback?" + q.Encode() }, first, second)
			if len(got.conversions) != 1 || got.results["accepted"] != 1 || got.results["duplicate"] != requests-1 {
				t.Errorf("got %d conversions, results %v, statuses %v", len(got.conversions), got.results, got.statuses)
			}
			for id := range got.conversions {
				wantOneConversion(t, databaseURL, id)
			}
		})
	}
}

const (
	connections = 64
	requests    = 10_000
)

// tally is what a storm of requests was answered.
type tally struct {
	mu          sync.Mutex
	statuses    map[int]int
	results     map[string]int
	reasons     map[string]int
	conversions map[string]int
}

// fire sends n requests from many connections at once, to each process in turn.
func fire(t *testing.T, n int, path func(i int) string, to ...*process) *tally {
	t.Helper()
	got := &tally{statuses: map[int]int{}, results: map[string]int{}, reasons: map[string]int{}, conversions: map[string]int{}}
	shots := make(chan int, n)
	for i := range n {
		shots <- i
	}
	close(shots)
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			c, err := dial(t.Context(), to[i%len(to)].url)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := range shots {
				a, err := c.get(path(i))
				if err != nil {
					t.Error(err)
					return
				}
				got.add(a)
			}
		})
	}
	wg.Wait()
	return got
}

func (g *tally) add(a answer) {
	var told struct {
		Result       string `json:"result"`
		Reason       string `json:"reason"`
		ConversionID string `json:"conversion_id"`
	}
	_ = json.Unmarshal([]byte(a.body), &told) // what is no JSON has no result
	g.mu.Lock()
	defer g.mu.Unlock()
	g.statuses[a.status]++
	g.results[told.Result]++
	g.reasons[told.Reason]++
	g.conversions[told.ConversionID]++
}

// wantOneConversion wants a click to have one conversion, made and moved once.
func wantOneConversion(t *testing.T, databaseURL, id string) {
	t.Helper()
	conversion := rawID(t, id)
	for what, sql := range map[string]string{
		"conversions": `SELECT count(*) FROM conversions WHERE click_id = (SELECT click_id FROM conversions WHERE id = $1)`,
		"transitions": `SELECT count(*) FROM transitions WHERE conversion_id = $1`,
		"entries":     `SELECT count(*) FROM ledger WHERE id = $1`,
	} {
		if n := queryInt(t, databaseURL, sql, conversion); n != 1 {
			t.Errorf("%d %s", n, what)
		}
	}
}
