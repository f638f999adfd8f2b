package jobs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound"
)

// auditing is an offer whose landing URL leads into a web of redirects, and who
// walks it.
type auditing struct {
	*fixture
	jobs       *Jobs
	base       string
	advertiser *proofback.Advertiser
	offer      uuid.UUID
}

func newAuditing(t *testing.T, web http.Handler, change ...func(*Config)) *auditing {
	t.Helper()
	server := httptest.NewServer(web)
	t.Cleanup(server.Close)
	a := &auditing{fixture: setup(t, change...), base: server.URL}
	var err error
	if a.advertiser, _, err = a.store.CreateAdvertiser(t.Context(), proofback.System(), proofback.Advertiser{Name: "Shop"}); err != nil {
		t.Fatal(err)
	}
	offer, err := a.store.CreateOffer(t.Context(), proofback.System(), a.advertiser.ID, proofback.Terms{
		Name: "Socks", Status: proofback.OfferActive, Access: proofback.OfferPublic, LandingURL: "https://shop.example/", AttributionWindowHours: 24,
		Goals: []proofback.Goal{{
			EventType: "sale", Name: "Sale", Approval: proofback.ApprovalAuto, WhenPrerequisiteMissing: proofback.PrerequisiteReject, DedupeWindowMinutes: 1,
			Payout: proofback.Price{Model: proofback.PriceFixed, Amount: "1", Currency: "EUR"}, Revenue: proofback.Price{Model: proofback.PriceFixed, Amount: "1", Currency: "EUR"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.offer = offer.ID
	if a.jobs, err = New(a.store, a.config); err != nil {
		t.Fatal(err)
	}
	return a
}

// walk audits the offer with a landing URL.
func (a *auditing) walk(t *testing.T, landing string) (*proofback.RedirectAudit, proofback.Conclusion) {
	t.Helper()
	_, err := a.store.UpdateOffer(t.Context(), proofback.System(), a.offer, func(terms *proofback.Terms) { terms.LandingURL = landing })
	if err != nil {
		t.Fatal(err)
	}
	audit, err := a.jobs.Audit(t.Context(), proofback.System(), a.offer)
	if err != nil {
		t.Fatal(err)
	}
	return audit, audit.Conclude()
}

// redirects is a web of pages. Those named by a number lead on with that status.
func redirects() http.Handler {
	mux := http.NewServeMux()
	to := func(path string, where func(r *http.Request) string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", where(r))
			w.WriteHeader(http.StatusFound)
		})
	}
	html := func(path, head string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprintf(w, "<html><head>"+head, strings.ReplaceAll(r.URL.RawQuery, "&", "&amp;"))
		})
	}
	html("/page", "<title>%s</title>")
	to("/pass", func(r *http.Request) string { return "/page?" + r.URL.RawQuery })
	to("/drop", func(*http.Request) string { return "/page?ref=1" })
	to("/lower", func(r *http.Request) string { return "/page?" + strings.ToLower(r.URL.RawQuery) })
	to("/cut", func(r *http.Request) string { return "/page?cid=" + r.URL.Query().Get("cid")[:32] })
	to("/twice", func(r *http.Request) string { return "/page?" + url.QueryEscape(r.URL.RawQuery) })
	to("/nested", func(r *http.Request) string { return "/out?to=" + url.QueryEscape("/page?"+r.URL.RawQuery) })
	to("/out", func(r *http.Request) string { return r.URL.Query().Get("to") })
	to("/circle", func(r *http.Request) string { return r.URL.String() })
	to("/deeper", func(r *http.Request) string { return r.URL.String() + "x" })
	to("/inside", func(*http.Request) string { return "http://169.254.169.254/latest/meta-data/?cid=1" })
	to("/nowhere", func(*http.Request) string { return "http://%zz/" })
	html("/meta", `<meta http-equiv="refresh" content="0; url=/pass?%s">`)
	mux.HandleFunc("/header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Refresh", "0; url=/page?"+r.URL.RawQuery)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
			w.Header().Set("Location", r.URL.String())
			w.WriteHeader(http.StatusFound)
		}
	})
	return mux
}

