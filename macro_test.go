package proofback

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// macroNamed gives each macro its own name in angle brackets, which need encoding.
func macroNamed(macro string) string { return "<" + macro + ">" }

func TestLandingTemplateExpands(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://shop.example":                                                          "https://shop.example?click_id=%3Cclick_id%3E",
		"https://shop.example/":                                                         "https://shop.example/?click_id=%3Cclick_id%3E",
		"https://shop.example/?":                                                        "https://shop.example/?click_id=%3Cclick_id%3E",
		"https://shop.example/?a=b&":                                                    "https://shop.example/?a=b&click_id=%3Cclick_id%3E",
		"https://shop.example/?a=b#top":                                                 "https://shop.example/?a=b&click_id=%3Cclick_id%3E#top",
		"https://shop.example/#top?x":                                                   "https://shop.example/?click_id=%3Cclick_id%3E#top?x",
		"https://shop.example#":                                                         "https://shop.example?click_id=%3Cclick_id%3E#",
		"https://shop.example/?c={click_id}":                                            "https://shop.example/?c=%3Cclick_id%3E",
		"https://shop.example/?c={CLICK_ID}":                                            "https://shop.example/?c=%3Cclick_id%3E",
		"https://shop.example/?c=%7Bclick_id%7D":                                        "https://shop.example/?c=%3Cclick_id%3E",
		"https://shop.example/?c=%7bclick_id%7d":                                        "https://shop.example/?c=%3Cclick_id%3E",
		"https://shop.example?c={click_id}":                                             "https://shop.example?c=%3Cclick_id%3E",
		"https://shop.example#c={click_id}":                                             "https://shop.example#c=%3Cclick_id%3E",
		"HTTP://Shop.example:8080/{click_id}/{sub10}.x":                                 "HTTP://Shop.example:8080/%3Cclick_id%3E/%3Csub10%3E.x",
		"https://[2001:db8::1]/{click_id}":                                              "https://[2001:db8::1]/%3Cclick_id%3E",
		"https://xn--bcher-kva.example/bücher?c={click_id}&ü":                           "https://xn--bcher-kva.example/b%C3%BCcher?c=%3Cclick_id%3E&%C3%BC",
		"https://shop.example/?c={click_id}&x={what}&{}&{a b}=%7B":                      "", // refused: a blank
		"https://shop.example/?c={click_id}&x={what}&{}&y={txid}":                       "https://shop.example/?c=%3Cclick_id%3E&x={what}&{}&y={txid}",
		"https://shop.example/?{source}{creative}={click_id}":                           "https://shop.example/?%3Csource%3E%3Ccreative%3E=%3Cclick_id%3E",
		"https://shop.example/?c={click_id":                                             "https://shop.example/?c={click_id&click_id=%3Cclick_id%3E",
		"https://r.example/?to=https%3A%2F%2Fshop.example%2F%3Fc%3D{click_id}&s={sub1}": "https://r.example/?to=https%3A%2F%2Fshop.example%2F%3Fc%3D%253Cclick_id%253E&s=%3Csub1%3E",
		"https://r.example/?to=https:%2F%2Fshop.example%2F%3Fc%3D{click_id}&s={sub1}":   "https://r.example/?to=https:%2F%2Fshop.example%2F%3Fc%3D%253Cclick_id%253E&s=%3Csub1%3E", // a colon may stand as it is
		"https://r.example/?to=https%3a%252F%252Fshop.example%253Fc%253D{click_id}":     "https://r.example/?to=https%3a%252F%252Fshop.example%253Fc%253D%25253Cclick_id%25253E",
		"https://r.example/?to=https://shop.example/{click_id}":                         "https://r.example/?to=https://shop.example/%3Cclick_id%3E",
		"https://r.example/?to=https%253a%252f%252fshop.example%3Fc%3D{click_id}":       "https://r.example/?to=https%253a%252f%252fshop.example%3Fc%3D%25253Cclick_id%25253E",
	} {
		template, err := ParseLandingTemplate(raw)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		if got := string(template.Expand(nil, macroNamed)); got != want {
			t.Errorf("%s\n got %s\nwant %s", raw, got, want)
		}
	}
}

