package ingest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// post is a request with a body of a type; "" leaves the type out.
func post(query, contentType, body string) func(*party) *http.Request {
	return func(p *party) *http.Request {
		r := request(http.MethodPost, p.fill("/postback?"+query), p.fill(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		return r
	}
}

const (
	form = "application/x-www-form-urlencoded"
	flat = "application/json"
)

// bodyCases are requests with bodies that are special.
var bodyCases = []postbackCase{
	{
		name: "query and form together", request: post("click_id={click}&txid=1", form, "event_type=sale&txid=1"),
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "numbers as JSON writes them", request: post("", flat+"; charset=UTF-8", `{"click_id": "{click}", "event": "sale", "txid": 17, "amount": 20.50, "currency": "EUR", "sub1": null}`),
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "POST without a body", request: post(sale, "", ""),
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"PENDING"},
	},
	{
		name: "another value in the body than in the query", request: post("click_id={click}&event_type=sale&txid=1", form, "txid=2"),
		status: 400, result: "rejected", reason: "CONFLICTING_PARAMETERS", says: "more than once with different values",
	},
	{
		name: "JSON that breaks off", request: post("", flat, `{"click_id": "{click}"`),
		status: 400, result: "rejected", reason: "BAD_REQUEST", says: "cannot be read beyond byte",
	},
	{
		name: "JSON in JSON", request: post("", flat, `{"click_id": "{click}", "txid": {"a": 1}}`),
		status: 400, result: "rejected", reason: "BAD_REQUEST", says: "is an object or array",
	},
	{
		name: "an array", request: post("", flat, `[1]`),
		status: 400, result: "rejected", reason: "BAD_REQUEST", says: "no object",
	},
	{
		name: "a hundred and one parameters", request: byGET(sale + strings.Repeat("&a=b", 97)),
		status: 400, result: "rejected", reason: "BAD_REQUEST", says: "more than 100 parameters",
	},
	{
		name: "a body that is too large", request: post(sale, form, "sub1="+strings.Repeat("x", maxPostbackBody)),
		status: 413, result: "rejected", reason: "BODY_TOO_LARGE", says: "one event a request",
	},
	{
		name: "a body of another type", request: post(sale, "text/plain", "sub1=x"),
		status: 415, result: "rejected", reason: "UNSUPPORTED_MEDIA_TYPE", says: `"text/plain"`,
	},
	{
		name: "a body without a type", request: post(sale, "", "sub1=x"),
		status: 415, result: "rejected", reason: "UNSUPPORTED_MEDIA_TYPE", says: "no content type",
	},
	{
		name: "a zipped body", request: zipped,
		status: 415, result: "rejected", reason: "UNSUPPORTED_MEDIA_TYPE", says: "send it uncompressed",
	},
	{
		name: "a body in another charset", request: post(sale, flat+"; charset=latin1", "{}"),
		status: 415, result: "rejected", reason: "UNSUPPORTED_MEDIA_TYPE", says: "UTF-8",
	},
}

// zipped is a form that its sender's library compressed.
func zipped(p *party) *http.Request {
	r := post("click_id={click}", form, "\x1f\x8b\x08\x00")(p)
	r.Header.Set("Content-Encoding", "gzip")
	return r
}

func TestOnlyGETAndPOSTArePostbacks(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		for _, path := range []string{"/postback", "/postback/{key}", "/postback/nobody"} {
			res := p.serve(request(method, p.fill(path+"?"+sale), ""))
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, POST" {
				t.Errorf("%s %s: status %d, allows %q", method, path, res.StatusCode, res.Header.Get("Allow"))
			}
		}
	}
	if kept := p.kept(); len(kept) != 0 {
		t.Errorf("kept %v", kept)
	}
	b.allLogged()
}

func TestAClickIDCountsInAnyCase(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	mixed := []byte(strings.ToLower(p.click))
	for i := 0; i < len(mixed); i += 2 {
		mixed[i] = strings.ToUpper(string(mixed[i]))[0]
	}
	for i, id := range []string{strings.ToUpper(p.click), strings.ToLower(p.click), string(mixed), "%20" + p.click + "%20"} {
		want := proofback.ReasonDuplicate
		if i == 0 {
			want = proofback.ReasonAccepted
		}
		if got := p.get("event_type=sale&txid=1&click_id=" + id); got.Reason != want {
			t.Errorf("%s: %s", id, got.body)
		}
	}
	if kept := p.kept(); len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
	b.allLogged()
}

func TestAnEventIsTooLateAfterTheWindow(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, goal(func(g *proofback.Goal) { g.WindowHours = 1 }))
	for _, c := range []struct {
		after time.Duration
		txid  string
		want  proofback.Reason
	}{
		{59 * time.Minute, "1", "ACCEPTED"},
		{61 * time.Minute, "1", "DUPLICATE"}, // of what came in time
		{61 * time.Minute, "2", "OUTSIDE_WINDOW"},
	} {
		b.skew.Store(int64(c.after))
		if got := p.get("click_id={click}&event_type=sale&txid=" + c.txid); got.Reason != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got.body, c.want)
		}
	}
	if kept := p.kept(); !slices.Equal(kept, []string{"PENDING", "REJECTED OUTSIDE_WINDOW"}) {
		t.Errorf("kept %q", kept)
	}
	b.allLogged()
}