func TestAnAuditFollowsRedirectsHopByHop(t *testing.T) {
	t.Parallel()
	a := newAuditing(t, redirects())
	for path, want := range map[string]struct {
		verdict  proofback.Verdict
		hops     int
		lostAt   int
		statuses string
	}{
		"/page?cid={click_id}":         {proofback.VerdictSurvived, 1, 0, "200"},
		"/pass?cid={click_id}&a=1":     {proofback.VerdictSurvived, 2, 0, "302 200"},
		"/pass":                        {proofback.VerdictSurvived, 2, 0, "302 200"},
		"/nested?cid={click_id}":       {proofback.VerdictSurvived, 3, 0, "302 302 200"},
		"/meta?x=1&cid={click_id}":     {proofback.VerdictSurvived, 3, 0, "200 302 200"},
		"/header?cid={click_id}":       {proofback.VerdictSurvived, 2, 0, "200 200"},
		"/drop?cid={click_id}":         {proofback.VerdictLost, 2, 1, "302 200"},
		"/lower?cid={click_id}":        {proofback.VerdictCaseChanged, 2, 0, "302 200"},
		"/cut?cid={click_id}":          {proofback.VerdictCut, 2, 1, "302 200"},
		"/twice?cid={click_id}":        {proofback.VerdictEncodedTwice, 2, 1, "302 200"},
		"/gone?cid={click_id}":         {proofback.VerdictPageFailed, 1, 0, "410"},
		"/circle?cid={click_id}":       {proofback.VerdictBrokenOff, 1, 0, "302"},
		"/cookie?cid={click_id}":       {proofback.VerdictBrokenOff, 1, 0, "302"},
		"/deeper?cid={click_id}&x=":    {proofback.VerdictBrokenOff, proofback.MaxHops, 0, strings.TrimSpace(strings.Repeat("302 ", proofback.MaxHops))},
		"/nowhere?cid={click_id}":      {proofback.VerdictBrokenOff, 1, 0, "302"},
		"/inside?cid={click_id}":       {proofback.VerdictLost, 2, 1, "302 0"},
		"/page?cid={click_id}&token=x": {proofback.VerdictSurvived, 1, 0, "200"},
	} {
		audit, c := a.walk(t, a.base+path)
		var statuses []string
		for _, h := range audit.Hops {
			statuses = append(statuses, fmt.Sprint(h.Status))
			if strings.Contains(h.URL, "token=x") {
				t.Errorf("%s: a secret is kept: %s", path, h.URL)
			}
		}
		if got := strings.Join(statuses, " "); c.Verdict != want.verdict || len(audit.Hops) != want.hops || c.LostAtHop != want.lostAt || got != want.statuses {
			t.Errorf("%s: %+v after %s, want %+v\n%+v", path, c, got, want, audit.Hops)
		}
	}
}

func TestAnAuditIsKeptAndItsClickIsNot(t *testing.T) {
	t.Parallel()
	var clickID atomic.Value
	a := newAuditing(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		clickID.Store(r.URL.Query().Get("cid"))
		if !strings.Contains(r.UserAgent(), "Proofback") || !strings.HasPrefix(r.UserAgent(), "Mozilla/") || r.Header.Get("Cookie") != "" {
			t.Errorf("sent %v", r.Header)
		}
	}))
	audit, _ := a.walk(t, a.base+"/?cid={click_id}&from={country}")
	id, state := a.config.ClickKeys.Parse(clickID.Load().(string))
	if state != proofback.ClickIDWhole {
		t.Fatalf("the click id %q is %s", clickID.Load(), state)
	}
	clicks, err := a.store.ClicksByID(t.Context(), proofback.System(), []uuid.UUID{id})
	if err != nil || len(clicks) != 0 {
		t.Errorf("%d clicks, %v", len(clicks), err)
	}
	kept, err := a.store.RedirectAuditsByID(t.Context(), proofback.System(), []uuid.UUID{audit.ID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audit, kept[audit.ID]); diff != "" {
		t.Error(diff)
	}
}

func TestAnAuditReachesNothingThatIsNotPublic(t *testing.T) {
	t.Parallel()
	var called atomic.Bool
	a := newAuditing(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Store(true) }), func(c *Config) {
		c.Outbound = outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	})
	audit, c := a.walk(t, a.base+"/?cid={click_id}")
	if c.Verdict != proofback.VerdictBrokenOff || called.Load() || audit.Hops[0].Status != 0 {
		t.Errorf("%+v, called: %v", c, called.Load())
	}
}

func TestActiveOffersAreAuditedWeekly(t *testing.T) {
	t.Parallel()
	a := newAuditing(t, redirects())
	_, err := a.store.UpdateOffer(t.Context(), proofback.System(), a.offer, func(terms *proofback.Terms) { terms.LandingURL = a.base + "/drop?cid={click_id}" })
	if err != nil {
		t.Fatal(err)
	}
	a.start(t)
	a.eventually(t, "the offer is audited", `SELECT count(*) FROM redirect_audits WHERE offer_id = $1 AND verdict = 'LOST' AND by_user IS NULL`, 1, a.offer)
	due := func(days int) int {
		t.Helper()
		ids, err := a.store.OffersToAudit(t.Context(), proofback.System(), time.Now().AddDate(0, 0, -days), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(ids)
	}
	if due(7) != 0 || due(-1) != 1 {
		t.Errorf("%d are due, and %d tomorrow week", due(7), due(-1))
	}
	if _, err := a.store.UpdateOffer(t.Context(), proofback.System(), a.offer, func(terms *proofback.Terms) { terms.Status = proofback.OfferPaused }); err != nil || due(-1) != 0 {
		t.Errorf("a paused offer is due: %v", err)
	}
}