func TestEveryLandingAndDestinationMacroIsFilledIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		macros MacroSet
		parse  func(string) (*Template, error)
		count  int
	}{
		"landing":     {LandingMacros, ParseLandingTemplate, 20},
		"destination": {DestinationMacros, ParseDestinationTemplate, 22},
	} {
		names := test.macros.Names()
		if len(names) != test.count {
			t.Errorf("%s has %d macros", name, len(names))
		}
		raw, want := "https://x.example/", url.Values{}
		for i, macro := range names {
			raw += string("?&"[min(i, 1)]) + macro + "={" + macro + "}"
			want.Set(macro, macroNamed(macro))
		}
		template, err := test.parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.Parse(string(template.Expand(nil, macroNamed)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Query()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFallbackTemplateGetsNoClickID(t *testing.T) {
	t.Parallel()
	template, err := ParseFallbackTemplate("https://shop.example/sorry?o={offer_id}")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(template.Expand(nil, macroNamed)); got != "https://shop.example/sorry?o=%3Coffer_id%3E" {
		t.Error(got)
	}
	if template.Uses("click_id") || !template.Uses("offer_id") {
		t.Error("the macros in use are told wrongly")
	}
}

func TestTheLongestLandingURLStillGetsAClickID(t *testing.T) {
	t.Parallel()
	raw := "https://shop.example/?"
	raw += strings.Repeat("a", MaxTemplateBytes-len(raw))
	template, err := ParseLandingTemplate(raw)
	if err != nil || !template.Uses("click_id") {
		t.Error(template, err)
	}
}

func TestMacroValuesCannotClimbThePath(t *testing.T) {
	t.Parallel()
	template, err := ParseFallbackTemplate("https://shop.example/a/{sub1}{sub2}/b?{sub1}")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		".":      "https://shop.example/a//b?.",
		"..":     "https://shop.example/a//b?..",
		"../../": "https://shop.example/a/..%2F..%2F..%2F..%2F/b?..%2F..%2F",
		"":       "https://shop.example/a//b?",
	} {
		if got := string(template.Expand(nil, func(string) string { return value })); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestTemplatesAreRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"": "empty",
		"https://x.example/" + strings.Repeat("a", MaxTemplateBytes): "bytes",
		"https://x.example/\xff":                    "UTF-8",
		"https://x.example/a b":                     "percent-encode",
		"https://x.example/a\nb":                    "percent-encode",
		"https://x.example/a\x00b":                  "percent-encode",
		`https://x.example\@y.example/`:             "percent-encode",
		"/path":                                     "https://",
		"//x.example/":                              "https://",
		"ftp://x.example/":                          "https://",
		"javascript://x.example/%0Aalert(1)":        "https://",
		"{sub1}://x.example/":                       "https://",
		"https:///path":                             "no host",
		"https://?a=b":                              "no host",
		"https://{sub1}/":                           "host",
		"https://{sub1}.x.example/":                 "host",
		"https://x.example{click_id}":               "host",
		"https://x.example:{sub1}/":                 "host",
		"https://%7Bsub1%7D.x.example/":             "host",
		"https://user:pw@x.example/":                "user name",
		"https://bücher.example/":                   "xn--",
		"https://x.example:/":                       "cannot be read",
		"https://x.example:0/":                      "cannot be read",
		"https://x.example:99999/":                  "cannot be read",
		"https://:80/":                              "cannot be read",
		"https://x<y/":                              "cannot be read",
		"https://[::1/":                             "cannot be read",
		"https://x.example/100%":                    "%25",
		"https://x.example/?c=%clickid%":            "%25",
		"https://x.example/?c={{click_id}}":         "one pair",
		"https://x.example/?c=${click_id}":          "one pair",
		"https://x.example/?c=%7B%7Bclick_id%7D%7D": "one pair",
	} {
		for name, parse := range map[string]func(string) (*Template, error){
			"landing": ParseLandingTemplate, "fallback": ParseFallbackTemplate, "destination": ParseDestinationTemplate,
		} {
			_, err := parse(raw)
			if CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %q: %v, want one about %q", name, raw, err, want)
			}
		}
	}
}

func TestUnknownMacrosGetASuggestion(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"clickid": "click_id", "click-id": "click_id", "cid": "click_id", "clickd_id": "click_id", "aff_sub3": "sub3", "subid": "sub1",
		"s2": "sub2", "sub11": "sub1", "transaction_id": "txid", "tx_id": "txid", "goal_id": "event_type", "eventtype": "event_type",
		"amount": "payout", "currncy": "currency", "deliveryid": "delivery_id", "whatever": "", "x": "", "country": "", "link_code": "",
	} {
		got := DestinationMacros.Unknown(name)
		if len(got) != 1 || got[0] != (UnknownMacro{name, want}) {
			t.Errorf("{%s}: %v, want %q", name, got, want)
		}
		_, err := ParseDestinationTemplate("https://x.example/?a={" + name + "}")
		if err == nil || !strings.Contains(err.Error(), "{"+name+"}") || !strings.Contains(err.Error(), want) {
			t.Errorf("{%s} in a destination: %v", name, err)
		}
	}
	if got := DestinationMacros.Unknown("click_id", "SUB1"); got != nil {
		t.Errorf("known macros are unknown: %v", got)
	}
	template, err := ParseLandingTemplate("https://x.example/?a={clickid}&b={sub1}&c={what}")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]UnknownMacro{{"clickid", "click_id"}, {"what", ""}}, template.Unknown(LandingMacros)); diff != "" {
		t.Errorf("unknown in a landing URL (-want +got):\n%s", diff)
	}
}

