package proofback

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func get(query string, mapping ...NameMapping) PostbackRequest {
	return PostbackRequest{Method: "GET", RawQuery: query, Mapping: mapping}
}

func post(query, contentType, body string) PostbackRequest {
	return PostbackRequest{Method: "POST", RawQuery: query, ContentType: contentType, Body: []byte(body)}
}

func TestReadPostback(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		req      PostbackRequest
		want     map[string]string // canonical values
		problems []string          // REASON parameter
	}{
		"a query": {
			req:  get("click_id=Y06&txid=A-1&event_type=sale&amount=12.50&currency=EUR&sub10=x"),
			want: map[string]string{"click_id": "Y06", "txid": "A-1", "event_type": "sale", "amount": "12.50", "currency": "EUR", "sub10": "x"},
		},
		"aliases in any case": {
			req:  get("Click_ID=Y06&Transaction_Id=A-1&GOAL=sale"),
			want: map[string]string{"click_id": "Y06", "txid": "A-1", "event_type": "sale"},
		},
		"every alias": {
			req:  get("event_id=A-1&goal_id=sale&event=sale&transaction_id=A-1"),
			want: map[string]string{"txid": "A-1", "event_type": "sale"},
		},
		"decoding happens once": {
			req:  get("sub1=a+b%20c&sub2=abc%2520def&sub3=%C3%A9&%73ub4=x"),
			want: map[string]string{"sub1": "a b c", "sub2": "abc%20def", "sub3": "é", "sub4": "x"},
		},
		"blanks around a value": {
			req:  get("txid=%20A-1%0A&sub1=%20%09"),
			want: map[string]string{"txid": "A-1"},
		},
		"empty values are left out": {
			req:  get("txid=&txid=A-1&event&sub1=&&=x"),
			want: map[string]string{"txid": "A-1"},
		},
		"equal values twice": {
			req:  post("txid=A-1&transaction_id=A-1", formType, "txid=A-1"),
			want: map[string]string{"txid": "A-1"},
		},
		"different values twice": {
			req:      get("txid=A-1&txid=A-2&txid=A-3"),
			want:     map[string]string{"txid": "A-1"},
			problems: []string{"CONFLICTING_PARAMETERS txid"},
		},
		"different values under aliases": {
			req:      get("txid=A-1&event_id=A-2&goal=x&event=y"),
			want:     map[string]string{"txid": "A-1", "event_type": "x"},
			problems: []string{"CONFLICTING_PARAMETERS event_id", "CONFLICTING_PARAMETERS event"},
		},
		"different values in query and form": {
			req:      post("amount=1", formType, "amount=2&sub1=x"),
			want:     map[string]string{"amount": "1", "sub1": "x"},
			problems: []string{"CONFLICTING_PARAMETERS amount"},
		},
		"different values in query and JSON": {
			req:      post("amount=1", jsonType, `{"amount": 2}`),
			want:     map[string]string{"amount": "1"},
			problems: []string{"CONFLICTING_PARAMETERS amount"},
		},
		"unknown names conflict with nobody": {
			req: get("foo=1&foo=2&bar=bar&baz=%zz&nul=%00"),
		},
		"the mapping comes first": {
			req: get("CID=Y06&transaction_id=Z&s2=two&sub1=one", NameMapping{"cid", "click_id"}, NameMapping{"s2", "SUB2"},
				NameMapping{"transaction_id", "sub5"}, NameMapping{"sub1", "nothing"}),
			want: map[string]string{"click_id": "Y06", "sub2": "two", "sub5": "Z"},
		},
		"mapped and canonical differ": {
			req:      get("click_id=A&cid=B", NameMapping{"cid", "click_id"}),
			want:     map[string]string{"click_id": "A"},
			problems: []string{"CONFLICTING_PARAMETERS cid"},
		},
		"a body on GET does not count": {
			req:  PostbackRequest{Method: "GET", RawQuery: "txid=A", ContentType: jsonType, Body: []byte(`{"txid":"B"}`)},
			want: map[string]string{"txid": "A"},
		},
		"a form": {
			req:  post("", formType+"; charset=UTF-8", "click_id=Y06&sub1=a%26b\r\n"),
			want: map[string]string{"click_id": "Y06", "sub1": "a&b"},
		},
		"JSON of all kinds": {
			req: post("", "application/json;charset=utf-8", "\uFEFF"+` {"txid": "A-1", "amount": 12.500000000000000001, "revenue": 1e3, "sub1": true, "sub2": false,
				"sub3": null, "payout": 0.10, "sub4": " \u00e9\ud83d\ude00 ", "extra": {"a": [1]}} `),
			want: map[string]string{
				"txid": "A-1", "amount": "12.500000000000000001", "revenue": "1e3", "sub1": "true", "sub2": "false",
				"payout": "0.10", "sub4": "é😀",
			},
		},
		"JSON keys twice": {
			req:      post("", jsonType, `{"txid": "A", "txid": "A", "amount": 1, "amount": 1.0}`),
			want:     map[string]string{"txid": "A", "amount": "1"},
			problems: []string{"CONFLICTING_PARAMETERS amount"},
		},
		"JSON nested under a name that counts": {
			req:      post("", jsonType, `{"txid": ["A"], "event": "sale"}`),
			want:     map[string]string{"txid": `["A"]`, "event_type": "sale"},
			problems: []string{"BAD_REQUEST txid"},
		},
		"JSON that is no object":          {req: post("", jsonType, `[{"txid": "A"}]`), problems: []string{"BAD_REQUEST "}},
		"JSON that breaks off":            {req: post("sub1=x", jsonType, `{"txid": "A", "event`), want: map[string]string{"sub1": "x", "txid": "A"}, problems: []string{"BAD_REQUEST "}},
		"JSON that breaks off in a value": {req: post("", jsonType, `{"txid": tru}`), problems: []string{"BAD_REQUEST "}},
		"JSON without its brace":          {req: post("", jsonType, `{"txid": "A"`), want: map[string]string{"txid": "A"}, problems: []string{"BAD_REQUEST "}},
		"JSON that goes on":               {req: post("", jsonType, `{"txid": "A"} {}`), want: map[string]string{"txid": "A"}, problems: []string{"BAD_REQUEST "}},
		"JSON that is none":               {req: post("", jsonType, `txid=A`), problems: []string{"BAD_REQUEST "}},
		"JSON with half a surrogate":      {req: post("", jsonType, `{"sub1": "a\ud800b", "sub2": "a\ufffdb"}`), want: map[string]string{"sub1": "a\uFFFDb", "sub2": "a\uFFFDb"}, problems: []string{"BAD_REQUEST sub1"}},
		"JSON with bytes that are no UTF-8": {
			req:      post("", jsonType, "{\"sub1\": \"a\xffb\", \"other\": \"\xff\"}"),
			want:     map[string]string{"sub1": "a\uFFFDb"},
			problems: []string{"BAD_REQUEST sub1"},
		},
		"JSON with NUL":         {req: post("", jsonType, `{"sub1": "a\u0000b"}`), want: map[string]string{"sub1": "a\uFFFDb"}, problems: []string{"BAD_REQUEST sub1"}},
		"an empty body":         {req: post("txid=A", "text/plain", " \n"), want: map[string]string{"txid": "A"}},
		"another content type":  {req: post("txid=A", "text/plain", "x"), want: map[string]string{"txid": "A"}, problems: []string{"UNSUPPORTED_MEDIA_TYPE "}},
		"no content type":       {req: post("", "", "x"), problems: []string{"UNSUPPORTED_MEDIA_TYPE "}},
		"a broken content type": {req: post("", "application/json; =", "{}"), problems: []string{"UNSUPPORTED_MEDIA_TYPE "}},
		"another charset":       {req: post("", formType+"; charset=windows-1251", "a=b"), problems: []string{"UNSUPPORTED_MEDIA_TYPE "}},
		"a multipart form":      {req: post("", "multipart/form-data; boundary=x", "--x--"), problems: []string{"UNSUPPORTED_MEDIA_TYPE "}},
		"broken encoding":       {req: get("sub1=100%&sub2=%zz%20&sub3=%E"), want: map[string]string{"sub1": "100%", "sub2": "%zz", "sub3": "%E"}, problems: []string{"BAD_REQUEST sub1", "BAD_REQUEST sub2", "BAD_REQUEST sub3"}},
		"no UTF-8":              {req: get("sub1=a%FFb"), want: map[string]string{"sub1": "a\uFFFDb"}, problems: []string{"BAD_REQUEST sub1"}},
		"NUL":                   {req: get("txid=a%00b"), want: map[string]string{"txid": "a\uFFFDb"}, problems: []string{"BAD_REQUEST txid"}},
		"a value of 2000 bytes": {req: get("sub1=" + strings.Repeat("a", 2000)), want: map[string]string{"sub1": strings.Repeat("a", 2000)}},
		"a value that is too long": {
			req:      get("sub1=" + strings.Repeat("a", 1999) + "é&other=" + strings.Repeat("a", 3000)),
			want:     map[string]string{"sub1": strings.Repeat("a", 1999)},
			problems: []string{"BAD_REQUEST sub1"},
		},
		"macros, also in percent signs": {
			req:      get("click_id={clickid}&txid=%ID%&sub1=%aff_sub%&sub2=%257Bx%257D&sub3=%7Bx%7D&foo={foo}&event={{e}}&token={tok}"),
			want:     map[string]string{"click_id": "{clickid}", "txid": "%ID%", "sub1": "%aff_sub%", "sub2": "%7Bx%7D", "sub3": "{x}", "event_type": "{{e}}", "token": "{tok}"},
			problems: []string{"UNRESOLVED_MACRO click_id", "UNRESOLVED_MACRO txid", "UNRESOLVED_MACRO sub1", "UNRESOLVED_MACRO sub2", "UNRESOLVED_MACRO sub3", "UNRESOLVED_MACRO foo", "UNRESOLVED_MACRO event", "UNRESOLVED_MACRO token"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params, problems := ReadPostback(test.req)
			for _, canonical := range CanonicalParameters() {
				if got, want := params.Get(canonical), test.want[canonical]; got != want {
					t.Errorf("%s = %q, want %q", canonical, got, want)
				}
			}
			var got []string
			for _, p := range problems {
				got = append(got, string(p.Reason)+" "+p.Parameter)
				if p.Detail == "" {
					t.Errorf("%s has no sentence", p.Reason)
				}
			}
			if diff := cmp.Diff(test.problems, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadPostbackKeepsEverythingForTheLog(t *testing.T) {
	t.Parallel()
	params, _ := ReadPostback(PostbackRequest{
		Method: "POST", RawQuery: "cid=X&foo=1&foo=2&empty=", ContentType: jsonType, Body: []byte(`{"goal": "sale", "nested": {"a": 1}}`),
		Mapping: []NameMapping{{"cid", "click_id"}},
	})
	want := []Parameter{
		{"cid", "X", "click_id"}, {"foo", "1", ""}, {"foo", "2", ""}, {"empty", "", ""}, {"goal", "sale", "event_type"}, {"nested", `{"a": 1}`, ""},
	}
	if diff := cmp.Diff(want, params.All); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

func TestReadPostbackStopsAtAHundredParameters(t *testing.T) {
	t.Parallel()
	var query, object strings.Builder
	for i := range 101 {
		fmt.Fprintf(&query, "n%d=v&", i)
		fmt.Fprintf(&object, `,"n%d": "v"`, i)
	}
	for name, req := range map[string]PostbackRequest{
		"query": get(query.String()),
		"JSON":  post("", jsonType, "{"+object.String()[1:]+"}"),
		"both":  post("a=b", jsonType, "{"+object.String()[1:]+"}"),
	} {
		params, problems := ReadPostback(req)
		if len(params.All) != MaxParameters || len(problems) != 1 || problems[0].Reason != ReasonBadRequest {
			t.Errorf("%s: %d parameters, problems %v", name, len(params.All), problems)
		}
	}
	if _, problems := ReadPostback(get(strings.Repeat("a=b&", 100))); len(problems) > 0 {
		t.Errorf("a hundred are refused: %v", problems)
	}
}

func TestProblemsDoNotRepeatSecrets(t *testing.T) {
	t.Parallel()
	_, problems := ReadPostback(get("token={S3cr3t}&sig={S3cr3t}&reason={mail}+S3cr3t@example.com"))
	if len(problems) != 3 {
		t.Fatalf("problems %v", problems)
	}
	for _, p := range problems {
		if strings.Contains(p.Detail, "S3cr3t") {
			t.Errorf("%q tells the secret", p.Detail)
		}
	}
}

// A request is looked up by the click id that it turns out to have.
func TestAClickIDIsFoundByItselfAsWithAllTheRest(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	name := rapid.SampledFrom([]string{"click_id", "CLICK_ID", "%63lick_id", " click_id", "cid", "txid", "sub1", ""})
	rapid.Check(t, func(t *rapid.T) {
		whole := keys.Encode(anyClick.Draw(t, "click"))
		value := rapid.OneOf(rapid.Just(whole), rapid.Just("%20"+strings.ToLower(whole)+"+"), rapid.Just(whole[:30]), rapid.Just(""), rapid.Just("{click_id}"), rapid.String())
		pairs := slices.Repeat([]string{"sub1=1"}, rapid.SampledFrom([]int{0, MaxParameters - 1, MaxParameters}).Draw(t, "before"))
		for range rapid.IntRange(0, 4).Draw(t, "parameters") {
			pairs = append(pairs, name.Draw(t, "name")+"="+value.Draw(t, "value"))
		}
		query := strings.Join(pairs, "&")
		for _, raw := range []PostbackRequest{
			{Method: "GET", RawQuery: query},
			{Method: "POST", RawQuery: "txid=1", ContentType: "application/x-www-form-urlencoded", Body: []byte(query)},
			{Method: "POST", ContentType: "application/json", Body: []byte(`{"txid":1,"Click_ID":"` + whole + `"}`)},
		} {
			want := ReadRequest(raw, Credentials{}, Sender{}, keys)
			if id, state := ReadClickID(raw, keys); id != want.ClickID || state != want.ClickIDState {
				t.Fatalf("%+v: %s %s, and read as a whole %s %s", raw, id, state, want.ClickID, want.ClickIDState)
			}
		}
	})
}
