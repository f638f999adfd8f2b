package ingest

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// directAnswer is whatever POST /clicks answers.
type directAnswer struct {
	ClickID string `json:"click_id"`
	URL     string `json:"url"`
	Outcome string `json:"outcome"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

func (w *world) direct(body string, headers ...string) (*http.Response, directAnswer) {
	w.Helper()
	r := request(http.MethodPost, "/clicks", strings.ReplaceAll(body, "CODE", w.link.Code), headers...)
	got := w.serve(r)
	var a directAnswer
	w.must(json.NewDecoder(got.Body).Decode(&a))
	if got.Header.Get("Access-Control-Allow-Origin") != "*" {
		w.Errorf("%s: CORS is not open", body)
	}
	return got, a
}

func TestDirectClickIsTheSameWithoutARedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ClicksConfig) { c.GeoIP = openMiniGeoIP(t) })
	got, answer := w.direct(
		`{"link": "CODE", "sub1": "a b", "sub10": 17, "source": true, "creative": null, "ip": "10.1.2.3", "user_agent": "`+phone+`", "more": {}}`,
		"Content-Type: application/json", "Origin: https://app.example")
	if got.StatusCode != http.StatusCreated || answer.URL != "https://shop.example/?s=a%20b&click_id="+answer.ClickID || answer.Outcome != "" {
		t.Errorf("status %d, %+v", got.StatusCode, answer)
	}
	stored := w.storedOne()
	if stored.ID != w.clickIn(answer.ClickID) || stored.Subs != [10]string{0: "a b", 9: "17"} || stored.Source != "true" || stored.Creative != "" {
		t.Errorf("stored: %+v", stored)
	}
	if stored.IP != netip.MustParseAddr("10.1.2.3") || stored.Country != "DE" || stored.Device != proofback.DeviceMobile || stored.UserAgent != phone {
		t.Errorf("the visitor is stored as %s, %q, %s", stored.IP, stored.Country, stored.Device)
	}
	if stored.Flags != proofback.FlagDirect {
		t.Errorf("flags: %v", stored.Flags.Names())
	}
}

func TestDirectClickWithoutAVisitorIsTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.direct(`{"link": "CODE"}`)
	if stored := w.storedOne(); stored.IP != netip.MustParseAddr("192.0.2.1") || stored.UserAgent != browser {
		t.Errorf("stored as %s, %q", stored.IP, stored.UserAgent)
	}
	w.direct(`{"link": "CODE", "ip": "not an address", "sub1": ["a"]}`)
	if stored := w.storedOne(); stored.IP.IsValid() || stored.Flags != proofback.FlagDirect|proofback.FlagValueCleaned {
		t.Errorf("stored as %s, %v", stored.IP, stored.Flags.Names())
	}
	w.direct(`{"link": "CODE", "user_agent": "` + crawler + `"}`)
	if stored := w.storedOne(); !stored.Bot {
		t.Error("a crawler is no bot")
	}
}

func TestDirectClickThatMayNotLandSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.terms(func(terms *proofback.Terms) { terms.Status = proofback.OfferPaused })
	got, answer := w.direct(`{"link": "CODE"}`)
	if got.StatusCode != http.StatusNotFound || answer.Code != "OFFER_PAUSED" || answer.Message == "" || w.storedOne().ID != w.clickIn(answer.ClickID) {
		t.Errorf("without a fallback: status %d, %+v", got.StatusCode, answer)
	}
	w.terms(func(terms *proofback.Terms) { terms.FallbackURL = "https://other.example/" })
	got, answer = w.direct(`{"link": "CODE"}`)
	if got.StatusCode != http.StatusCreated || answer.URL != "https://other.example/" || answer.Outcome != "OFFER_PAUSED" {
		t.Errorf("with a fallback: status %d, %+v", got.StatusCode, answer)
	}
}

func TestDirectClickSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, want := range map[string]struct {
		status      int
		code, field string
	}{
		``:                    {400, "BAD_USER_INPUT", ""},
		`null`:                {400, "BAD_USER_INPUT", ""},
		`[]`:                  {400, "BAD_USER_INPUT", ""},
		`"CODE"`:              {400, "BAD_USER_INPUT", ""},
		`{"link": "CODE"`:     {400, "BAD_USER_INPUT", ""},
		`{"link": "CODE"} {}`: {400, "BAD_USER_INPUT", ""},
		`{"link": "CODE"}x`:   {400, "BAD_USER_INPUT", ""},
		`{}`:                  {400, "BAD_USER_INPUT", "link"},
		`{"link": ""}`:        {400, "BAD_USER_INPUT", "link"},
		`{"link": 7}`:         {400, "BAD_USER_INPUT", "link"},
		`{"link": "nobody"}`:  {404, "NOT_FOUND", "link"},
		`{"link": "\u0000"}`:  {404, "NOT_FOUND", "link"},
		`{"link": "CODE", "x": "` + strings.Repeat("x", 70_000) + `"}`: {413, "BODY_TOO_LARGE", ""},
	} {
		got, answer := w.direct(body)
		if got.StatusCode != want.status || answer.Code != want.code || answer.Field != want.field || answer.Message == "" {
			t.Errorf("%.40s: status %d, %+v", body, got.StatusCode, answer)
		}
	}
	if clicks := w.stored(); len(clicks) != 0 {
		t.Errorf("stored: %+v", clicks)
	}
}

func TestPagesOfAnyOriginMayMakeClicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.serve(request(http.MethodOptions, "/clicks", "",
		"Origin: https://app.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"))
	want := map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "POST",
		"Access-Control-Allow-Headers": "*",
		"Access-Control-Max-Age":       "86400",
	}
	headers := map[string]string{}
	for name := range want {
		headers[name] = got.Header.Get(name)
	}
	if diff := cmp.Diff(want, headers); diff != "" || got.StatusCode != http.StatusNoContent {
		t.Errorf("status %d, headers (-want +got):\n%s", got.StatusCode, diff)
	}
}

func TestACompressedDirectClickIsToldSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, answer := w.direct(`{"link": "CODE"}`, "Content-Type: application/json", "Content-Encoding: gzip")
	if got.StatusCode != http.StatusUnsupportedMediaType || answer.Code != "UNSUPPORTED_MEDIA_TYPE" || !strings.Contains(answer.Message, "without Content-Encoding") {
		t.Errorf("%d %+v", got.StatusCode, answer)
	}
}