func TestMacroValuesStayOnePieceOfTheURL(t *testing.T) {
	t.Parallel()
	template, err := ParseLandingTemplate("https://x.example:8443/p/{sub1}/q?c={click_id}&s={sub1}&to=https%3A%2F%2Fy.example%2F%3Fs%3D{sub1}#f={sub1}")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		u, err := url.Parse(string(template.Expand(nil, func(string) string { return value })))
		if err != nil {
			t.Fatal(err)
		}
		inner, err := url.Parse(u.Query().Get("to"))
		if err != nil {
			t.Fatal(err)
		}
		path := value
		if strings.Trim(value, ".") == "" {
			path = ""
		}
		if u.Host != "x.example:8443" || u.User != nil || u.Path != "/p/"+path+"/q" || u.Fragment != "f="+value ||
			u.Query().Get("s") != value || len(u.Query()) != 3 || inner.Host != "y.example" || inner.Query().Get("s") != value {
			t.Fatalf("%q makes %s", value, u)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"https://x.example/?c={click_id}", "http://x.example#{sub1}", "https://x.example/%7Bsub1%7D/{{a}}", "https://{sub1}", "https://x.example/{", "é",
		"https://r.example/?to=https%3A%2F%2F{sub1}",
	} {
		f.Add(seed, "a b/../?&=#%\x00é")
	}
	f.Fuzz(func(t *testing.T, raw, value string) {
		template, err := ParseLandingTemplate(raw)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		if !template.Uses("click_id") {
			t.Fatalf("%q has no click id", raw)
		}
		got := string(template.Expand(nil, func(string) string { return value }))
		expanded, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q makes %q: %v", raw, got, err)
		}
		blank, err := url.Parse(string(template.Expand(nil, func(string) string { return "" })))
		if err != nil || blank.Scheme != expanded.Scheme || blank.Host != expanded.Host || expanded.User != nil {
			t.Fatalf("%q leads to %q with a value, and to %q without, %v", raw, expanded.Host, blank.Host, err)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q makes %q", raw, got)
		}
		if _, err := ParseDestinationTemplate(raw); err != nil && CodeOf(err) != CodeInvalid {
			t.Fatal(err)
		}
	})
}

func BenchmarkTemplateExpand(b *testing.B) {
	template, err := ParseLandingTemplate("https://shop.example/landing?cid={click_id}&a={affiliate_id}&s1={sub1}&s2={sub2}&src={source}&utm=x#top")
	if err != nil {
		b.Fatal(err)
	}
	id := testClickKeys(b).Encode(uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f"))
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = template.Expand(dst[:0], func(macro string) string {
			switch macro {
			case "click_id", "affiliate_id":
				return id
			case "sub1":
				return "summer sale"
			}
			return ""
		})
	}
}
