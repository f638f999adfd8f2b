package ingest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// requestIDs are what ids of requests are made of.
var requestIDs = proofback.RandomBlocks{From: rand.Reader}

// maxPostbackBody is more than any flat list of parameters needs.
const maxPostbackBody = 64 << 10

// maxLoggedURL is how much of a request's URL the log keeps.
const maxLoggedURL = 8 << 10

// maxToldPath is how much of a path the program's own log is told.
const maxToldPath = 200

// Postbacks serves /postback: it reads a request, has it decided, and answers
// with the decision.
type Postbacks struct {
	Decider *db.Decider
	Setup   *db.Setup
	Keys    *proofback.ClickKeys
	// PerSecond is how many requests a second an advertiser's own endpoint takes,
	// with a burst of twice as many, in this process; 0 takes 500.
	PerSecond int
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
	Now            func() time.Time
	// Passing tells what time passes, for PerSecond: Now may stand while it does.
	// Default time.Now.
	Passing func() time.Time

	limiters sync.Map       // of *rate.Limiter, by advertiser
	refusals rate.Sometimes // that are told to the log
}

// tellEvery is how often the log is told of postbacks that are refused because of
// something that holds for all who come in that moment.
const tellEvery = time.Second

// defaultPerSecond is far above what one advertiser's sales come to, and below
// what would keep the others waiting.
const defaultPerSecond = 500

// limited refuses a request when its advertiser sends too many, and says when to
// come again.
func (h *Postbacks) limited(w http.ResponseWriter, a *proofback.Advertiser) bool {
	perSecond := cmp.Or(h.PerSecond, defaultPerSecond)
	l, ok := h.limiters.Load(a.ID)
	if !ok {
		l, _ = h.limiters.LoadOrStore(a.ID, rate.NewLimiter(rate.Limit(perSecond), 2*perSecond))
	}
	now := time.Now
	if h.Passing != nil {
		now = h.Passing
	}
	if l.(*rate.Limiter).AllowN(now(), 1) {
		return false
	}
	refuse(w, http.StatusTooManyRequests, proofback.CodeRateLimited, fmt.Sprintf("more than %d requests a second came to this endpoint: nothing was stored, send it again after a second", perSecond))
	return true
}

// refuse answers what was not stored. Its reason is none of a decision's: nothing was decided.
func refuse(w http.ResponseWriter, status int, reason proofback.Code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"result": "unavailable", "reason": string(reason), "message": message})
}

// Register adds the routes to mux.
func (h *Postbacks) Register(mux *http.ServeMux) {
	h.refusals.Interval = tellEvery
	mux.HandleFunc("/postback", h.plain)
	mux.HandleFunc("/postback/{key}", h.own)
}

func (h *Postbacks) plain(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, nil)
}

// own serves an advertiser's own endpoint: its names and words apply before
// anything else.
func (h *Postbacks) own(w http.ResponseWriter, r *http.Request) {
	a, err := h.Setup.AdvertiserByKey(r.Context(), r.PathValue("key"))
	switch {
	case err == nil && h.limited(w, a):
	case err == nil:
		h.serve(w, r, a)
	case proofback.CodeOf(err) == proofback.CodeNotFound:
		h.serve(w, r, nil, proofback.Problem{
			Reason: proofback.ReasonBadRequest,
			Detail: "no advertiser has this endpoint: copy the postback URL from the network again, it ends in a key of its own",
		})
	default:
		h.unavailable(w, r, err)
	}
}

func (h *Postbacks) serve(w http.ResponseWriter, r *http.Request, endpoint *proofback.Advertiser, problems ...proofback.Problem) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"result": "unavailable", "reason": "METHOD_NOT_ALLOWED", "message": "a postback cannot come by " + proofback.CutText(r.Method, 20) + ", and nothing was stored: send it by GET or POST",
		})
		return
	}
	raw, problem := readRaw(w, r)
	if problem != nil {
		problems = append(problems, *problem)
	}
	now := h.Now().UTC().Truncate(time.Microsecond)
	peer := ClientIP(r, h.TrustedProxies)
	sent := &db.Sent{Request: raw, Credentials: proofback.Credentials{
		Peer:             peer,
		Token:            r.Header.Get("X-Postback-Token"),
		WebhookID:        r.Header.Get("Webhook-Id"),
		WebhookTimestamp: r.Header.Get("Webhook-Timestamp"),
		WebhookSignature: r.Header.Get("Webhook-Signature"),
		Now:              now,
	}}
	in := &db.Incoming{
		ID:         uuid.Must(uuid.NewV7FromReader(&requestIDs)),
		ReceivedAt: now,
		Endpoint:   endpoint,
		Method:     r.Method,
		URL:        loggedURL(r, endpoint),
		RemoteIP:   addressText(peer),
		Read: func(s proofback.Sender) proofback.Reading {
			reading := proofback.ReadRequest(sent.Request, sent.Credentials, s, h.Keys)
			reading.Problems = append(problems[:len(problems):len(problems)], reading.Problems...)
			return reading
		},
		ClickID: func() (uuid.UUID, proofback.ClickIDState) { return proofback.ReadClickID(sent.Request, h.Keys) },
		Sent:    sent,
	}
	log, err := h.Decider.Decide(in)
	if err != nil {
		h.unavailable(w, r, err)
		return
	}
	h.answer(w, log)
}

