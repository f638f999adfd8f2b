package ingest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// ownWords gives the advertiser names and words of its own.
func ownWords(a *proofback.Advertiser, _ *proofback.Terms) {
	a.ParameterMapping = []proofback.NameMapping{{From: "cid", To: "click_id"}, {From: "order", To: "txid"}, {From: "what", To: "event_type"}}
	a.StatusMapping = []proofback.StatusMapping{{From: "lead", To: proofback.StatusPending}, {From: "2", To: proofback.StatusApproved}}
}

// to sends a query to the advertiser's own endpoint.
func (p *party) to(query string) *reply {
	p.Helper()
	return p.send(request(http.MethodGet, p.fill("/postback/{key}?"+query), ""))
}

func TestAnAdvertisersOwnEndpointTakesItsOwnWords(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p, other := b.party(t, ownWords), b.party(t, nil)
	stranger := p.click
	for _, c := range []struct {
		name string
		got  func() *reply
		want proofback.Reason
		says string
	}{
		{"its names", func() *reply { return p.to("cid={click}&order=1&what=sale&status=Lead") }, "ACCEPTED", ""},
		{"its words", func() *reply { return p.to("cid={click}&order=1&what=sale&status=2") }, "STATUS_UPDATED", "approved"},
		{"the canonical names", func() *reply { return p.to("click_id={click}&txid=1&event_type=sale") }, "DUPLICATE", ""},
		{"the plain endpoint, once the click tells", func() *reply { return p.get("click_id={click}&order=1&what=sale&status=2") }, "DUPLICATE", ""},
		{"the plain endpoint, where it does not", func() *reply { return p.get("cid={click}&order=1&what=sale") }, "MISSING_CLICK_ID", `"cid"`},
		{"a name and its canonical one", func() *reply { return p.to("cid={click}&click_id={other}&what=sale") }, "CONFLICTING_PARAMETERS", `"cid" and "click_id"`},
		{"another's words", func() *reply { return other.to("click_id={click}&event_type=sale&status=2") }, "INVALID_STATUS", ""},
		{"another's click", func() *reply { return other.to("event_type=sale&click_id=" + stranger) }, "UNKNOWN_CLICK", "whose endpoint was called"},
	} {
		if got := c.got(); got.Reason != c.want || !strings.Contains(got.Message, c.says) {
			t.Errorf("%s: %s", c.name, got.body)
		}
	}
	if kept := p.kept(); len(kept) != 1 || kept[0] != "APPROVED" {
		t.Errorf("kept %v", kept)
	}
	b.allLogged()
}

// Whoever calls an endpoint with another's click is told of nobody's secrets, and
// the log shows it to the endpoint's advertiser alone.
func TestAStrangersClickIsLoggedForTheEndpointAlone(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p, other := b.party(t, nil), b.party(t, nil)
	log := p.logged(other.to("event_type=sale&txid=1&click_id=" + p.click))
	if log.AdvertiserID != other.advertiser.ID || log.ClickID != [16]byte{} || log.OfferID != [16]byte{} || log.AffiliateID != [16]byte{} {
		t.Errorf("logged for %s, with %s, %s, %s", log.AdvertiserID, log.ClickID, log.OfferID, log.AffiliateID)
	}
}

func TestAnswerAlways200(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, func(a *proofback.Advertiser, terms *proofback.Terms) {
		a.AnswerAlways200 = true
		secured(proofback.SecurityToken)(a, terms)
		afterLead(proofback.PrerequisiteWait)(a, terms)
	})
	for _, c := range []struct {
		got   *reply
		want  proofback.Reason
		truth string
	}{
		{p.to("click_id={click}&event_type=lead&token={secret}"), "ACCEPTED", ""},
		{p.to("click_id={click}&event_type=lead&token={secret}"), "DUPLICATE", ""},
		{p.get("click_id={other}&event_type=sale&token={secret}"), "PREREQUISITE_MISSING", "202"},
		{p.to("event_type=sale&token={secret}"), "MISSING_CLICK_ID", "400"},
		{p.get("click_id={click}&event_type=sale"), "TOKEN_INVALID", "401"},
		{p.to("click_id={unknown}&event_type=sale&token={secret}"), "UNKNOWN_CLICK", "404"},
		{p.get("click_id={click}&event_type=nothing&token={secret}"), "UNKNOWN_EVENT", "422"},
	} {
		if c.got.status != http.StatusOK || c.got.Reason != c.want || c.got.header.Get("X-Proofback-Status") != c.truth {
			t.Errorf("%d, X-Proofback-Status %q: %s", c.got.status, c.got.header.Get("X-Proofback-Status"), c.got.body)
		}
		if log := p.logged(c.got); log.ResponseBody != c.got.body || c.truth != "" && http.StatusText(log.ResponseStatus) == "OK" {
			t.Errorf("logged with status %d, %s", log.ResponseStatus, log.ResponseBody)
		}
	}
	if got := p.get("click_id={unknown}&event_type=sale"); got.status != http.StatusNotFound {
		t.Errorf("who cannot be told to be its sender: %d", got.status)
	}
	b.allLogged()
}

func TestTooManyRequestsAreRefusedAndNotStored(t *testing.T) {
	t.Parallel()
	start := time.Now()
	b := newInbox(t, func(h *Postbacks) { h.PerSecond = 2 })
	b.handler.Passing = func() time.Time { return start.Add(time.Duration(b.skew.Load())) } // it stands still
	p, other := b.party(t, nil), b.party(t, nil)
	for range 4 { // a burst of twice as many
		p.to(sale)
	}
	res := p.serve(request(http.MethodGet, p.fill("/postback/{key}?"+sale), ""))
	body, err := io.ReadAll(res.Body)
	p.must(err)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" || !strings.Contains(string(body), "nothing was stored") {
		t.Errorf("status %d, Retry-After %q, %s", res.StatusCode, res.Header.Get("Retry-After"), body)
	}
	other.to(sale) // has a limit of its own
	b.skew.Store(int64(time.Second))
	p.to(sale)
	b.allLogged()
}

func TestWhatCannotBeStoredIsToBeSentAgain(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	p.to(sale)
	b.store.Close()
	for _, path := range []string{"/postback?", "/postback/{key}?", "/postback/nobody?"} {
		res := p.serve(request(http.MethodGet, p.fill(path+sale), ""))
		body, err := io.ReadAll(res.Body)
		p.must(err)
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "nothing was stored") {
			t.Errorf("%s: status %d, Retry-After %q, %s", path, res.StatusCode, res.Header.Get("Retry-After"), body)
		}
	}
}

// The context of a request ends also when its sender only says that it sends no more. It
// reads on, and an answer that is left out would reach it as a 200.
func TestWhoSendsNoMoreIsAnsweredAllTheSame(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ask := func(r *http.Request) *http.Request { return r.WithContext(ended) }

	if got := p.send(ask(request(http.MethodGet, p.fill("/postback?"+sale), ""))); got.status != http.StatusOK || got.Reason != proofback.ReasonAccepted {
		t.Errorf("status %d, %s", got.status, got.body)
	}
	direct := ask(request(http.MethodPost, "/clicks", `{"link": "`+p.link.Code+`"}`))
	if got := p.serve(direct); got.StatusCode != http.StatusCreated {
		t.Errorf("a direct click: status %d", got.StatusCode)
	}
	b.store.Close()
	for _, path := range []string{"/postback?", "/postback/{key}?", "/postback/nobody?"} {
		res := p.serve(ask(request(http.MethodGet, p.fill(path+sale), "")))
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s, when nothing can be stored: status %d, Retry-After %q", path, res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
}
