package ingest

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// postbackCase is one request and everything that comes of it.
type postbackCase struct {
	name  string
	party func(*proofback.Advertiser, *proofback.Terms)
	// before are queries that are sent first, and counted.
	before []string

	path  string // default /postback
	query string // sent as GET, and as POST in a form and in JSON
	// request is another request, where the query alone does not make it.
	request func(*party) *http.Request

	status int
	result proofback.Result
	reason proofback.Reason
	says   string   // is in the message
	kept   []string // conversions afterwards
}

const sale = "click_id={click}&txid=1&event_type=sale&amount=20&currency=EUR"

// requests gives the ways in which a case's request can be sent.
func (c *postbackCase) requests() map[string]func(*party) *http.Request {
	if c.request != nil {
		return map[string]func(*party) *http.Request{"": c.request}
	}
	path := c.path
	if path == "" {
		path = "/postback"
	}
	return map[string]func(*party) *http.Request{
		" by GET": func(p *party) *http.Request {
			return request(http.MethodGet, p.fill(path+"?"+c.query), "")
		},
		" by POST of a form": func(p *party) *http.Request {
			return request(http.MethodPost, p.fill(path), p.fill(c.query), "Content-Type: application/x-www-form-urlencoded")
		},
		" by POST of JSON": func(p *party) *http.Request {
			return request(http.MethodPost, p.fill(path), asJSON(p, p.fill(c.query)), "Content-Type: application/json")
		},
	}
}

// asJSON writes a query as a flat JSON object, names given twice included.
func asJSON(p *party, query string) string {
	var fields []string
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		p.must(err)
		value, err := url.QueryUnescape(rawValue)
		p.must(err)
		n, err := json.Marshal(name)
		p.must(err)
		v, err := json.Marshal(value)
		p.must(err)
		fields = append(fields, string(n)+":"+string(v))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// contractReasons are the reasons of the contract's table.
var contractReasons = strings.Fields(`
	ACCEPTED DUPLICATE STATUS_UPDATED CLICK_NOT_YET_STORED PREREQUISITE_MISSING AWAITING_RATE
	MISSING_CLICK_ID MISSING_EVENT MISSING_TRANSACTION_ID UNRESOLVED_MACRO DAMAGED_CLICK_ID INVALID_AMOUNT MISSING_AMOUNT
	INVALID_CURRENCY MISSING_CURRENCY INVALID_STATUS INVALID_TIMESTAMP CONFLICTING_PARAMETERS BAD_REQUEST
	TOKEN_INVALID SIGNATURE_INVALID SIGNATURE_EXPIRED IP_NOT_ALLOWED UNKNOWN_CLICK FORGED_CLICK_ID
	TRANSACTION_CONFLICT INVALID_TRANSITION BODY_TOO_LARGE UNSUPPORTED_MEDIA_TYPE
	UNKNOWN_EVENT OUTSIDE_WINDOW BELOW_THRESHOLD CAP_REACHED OFFER_INACTIVE`)

func TestEveryReasonIsAnsweredLoggedAndKeptAsAgreed(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	cases := slices.Concat(answerCases, valueCases, eventCases, proofCases, bodyCases)
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			for way, build := range c.requests() {
				t.Run(string(c.reason)+": "+c.name+way, func(t *testing.T) {
					t.Parallel()
					p := b.party(t, c.party)
					for _, query := range c.before {
						if got := p.get(query); got.status != http.StatusOK {
							t.Fatalf("before: %s", got.body)
						}
					}
					c.check(p, build(p))
				})
			}
		}
	})
	b.allLogged()
	for _, reason := range contractReasons {
		if !slices.ContainsFunc(cases, func(c postbackCase) bool { return string(c.reason) == reason }) {
			t.Errorf("no case shows %s", reason)
		}
	}
}

// check sends the request and looks at what comes of it.
func (c *postbackCase) check(p *party, r *http.Request) {
	p.Helper()
	got := p.send(r)
	if got.status != c.status || got.Result != c.result || got.Reason != c.reason || !strings.Contains(got.Message, c.says) {
		p.Errorf("%d %s\nwant %d %s %s %q", got.status, got.body, c.status, c.result, c.reason, c.says)
	}
	for name, want := range map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Proofback-Status": ""} {
		if got.header.Get(name) != want {
			p.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	log := p.logged(got)
	if log.Result != c.result || log.Reason != c.reason || log.Message != got.Message || log.ResponseStatus != c.status ||
		log.ResponseBody != got.body || log.Method != r.Method || log.RemoteIP != "192.0.2.1" {
		p.Errorf("the log has %+v", log)
	}
	failed := slices.ContainsFunc(log.Checks, func(c proofback.Check) bool { return !c.Passed })
	settled := c.result == proofback.ResultRejected || c.result == proofback.ResultDeferred
	if len(log.Checks) == 0 || settled && !failed || c.reason == proofback.ReasonAccepted && failed {
		p.Errorf("checks: %+v", log.Checks)
	}
	if kept := p.kept(); !slices.Equal(kept, c.kept) {
		p.Errorf("kept %q, want %q", kept, c.kept)
	}
	if (got.ConversionID != "") != (log.ConversionID != [16]byte{}) || got.ConversionID != "" && len(c.kept) == 0 {
		p.Errorf("conversion %q in the answer, %s in the log", got.ConversionID, log.ConversionID)
	}
	var waits bool
	p.must(p.store.Pool().QueryRow(p.Context(), `SELECT EXISTS (SELECT FROM deferred WHERE postback_id = $1)`, got.id).Scan(&waits))
	if waits != (c.result == proofback.ResultDeferred) {
		p.Errorf("waits to be looked at again: %t", waits)
	}
}

// Any answer would say of a postback that it is stored, or that it is not.
func TestAPostbackInDoubtGetsNoAnswer(t *testing.T) {
	t.Parallel()
	h := &Postbacks{Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.unavailable(w, r, errors.Join(db.ErrInDoubt, io.ErrUnexpectedEOF))
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(r)
	if err == nil {
		_ = answer.Body.Close()
		t.Errorf("answered with %s", answer.Status)
	}
}
