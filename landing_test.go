package proofback

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func landingClick() *Click {
	id := uuid.MustParse("01930000-0000-7abc-8def-0123456789ab")
	return &Click{
		ID:          id,
		At:          UUIDTime(id),
		OfferID:     uuid.MustParse("11111111-1111-7111-8111-111111111111"),
		AffiliateID: uuid.MustParse("22222222-2222-7222-8222-222222222222"),
		Country:     "DE",
		Device:      DeviceMobile,
		Source:      "news letter",
		Creative:    "a&b",
		Subs:        [10]string{0: "one", 9: "ten/10"},
	}
}

func TestLandingURLReplacesEveryMacro(t *testing.T) {
	t.Parallel()
	c := landingClick()
	for template, want := range map[string]string{
		"https://a.example/?c={click_id}":                  "https://a.example/?c=ID",
		"https://a.example/p":                              "https://a.example/p?click_id=ID",
		"https://a.example/p?x=1#top":                      "https://a.example/p?x=1&click_id=ID#top",
		"https://a.example/{link_code}/{click_id}":         "https://a.example/CODE/ID",
		"https://a.example/?c={click_id}&s={source}":       "https://a.example/?c=ID&s=news%20letter",
		"https://a.example/{creative}?c={click_id}":        "https://a.example/a%26b?c=ID",
		"https://a.example/?c={click_id}&1={sub1}":         "https://a.example/?c=ID&1=one",
		"https://a.example/?c={click_id}&t={sub10}":        "https://a.example/?c=ID&t=ten%2F10",
		"https://a.example/?c={click_id}&2={sub2}":         "https://a.example/?c=ID&2=",
		"https://a.example/?c={click_id}&{country}":        "https://a.example/?c=ID&DE",
		"https://a.example/?c={click_id}&d={device}":       "https://a.example/?c=ID&d=mobile",
		"https://a.example/?c={click_id}&t={timestamp}":    "https://a.example/?c=ID&t=1730871820",
		"https://a.example/?c={click_id}&r={random}":       "https://a.example/?c=ID&r=" + clickRandom(c.ID),
		"https://a.example/?c={click_id}&o={offer_id}":     "https://a.example/?c=ID&o=" + GlobalID(KindOffer, c.OfferID),
		"https://a.example/?c={click_id}&a={affiliate_id}": "https://a.example/?c=ID&a=" + GlobalID(KindAffiliate, c.AffiliateID),
	} {
		if got := LandingURL(&Terms{LandingURL: template}, c, "CODE", "ID"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", template, got, want)
		}
	}
}

func TestEveryLandingMacroHasAValue(t *testing.T) {
	t.Parallel()
	c := landingClick()
	for i := range c.Subs {
		c.Subs[i] = "x"
	}
	for _, macro := range LandingMacros.Names() {
		if c.landingValue(macro, "CODE", "ID") == "" {
			t.Errorf("{%s} stands for nothing", macro)
		}
	}
}

func TestClickThatMayNotLandGoesToTheFallback(t *testing.T) {
	t.Parallel()
	terms := &Terms{LandingURL: "https://a.example/", FallbackURL: "https://b.example/?c={click_id}&o={country}"}
	c := landingClick()
	c.Outcome = ClickCountryOffTarget
	if got, want := LandingURL(terms, c, "CODE", "ID"), "https://b.example/?c=ID&o=DE"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	terms.FallbackURL = "https://b.example/"
	if got, want := LandingURL(terms, c, "CODE", "ID"), "https://b.example/"; got != want {
		t.Errorf("no click id is added: got %s, want %s", got, want)
	}
	terms.FallbackURL = ""
	if got := LandingURL(terms, c, "CODE", "ID"); got != "" {
		t.Errorf("without a fallback: got %s", got)
	}
}

func TestVisitWithoutAClickIDNamesNone(t *testing.T) {
	t.Parallel()
	c := landingClick()
	for template, want := range map[string]string{
		"https://a.example/?x=1":          "https://a.example/?x=1",
		"https://a.example/?c={click_id}": "https://a.example/?c=",
	} {
		if got := LandingURL(&Terms{LandingURL: template}, c, "CODE", ""); got != want {
			t.Errorf("%s: got %s, want %s", template, got, want)
		}
	}
}

func TestLandingURLOfTermsThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	for _, terms := range []Terms{{}, {LandingURL: "ftp://a.example/"}, {LandingURL: "https://a.example/", FallbackURL: "nonsense"}} {
		if got := LandingURL(&terms, landingClick(), "CODE", "ID"); got != "" {
			t.Errorf("%+v: got %s", terms, got)
		}
	}
}

func TestNoValueChangesWhereAVisitorGoes(t *testing.T) {
	t.Parallel()
	terms := &Terms{LandingURL: "https://shop.example/in/{sub1}/end?keep=1&s={source}&c={click_id}#part-{sub2}"}
	rapid.Check(t, func(t *rapid.T) {
		c := landingClick()
		c.At = time.UnixMilli(0).UTC()
		c.Subs[0], c.Subs[1] = rapid.String().Draw(t, "sub1"), rapid.String().Draw(t, "sub2")
		c.Source = rapid.String().Draw(t, "source")
		u, err := url.Parse(LandingURL(terms, c, "CODE", "ID"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Scheme != "https" || u.Host != "shop.example" || u.User != nil || q.Get("keep") != "1" || q.Get("c") != "ID" || len(q) != 3 {
			t.Fatalf("%s", u)
		}
		if q.Get("s") != c.Source || u.Fragment != "part-"+c.Subs[1] {
			t.Fatalf("%q, %q are not what was given", q.Get("s"), u.Fragment)
		}
	})
}
