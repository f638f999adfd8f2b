package ingest

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestVisitorIsSentOnWithAClickThatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := time.Now().Add(-time.Millisecond)
	got := w.visit("?sub1=a%20b&sub10=ten&source=mail&creative=banner&other=x", "Referer: https://blog.example/post")
	if got.StatusCode != http.StatusFound {
		t.Fatalf("status %d", got.StatusCode)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store, private", "X-Robots-Tag": "noindex"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	location, err := got.Location()
	w.must(err)
	if q := location.Query(); location.Host != "shop.example" || q.Get("s") != "a b" || len(q) != 2 {
		t.Errorf("sent to %s", location)
	}
	id := w.clickIn(location.Query().Get("click_id"))
	stored := w.storedOne()
	want := proofback.Click{
		ID:           id,
		At:           proofback.UUIDTime(id),
		LinkID:       w.link.ID,
		OfferID:      w.offer.ID,
		AffiliateID:  w.affiliate.ID,
		AdvertiserID: w.advertiser.ID,
		TermsID:      w.offer.Terms.ID,
		Device:       proofback.DeviceDesktop,
		IP:           netip.MustParseAddr("192.0.2.1"),
		UserAgent:    browser,
		Referrer:     "https://blog.example/post",
		Source:       "mail",
		Creative:     "banner",
		Subs:         [10]string{0: "a b", 9: "ten"},
	}
	if diff := cmp.Diff(want, stored, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("click (-want +stored):\n%s", diff)
	}
	if stored.At.Before(before) || stored.At.After(time.Now()) {
		t.Errorf("at %v", stored.At)
	}
}

func TestLocationCanBeToldAgainFromWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.terms(func(terms *proofback.Terms) {
		terms.LandingURL = "https://shop.example/{link_code}/?c={click_id}&a={affiliate_id}&o={offer_id}&t={timestamp}&r={random}&d={device}&s={sub1}#{source}"
	})
	sent := w.visit("?sub1=%F0%9F%98%80&source=a/b").Header.Get("Location")
	stored := w.storedOne()
	terms, err := w.setup.TermsByID(t.Context(), []uuid.UUID{stored.TermsID})
	w.must(err)
	if again := proofback.LandingURL(terms[stored.TermsID], &stored, w.link.Code, w.keys.Encode(stored.ID)); again != sent {
		t.Errorf("sent to %s\n told as %s", sent, again)
	}
	if u, err := url.Parse(sent); err != nil || strings.ContainsAny(sent, "{}") || u.Query().Get("s") != "😀" {
		t.Errorf("sent to %s, %v", sent, err)
	}
}

func TestUnknownLinkIsAPlainPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/c/nobody", "/c/%00", "/c/%ff", "/c/" + strings.Repeat("x", 5000), "/c/" + strings.ToUpper(w.link.Code) + "_"} {
		got := w.serve(request(http.MethodGet, path, ""))
		body, err := io.ReadAll(got.Body)
		w.must(err)
		if got.StatusCode != http.StatusNotFound || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || len(body) > 300 {
			t.Errorf("%.20s: status %d, %s", path, got.StatusCode, body)
		}
	}
	if clicks := w.stored(); len(clicks) != 0 {
		t.Errorf("stored: %+v", clicks)
	}
}

func TestVisitorWhoMayNotLandIsStoredWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	setAffiliate := func(status proofback.PartnerStatus) {
		_, err := w.store.UpdateAffiliate(t.Context(), admin, w.affiliate.ID, func(a *proofback.Affiliate) { a.Status = status })
		w.must(err)
	}
	setArchived := func(archived bool) {
		_, err := w.store.UpdateTrackingLink(t.Context(), admin, w.link.ID, func(l *proofback.TrackingLink) { l.Archived = archived })
		w.must(err)
	}
	for _, c := range []struct {
		name    string
		outcome proofback.ClickOutcome
		flags   proofback.ClickFlags
		prepare func(*proofback.Terms)
	}{
		{"a paused offer", proofback.ClickOfferPaused, 0, func(terms *proofback.Terms) { terms.Status = proofback.OfferPaused }},
		{"a paused affiliate", proofback.ClickPartnerPaused, 0, func(*proofback.Terms) { setAffiliate(proofback.PartnerPaused) }},
		{"no access", proofback.ClickNotApproved, 0, func(terms *proofback.Terms) {
			setAffiliate(proofback.PartnerActive)
			terms.Access = proofback.OfferApproval
		}},
		{"another country", proofback.ClickCountryOffTarget, proofback.FlagUnknownCountry, func(terms *proofback.Terms) {
			terms.Targeting.Countries = []string{"DE"}
		}},
		{"an archived link", proofback.ClickLinkArchived, 0, func(*proofback.Terms) { setArchived(true) }},
		{"another device", proofback.ClickDeviceOffTarget, 0, func(terms *proofback.Terms) {
			setArchived(false)
			terms.Targeting.Devices = []proofback.Device{proofback.DeviceMobile}
		}},
	} {
		for _, fallback := range []string{"", "https://other.example/?s={sub1}&d={device}"} {
			w.terms(func(terms *proofback.Terms) {
				terms.Status, terms.Access = proofback.OfferActive, proofback.OfferPublic
				terms.Targeting, terms.FallbackURL = proofback.Targeting{}, fallback
				c.prepare(terms)
			})
			got := w.visit("?sub1=a/b")
			wantStatus, wantLocation := http.StatusNotFound, ""
			if fallback != "" {
				wantStatus, wantLocation = http.StatusFound, "https://other.example/?s=a%2Fb&d=desktop"
			}
			if got.StatusCode != wantStatus || got.Header.Get("Location") != wantLocation {
				t.Errorf("%s, fallback %q: status %d, sent to %q", c.name, fallback, got.StatusCode, got.Header.Get("Location"))
			}
			stored := w.storedOne()
			if stored.Outcome != c.outcome || stored.Flags != c.flags {
				t.Errorf("%s: stored as %s, %v", c.name, stored.Outcome, stored.Flags.Names())
			}
		}
	}
}

func TestLookingAheadStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range map[string]*http.Request{
		"HEAD":             request(http.MethodHead, "/c/"+w.link.Code+"?sub1=x", ""),
		"Purpose":          request(http.MethodGet, "/c/"+w.link.Code+"?sub1=x", "", "Purpose: prefetch"),
		"Sec-Purpose":      request(http.MethodGet, "/c/"+w.link.Code+"?sub1=x", "", "Sec-Purpose: prefetch;prerender"),
		"X-Moz":            request(http.MethodGet, "/c/"+w.link.Code+"?sub1=x", "", "X-Moz: Prefetch"),
		"HEAD of prefetch": request(http.MethodHead, "/c/"+w.link.Code+"?sub1=x", "", "Purpose: prefetch"),
	} {
		got := w.serve(r)
		if got.StatusCode != http.StatusFound || got.Header.Get("Location") != "https://shop.example/?s=x" || got.Header.Get("Cache-Control") != "no-store, private" {
			t.Errorf("%s: status %d, sent to %q", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if got := w.serve(request(http.MethodHead, "/c/nobody", "")); got.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of an unknown link: status %d", got.StatusCode)
	}
	if clicks := w.stored(); len(clicks) != 0 {
		t.Errorf("stored: %+v", clicks)
	}
	if got := w.visit("", "Purpose: sightseeing"); got.StatusCode != http.StatusFound || len(w.stored()) != 1 {
		t.Error("another purpose is no prefetch")
	}
}

func TestVisitorsAreToldApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := "Mozilla/5.0 " + strings.Repeat("x", 3000)
	for _, c := range []struct {
		userAgent string
		device    proofback.Device
		bot       bool
		flags     proofback.ClickFlags
		kept      string
	}{
		{browser, proofback.DeviceDesktop, false, 0, browser},
		{phone, proofback.DeviceMobile, false, 0, phone},
		{crawler, proofback.DeviceOther, true, 0, crawler},
		{"", proofback.DeviceOther, false, proofback.FlagNoUserAgent, ""},
		{long, proofback.DeviceOther, false, 0, long[:1000]},
		{"Mozilla/5.0 \x80\xff", proofback.DeviceOther, false, 0, "Mozilla/5.0 "},
	} {
		got := w.visit("", "User-Agent: "+c.userAgent)
		stored := w.storedOne()
		if got.StatusCode != http.StatusFound || !strings.Contains(got.Header.Get("Location"), w.keys.Encode(stored.ID)) {
			t.Errorf("%.40q: status %d, sent to %q", c.userAgent, got.StatusCode, got.Header.Get("Location"))
		}
		if stored.Device != c.device || stored.Bot != c.bot || stored.Flags != c.flags || stored.UserAgent != c.kept {
			t.Errorf("%.40q: stored as %s, bot %t, %v, %.40q", c.userAgent, stored.Device, stored.Bot, stored.Flags.Names(), stored.UserAgent)
		}
	}
}