// addressText is an address for the log; a peer on a Unix socket has none.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// readRaw takes the request off the wire, up to the limit.
func readRaw(w http.ResponseWriter, r *http.Request) (proofback.PostbackRequest, *proofback.Problem) {
	raw := proofback.PostbackRequest{Method: r.Method, RawQuery: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"), ContentEncoding: r.Header.Get("Content-Encoding")}
	if r.Method != http.MethodPost {
		return raw, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPostbackBody))
	if err == nil {
		raw.Body = body
		return raw, nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return raw, &proofback.Problem{
			Reason: proofback.ReasonBodyTooLarge,
			Detail: "the body is larger than " + strconv.Itoa(maxPostbackBody) + " bytes: send one event a request",
		}
	}
	return raw, &proofback.Problem{Reason: proofback.ReasonBadRequest, Detail: "the body broke off before its end: send it again"}
}

// What stands in every answer is shared by all of them.
var (
	answerType  = []string{"application/json; charset=utf-8"}
	neverStored = []string{"no-store"}
)

func (h *Postbacks) answer(w http.ResponseWriter, p *proofback.Postback) {
	status := p.ResponseStatus
	if a, ok := h.Setup.Snapshot().Advertiser(p.AdvertiserID); ok && a.AnswerAlways200 && status != http.StatusOK {
		w.Header().Set("X-Proofback-Status", strconv.Itoa(status))
		status = http.StatusOK
	}
	header := w.Header()
	header["Content-Type"], header["Cache-Control"] = answerType, neverStored
	w.WriteHeader(status)
	_, _ = io.WriteString(w, p.ResponseBody)
}

// unavailable answers what could not be stored, also where the request's context ended:
// its sender may only have said that it sends no more, and net/http answers 200 where we
// say nothing.
func (h *Postbacks) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	inDoubt := errors.Is(err, db.ErrInDoubt)
	tell := func() {
		h.Log.Error("a postback could not be stored", "path", proofback.CutText(proofback.MaskURL(r.URL.EscapedPath()), maxToldPath), "error", err)
	}
	switch {
	case errors.Is(err, db.ErrAway), errors.Is(err, context.Canceled): // the first is told once, not for each who suffers from it
	case proofback.CodeOf(err) == proofback.CodeUnavailable && !inDoubt:
		h.refusals.Do(tell) // or a flood fills the log
	default:
		tell()
	}
	if inDoubt {
		panic(http.ErrAbortHandler) // no answer: any would say that it is stored, or that it is not
	}
	refuse(w, http.StatusServiceUnavailable, proofback.CodeUnavailable, "the database cannot take it at this moment: nothing was stored, send it again after the seconds in Retry-After")
}

// loggedURL is the request's URL without what must not be kept.
func loggedURL(r *http.Request, endpoint *proofback.Advertiser) string {
	var mapping []proofback.NameMapping
	if endpoint != nil {
		mapping = endpoint.ParameterMapping
	}
	u := proofback.MaskURL(r.URL.RequestURI(), mapping...)
	return proofback.CutText(plainText(u), maxLoggedURL)
}

// plainText encodes the bytes of a URL that are no text, and that its sender should
// have encoded.
func plainText(u string) string {
	if utf8.ValidString(u) && !strings.Contains(u, "\x00") {
		return u
	}
	var out strings.Builder
	for i, r := range u {
		if _, size := utf8.DecodeRuneInString(u[i:]); r == 0 || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&out, "%%%02X", u[i])
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
