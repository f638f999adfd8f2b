package ingest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/proofback/proofback"
)

// fuzzedRequest is a request to an advertiser's own endpoint with anything at all
// in its query, its content type and its body.
func fuzzedRequest(p *party, query, contentType, body string, isPost bool) *http.Request {
	r := httptest.NewRequest(http.MethodGet, p.fill("/postback/{key}"), strings.NewReader(p.fill(body)))
	if isPost {
		r.Method = http.MethodPost
	}
	r.URL.RawQuery = p.fill(query)
	r.RequestURI = ""
	if contentType != "" {
		r.Header["Content-Type"] = []string{contentType}
	}
	return r
}

func FuzzPostback(f *testing.F) {
	for _, query := range []string{
		sale + "&token={secret}", "click_id={click}&event_type=sale&sub1={secret}&token=x", "order=1&cid={other}&what=sale&token={secret}&status=2",
		"click_id={click}&event_type={secret}&token={secret}", "{secret}={secret}&token={secret}", "x=%7Btoken%7D&%ff=%00", "click_id={click}&amount=1e9&currency=€",
	} {
		f.Add(query, "", "", false)
		f.Add("", form, query, true)
		f.Add("token={secret}", flat+"; charset=utf-8", `{"click_id": "{click}", "event_type": "sale", "txid": "{secret}", "note": {"a": ["{secret}"]}}`, true)
	}
	f.Add("token={secret}", "text/plain", "{secret}", true)
	f.Add("token={secret}", "multipart/form-data; boundary=x", "--x\r\n", true)
	f.Add("token={secret}&a=%", flat, `{"a": "\ud800", "a": null, "a": 1e400}`, true)
	b := newInbox(f)
	p := b.party(f, func(a *proofback.Advertiser, terms *proofback.Terms) {
		ownWords(a, terms)
		a.Security = proofback.SecurityToken
	})
	secrets := []string{p.secret, url.QueryEscape(p.secret), strings.ReplaceAll(p.secret, "+", " ")}
	f.Fuzz(func(t *testing.T, query, contentType, body string, isPost bool) {
		got := httptest.NewRecorder()
		p.mux.ServeHTTP(got, fuzzedRequest(p, query, contentType, body, isPost))
		if got.Code >= http.StatusInternalServerError || got.Code < http.StatusOK {
			t.Fatalf("status %d: %s", got.Code, got.Body)
		}
		var rows int
		var kept, events string
		err := p.store.Pool().QueryRow(t.Context(), `
			WITH taken AS (DELETE FROM postbacks RETURNING *)
			SELECT count(*), coalesce(string_agg(taken::text, ''), ''), coalesce(string_agg(c::text, ''), '')
			FROM taken
			LEFT JOIN conversions AS c ON c.postback_id = taken.id`).Scan(&rows, &kept, &events)
		if err != nil {
			t.Fatal(err)
		}
		if rows != 1 {
			t.Fatalf("%d requests are in the log", rows)
		}
		for _, secret := range secrets {
			if strings.Contains(kept+events+got.Body.String(), secret) {
				t.Fatalf("the secret is kept: %s %s, answered %s", kept, events, got.Body)
			}
		}
	})
}
