package proofback

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestMaskParameter(t *testing.T) {
	t.Parallel()
	whole := testClickKeys(t).Encode(uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f"))
	const same = "\x00same"
	for _, test := range []struct{ name, value, want, what string }{
		{"token", "abc", "***", "secret"},
		{"TOKEN", "abc", "***", "secret"},
		{"sig", "0123abcd", "***", "secret"},
		{"signature", "x", "***", "secret"},
		{"X-Postback-Token", "x", "***", "secret"},
		{"api_key", "x", "***", "secret"},
		{"apiKey", "x", "***", "secret"},
		{"client[secret]", "x", "***", "secret"},
		{"securitytoken", "x", "***", "secret"},
		{"userPassword", "x", "***", "secret"},
		{"key", "x", "***", "secret"},
		{"email", "somebody", "***", "email"},
		{"customer.e-mail", "x", "***", "email"},
		{"user_email", "x", "***", "email"},
		{"phone", "491701234567", "***", "phone"},
		{"PhoneNumber", "1", "***", "phone"},
		{"mobile", "1", "***", "phone"},
		{"card_number", "1", "***", "card"},
		{"iban", "DE02120300000000202051", "***", "card"},
		{"name", "Ann", "***", "personal"},
		{"first_name", "Ann", "***", "personal"},
		{"customer[lastName]", "Ann", "***", "personal"},
		{"billing_street", "1 Main", "***", "personal"},
		{"surname", "Ann", "***", "personal"},
		{"sub1", "ann@example.com", "***", "email"},
		{"sub1", "ann%40example.com", "***", "email"},
		{"sub1", "ann%2540example.com", "***", "email"},
		{"reason", "call Ann at ann@example.com, or on +49 (170) 123-4567 now", "call Ann at ***, or on *** now", "email"},
		{"reason", "+4917012345678", "***", "phone"},
		{"reason", "%2B4917012345678", "***", "phone"},
		{"reason", "+4917012345678 +4917012345679 +4917012345670", "*** *** ***", "phone"},
		{"reason", "212-555-0123 212-555-0124 212-555-0125", "*** *** ***", "phone"},
		{"reason", "(030) 123-4567", "***", "phone"},
		{"reason", "212-555-0123", "***", "phone"},
		{"reason", "paid with 4111 1111 1111 1111 on 2026-01-31", "paid with *** on 2026-01-31", "card"},
		{"reason", "on 2026-01-31 4111-1111-1111-1111", "on 2026-01-31 ***", "card"},
		{"x", "4111111111111111", "***", "card"},
		{"x", "378282246310005", "***", "card"},
		{"x", "5555555555554444", "***", "card"},
		{"x", "2223003122003222", "***", "card"},
		{"x", "30569309025904", "***", "card"},
		{"x", "6011111111111117", "***", "card"},
		{"x", "4222222222222", "***", "card"},
		{"txid", "ann@example.com", "***", "email"},
		{"txid", "+4917012345678", "***", "phone"},
		{"amount", "4111111111111111", "***", "card"}, // none has so many digits
		{"status", "4111 1111 1111 1111", "***", "card"},
		{"sub1", "4111+1111+1111+1111", "***", "card"}, // encoded twice
		{"sub1", "%2B49+170+1234+5678", "***", "phone"},
		{"sub1", "%252B49%2520170%25201234567", "***", "phone"},
		{"sub1", "https://x.example/?note=%2B4917012345678&a=b", "https://x.example/?note=***&a=b", "secret"},
		{"sub1", "https%3A%2F%2Fx.example%2F%3Ftoken%3Dabc", "https://x.example/?token=***", "secret"},

		{"", "", same, ""},
		{"token", "", same, ""},
		{"x", "4111111111111112", same, ""}, // a wrong check digit
		{"x", "1769860800123", same, ""},
		{"x", "120210987654321098", same, ""},
		{"x", "a4111111111111111", same, ""},
		{"x", "41111111111111111111111", same, ""},
		{"x", "7111111111111111", same, ""},
		{"x", "212-555-01234", same, ""},
		{"x", "abc+12345678901=", same, ""},
		{"click_id", whole, same, ""},
		{"cid", whole, same, ""},
		{"click_id", "4111111111111111", same, ""},
		{"txid", "4111111111111111", same, ""},
		{"transaction_id", "4111111111111111", same, ""},
		{"txid", "102938475610293847561029384756", same, ""},
		{"txid", "1234567890", same, ""},
		{"txid", "212-555-0123", same, ""},
		{"amount", "123456789012.345678", same, ""},
		{"timestamp", "1769860800123", same, ""},
		{"timestamp", "20260131120000", same, ""},
		{"timestamp", "2026-01-31T12:00:00+02:00", same, ""},
		{"when", "2026-01-31 12:00:00.123456 +0200", same, ""},
		{"sig_time", "1769860800", same, ""},
		{"event_name", "sale", same, ""},
		{"goal_name", "sale", same, ""},
		{"monkey", "x", same, ""},
		{"design", "x", same, ""},
		{"company", "x", same, ""},
		{"fbclid", "IwAR2Zk3o0m1N4b5V6c7X8z9L0k1J2h3G4f5D6s7A8q9W0e1R2t3Y4u5I6o7P", same, ""},
		{"sub1", "550e8400-e29b-41d4-a716-446655440000", same, ""},
		{"sub1", "@@CLICK-ID@@", same, ""},
	} {
		want := test.want
		if want == same {
			want = test.value
		}
		if got, what := MaskParameter(test.name, test.value); got != want || what != test.what {
			t.Errorf("%s=%q: %q (%s), want %q (%s)", test.name, test.value, got, what, want, test.what)
		}
	}
}

func TestMaskParametersGoByTheMapping(t *testing.T) {
	t.Parallel()
	params := []Parameter{
		{"token", "Y06ABC", "click_id"}, // their name for the click id
		{"tid", "4111111111111111", "txid"},
		{"foo", "4111111111111111", ""},
		{"pw", "x", "token"},
		{"email", "x", "sub1"},
	}
	want := []Parameter{
		{"token", "Y06ABC", "click_id"},
		{"tid", "4111111111111111", "txid"},
		{"foo", "***", ""},
		{"pw", "***", "token"},
		{"email", "***", "sub1"},
	}
	got := MaskParameters(params)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if params[2].Value == "***" {
		t.Error("the caller's own parameters were masked")
	}
}

func TestMaskURL(t *testing.T) {
	t.Parallel()
	mapping := []NameMapping{{"tid", "txid"}}
	for url, want := range map[string]string{
		"/postback/k?click_id=Y06&txid=A+1&x=%7e":                  "/postback/k?click_id=Y06&txid=A+1&x=%7e",
		"/postback?token=abc&txid=1":                               "/postback?token=***&txid=1",
		"/postback?%FFtoken=abc&cl%E9email=ann&%fe%ffpin=1":        "/postback?%FFtoken=***&cl%E9email=***&%fe%ffpin=***", // names in another encoding
		"/postback?%74oken=abc":                                    "/postback?%74oken=***",
		"/postback?txid=1&sig=00ff":                                "/postback?txid=1&sig=***",
		"?sub1=ann%40example.com&sub2=x":                           "?sub1=***&sub2=x",
		"?sub1=ann%2540example.com":                                "?sub1=***",
		"?reason=call+ann@example.com+now":                         "?reason=call%20***%20now",
		"?tid=4111111111111111&foo=4111111111111111":               "?tid=4111111111111111&foo=***",
		"https://user:pw@example.com/a?b=c#d":                      "https://***@example.com/a?b=c#d",
		"https://example.com":                                      "https://example.com",
		"https://example.com/u/ann@example.com/x":                  "https://example.com/u/***/x",
		"https://example.com/#access_token=abc&a=b":                "https://example.com/#access_token=***&a=b",
		"/postback/4111%201111%201111%201111?a=b":                  "/postback/***?a=b",
		"/+49%20170%201234567":                                     "/***",
		"/call%20%2B49%20170%201234567/x":                          "/call%20***/x",
		"?4111+1111+1111+1111=1&a":                                 "?***=1&a",
		"?ann@example.com":                                         "?***",
		"?ann@example.com=1":                                       "?***=1",
		"?to=https%3A%2F%2Fx.example%2F%3Ftoken%3Dabc%26a%3Db":     "?to=https%3A%2F%2Fx.example%2F%3Ftoken%3D***%26a%3Db",
		"?to=https%253A%252F%252Fx.example%252F%253Ftoken%253Dabc": "?to=https%3A%2F%2Fx.example%2F%3Ftoken%3D***",
		"?to=https%3A%2F%2Fx.example%2F%3Fa%3Db":                   "?to=https%3A%2F%2Fx.example%2F%3Fa%3Db",
		"?a=?b=?c=?d=?token=x":                                     "?a=%3Fb%3D%253Fc%253D%25253Fd%25253D***",
		"":                                                         "",
	} {
		if got := MaskURL(url, mapping...); got != want {
			t.Errorf("%s\n got %s\nwant %s", url, got, want)
		}
	}
}

func TestMasksLeaveNothingToRecover(t *testing.T) {
	t.Parallel()
	secrets := rapid.StringMatching(`[A-Za-z0-9]{12,30}`)
	emails := rapid.StringMatching(`[a-z]{8,12}@[a-z]{8,12}\.(com|de|co\.uk)`)
	rapid.Check(t, func(t *rapid.T) {
		secret, email := secrets.Draw(t, "secret"), emails.Draw(t, "email")
		name := rapid.SampledFrom([]string{"token", "Sig", "api-key", "user[password]", "x_secret"}).Draw(t, "name")
		for _, raw := range []string{
			"/p?a=b&" + url.QueryEscape(name) + "=" + url.QueryEscape(secret) + "&sub1=" + url.QueryEscape(email),
			"/p?to=" + url.QueryEscape("https://x.example/?"+name+"="+secret+"&m="+email),
			"https://u:" + secret + "@x.example/" + email + "#" + name + "=" + secret,
		} {
			got := MaskURL(raw)
			user, _, _ := strings.Cut(email, "@")
			if strings.Contains(got, secret) || strings.Contains(got, user) {
				t.Fatalf("%s is masked as %s", raw, got)
			}
			if again := MaskURL(got); again != got {
				t.Fatalf("%s is masked as %s, and that as %s", raw, got, again)
			}
		}
		if got := MaskText("from " + email + ": hello"); got != "from ***: hello" {
			t.Fatalf("text is masked as %q", got)
		}
	})
}

func FuzzMask(f *testing.F) {
	for _, value := range testLines(f, "testdata/values-that-are-not-macros.txt") {
		f.Add("sub1", value)
	}
	f.Add("token", "abc")
	f.Add("to", "https://x.example/?token=abc#sig=x")
	f.Add("reason", "4111 1111 1111 1111, +49 170 1234567, ann@example.com")
	f.Fuzz(func(t *testing.T, name, value string) {
		masked, what := MaskParameter(name, value)
		if (what == "") != (masked == value) {
			t.Fatalf("%q=%q is masked as %q for %q", name, value, masked, what)
		}
		if what != "" && !strings.Contains(masked, mask) {
			t.Fatalf("%q=%q is masked as %q", name, value, masked)
		}
		got := MaskURL("/p?" + url.QueryEscape(name) + "=" + url.QueryEscape(value))
		if sensitiveName(name) == maskSecret && value != "" && !strings.HasSuffix(got, "="+mask) {
			if canonical, _ := CanonicalParameter(name); canonical != ParamSigTime {
				t.Fatalf("%q=%q is masked as %q", name, value, got)
			}
		}
		MaskURL(value)
	})
}
