package load

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

var stored = Clicks{Secret: make([]byte, 32), From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Span: 30 * 24 * time.Hour, Count: 1000}

func TestClicksAreKnownByTheirNumber(t *testing.T) {
	t.Parallel()
	seen := map[uuid.UUID]bool{}
	for n := range stored.Count {
		id := stored.ID(n)
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 || !proofback.UUIDTime(id).Equal(stored.At(n)) {
			t.Fatalf("click %d is %s", n, id)
		}
		seen[id] = true
	}
	if len(seen) != stored.Count {
		t.Errorf("%d clicks have %d ids", stored.Count, len(seen))
	}
}

func readRequest(t *testing.T, b []byte) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return r
}

func TestPostbacksAreAboutAllClicks(t *testing.T) {
	t.Parallel()
	p, err := newPostbackRequests(&PostbackTraffic{Clicks: stored, Prefix: "x"}, "host")
	if err != nil {
		t.Fatal(err)
	}
	clicks, txids := map[uuid.UUID]bool{}, map[string]bool{}
	for n := range stored.Count {
		q := readRequest(t, p.request(nil, uint64(n))).URL.Query()
		id, state := p.keys.Parse(q.Get("click_id"))
		if state != proofback.ClickIDWhole {
			t.Fatalf("%v", q)
		}
		clicks[id], txids[q.Get("txid")] = true, true
	}
	if len(clicks) != stored.Count || len(txids) != stored.Count {
		t.Errorf("%d requests are about %d clicks and %d events", stored.Count, len(clicks), len(txids))
	}
}

func TestMixedPostbacksAreHalfRepeatedAndPartlyRubbish(t *testing.T) {
	t.Parallel()
	p, err := newPostbackRequests(&PostbackTraffic{Clicks: stored, Prefix: "x", Mixed: true}, "host")
	if err != nil {
		t.Fatal(err)
	}
	const requests = 20000
	events, repeated, rubbish := map[string]bool{}, 0, 0
	for n := range requests {
		q := readRequest(t, p.request(nil, uint64(n))).URL.Query()
		if _, state := p.keys.Parse(q.Get("click_id")); state != proofback.ClickIDWhole {
			rubbish++
			continue
		}
		if events[q.Get("txid")] {
			repeated++
		}
		events[q.Get("txid")] = true
	}
	if share := float64(rubbish) / requests; share < 0.04 || share > 0.06 {
		t.Errorf("%.3f are rubbish", share)
	}
	if share := float64(repeated) / requests; share < 0.4 || share > 0.55 {
		t.Errorf("%.3f are repetitions", share)
	}
}

func TestVisitorsComeInManyKinds(t *testing.T) {
	t.Parallel()
	list := newClickRequests(&ClickTraffic{Codes: []string{"a", "b", "c"}}, "host")
	agents, codes := map[string]bool{}, map[string]bool{}
	for n := range 4096 {
		r := readRequest(t, list.request(nil, uint64(n)))
		agents[r.UserAgent()], codes[r.URL.Path] = true, true
	}
	if len(agents) < 200 || len(codes) != 3 {
		t.Errorf("%d user agents, %d links", len(agents), len(codes))
	}
}