func TestWrongParametersNeverCostAVisitor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string]proofback.Click{
		"?sub1=" + strings.Repeat("%C3%BC", 300): {Subs: [10]string{strings.Repeat("ü", 250)}, Flags: proofback.FlagValueCut},
		"?sub1=a%00b%0A":                         {Subs: [10]string{"ab"}, Flags: proofback.FlagValueCleaned},
		"?sub1=%ff%zz":                           {Subs: [10]string{"%zz"}, Flags: proofback.FlagValueCleaned},
		"?sub1=%&sub99=x&;;=&&":                  {Subs: [10]string{"%"}},
		"?%ff=%ff":                               {},
	} {
		got := w.visit(query)
		stored := w.storedOne()
		if got.StatusCode != http.StatusFound || stored.Subs[0] != want.Subs[0] || stored.Flags != want.Flags {
			t.Errorf("%.40s: status %d, stored %.40q, %v", query, got.StatusCode, stored.Subs[0], stored.Flags.Names())
		}
		location, err := got.Location()
		if err != nil || location.Query().Get("s") != want.Subs[0] {
			t.Errorf("%.40s: sent to %s, %v", query, location, err)
		}
	}
}

func TestCountryComesFromATrustedProxyOrTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ClicksConfig) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		c.CountryHeader = "CF-IPCountry"
		c.GeoIP = openMiniGeoIP(t)
	})
	w.terms(func(terms *proofback.Terms) {
		terms.Targeting.Countries = []string{"FR"}
		terms.FallbackURL = "https://other.example/{country}"
	})
	for _, c := range []struct {
		name, peer string
		headers    []string
		country    string
		ip         string
		outcome    proofback.ClickOutcome
		flags      proofback.ClickFlags
	}{
		{"a proxy's header", "198.51.100.1:1", []string{"CF-IPCountry: FR", "X-Forwarded-For: 10.0.0.1"}, "FR", "10.0.0.1", 0, 0},
		{"a stranger's header", "10.0.0.2:1", []string{"CF-IPCountry: FR", "X-Forwarded-For: 10.9.9.9"}, "DE", "10.0.0.2", proofback.ClickCountryOffTarget, 0},
		{"a proxy that does not know", "198.51.100.1:1", []string{"CF-IPCountry: XX", "X-Forwarded-For: 10.0.0.1"}, "DE", "10.0.0.1", proofback.ClickCountryOffTarget, 0},
		{"nobody knows", "203.0.113.1:1", nil, "", "203.0.113.1", proofback.ClickCountryOffTarget, proofback.FlagUnknownCountry},
	} {
		r := request(http.MethodGet, "/c/"+w.link.Code, "", c.headers...)
		r.RemoteAddr = c.peer
		got := w.serve(r)
		stored := w.storedOne()
		if stored.Country != c.country || stored.IP.String() != c.ip || stored.Outcome != c.outcome || stored.Flags != c.flags {
			t.Errorf("%s: stored %q, %s, %s, %v", c.name, stored.Country, stored.IP, stored.Outcome, stored.Flags.Names())
		}
		if want := "https://other.example/" + c.country; c.outcome != 0 && got.Header.Get("Location") != want {
			t.Errorf("%s: sent to %q, want %q", c.name, got.Header.Get("Location"), want)
		}
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if got := w.serve(request(method, "/c/"+w.link.Code, "")); got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, got.StatusCode)
		}
	}
}

func TestClickThatCannotBeStoredIsNotRedirected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.clicks.Writer.Close(t.Context()))
	got := w.visit("")
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "1" || got.Header.Get("Location") != "" {
		t.Errorf("status %d, Retry-After %q, sent to %q", got.StatusCode, got.Header.Get("Retry-After"), got.Header.Get("Location"))
	}
	direct := w.serve(request(http.MethodPost, "/clicks", `{"link": "`+w.link.Code+`"}`))
	if direct.StatusCode != http.StatusServiceUnavailable || direct.Header.Get("Retry-After") != "1" {
		t.Errorf("direct: status %d, Retry-After %q", direct.StatusCode, direct.Header.Get("Retry-After"))
	}
}

func TestClickWithoutRandomnessIsNotMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ClicksConfig) { c.Random = strings.NewReader("") })
	if got := w.visit(""); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "1" {
		t.Errorf("status %d", got.StatusCode)
	}
}
