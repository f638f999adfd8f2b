package main

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// requestIDHeader carries the id under which a request's log lines are found. It
// stands in the request for whoever handles it, and in the answer.
const requestIDHeader = "X-Request-Id"

// maxRequestID is the longest id that is taken from a caller.
const maxRequestID = 64

var requestIDs = proofback.RandomBlocks{From: rand.Reader}

// requestIDLetters are those of ids: none needs an escape anywhere.
var requestIDLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

// newRequestID is what nobody had before: 26 letters and digits, for 128 random bits.
func newRequestID() string {
	var bits [16]byte
	if _, err := requestIDs.Read(bits[:]); err != nil {
		panic("no randomness: " + err.Error()) // which crypto/rand says never happens
	}
	var id [26]byte
	requestIDLetters.Encode(id[:], bits[:])
	return string(id[:])
}

// saneRequestID wants what can neither forge a log line nor fill the log.
func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// What stands in every answer is shared by all of them.
var (
	noSniffing = []string{"nosniff"}
	noFraming  = []string{"DENY"}
	httpsOnly  = []string{"max-age=31536000"}
)

// answerWriter remembers what was answered.
type answerWriter struct {
	http.ResponseWriter
	request   *http.Request
	id        [1]string // of the request, as a header has it
	status    int
	replaced  bool   // what the handler writes is not sent
	elsewhere string // observed.elsewhere
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	if w.request.Pattern == "" && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
		w.replaced = true
		refuseRoute(w.ResponseWriter, w.request, status, w.elsewhere)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.replaced {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// WriteString implements io.StringWriter, which spares a copy.
func (w *answerWriter) WriteString(s string) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.replaced {
		return len(s), nil
	}
	return io.WriteString(w.ResponseWriter, s)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observed has mux answer requests. It gives each an id, the caller's own where it sent a
// sane one, sets what holds for every answer (handlers add their own), mends panics, and
// tells the log (at debug) and the metrics of each. It stands right before mux, which writes
// the route into the request.
type observed struct {
	mux     http.Handler
	metrics *metrics
	log     *slog.Logger
	// elsewhere says whom to ask for what is not served here; "" when nobody serves it.
	elsewhere string
	https     bool // we are known by it: browsers are told to take nothing else (RFC 6797)
}

func (o *observed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	o.metrics.inFlight.Inc()
	answer := &answerWriter{ResponseWriter: w, request: r, elsewhere: o.elsewhere}
	defer o.end(answer, began)
	o.begin(answer)
	oneSlash(r.URL)
	o.mux.ServeHTTP(answer, r)
}

// oneSlash mends a path that begins with several, as it does where one that begins with a
// slash was put behind a base URL that ends with one. ServeMux would redirect, and
// whatever sends postbacks seldom follows.
func oneSlash(u *url.URL) {
	if strings.HasPrefix(u.Path, "//") {
		u.Path = "/" + strings.TrimLeft(u.Path, "/")
		u.RawPath = "/" + strings.TrimLeft(u.RawPath, "/") // as good as none where it is not Path encoded
	}
}

// begin writes the id into the request and the answer, and what stands in every answer.
func (o *observed) begin(answer *answerWriter) {
	asked, told := answer.request.Header, answer.Header()
	if sent := asked[requestIDHeader]; len(sent) > 0 && saneRequestID(sent[0]) {
		answer.id[0] = sent[0]
	} else {
		answer.id[0] = newRequestID()
	}
	asked[requestIDHeader] = answer.id[:]
	told[requestIDHeader] = answer.id[:]
	told["X-Content-Type-Options"] = noSniffing
	told["X-Frame-Options"] = noFraming
	if o.https {
		told["Strict-Transport-Security"] = httpsOnly
	}
}

// end is what is deferred: it recovers from a handler's panic. An answer that was begun
// is broken off then, and so is one that a handler gave up: its end would say that it is
// whole. Who waited for it got nothing, which counts as a fault of ours.
func (o *observed) end(answer *answerWriter, began time.Time) {
	o.metrics.inFlight.Dec()
	r, broken := answer.request, false
	if panicked := recover(); panicked != nil {
		err, ok := panicked.(error)
		if broken = ok && errors.Is(err, http.ErrAbortHandler); !broken {
			o.log.ErrorContext(r.Context(), "a request panicked", "request_id", r.Header.Get(requestIDHeader),
				"route", r.Pattern, "panic", panicked, "stack", string(debug.Stack()))
			if broken = answer.status != 0; !broken {
				http.Error(answer, "something went wrong on our side", http.StatusInternalServerError)
			}
		}
	}
	status, took := answer.status, time.Since(began)
	if broken {
		if status = http.StatusInternalServerError; r.Context().Err() != nil {
			status = 0
		}
	}
	if !lasts(answer, r) {
		o.metrics.request(r.Pattern, status, took)
	}
	if o.log.Enabled(r.Context(), slog.LevelDebug) {
		o.logRequest(r, status, took)
	}
	if broken {
		panic(http.ErrAbortHandler)
	}
}

// lasts reports whether an answer was one that goes on for as long as somebody listens:
// how long that was says nothing of us.
func lasts(w *answerWriter, r *http.Request) bool {
	switch w.status {
	case 0: // the connection was taken over
		return len(r.Header["Upgrade"]) > 0
	case http.StatusOK:
		kind := w.Header()["Content-Type"]
		return len(kind) > 0 && strings.HasPrefix(kind[0], "text/event-stream")
	}
	return false
}

func (o *observed) logRequest(r *http.Request, status int, took time.Duration) {
	o.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
		slog.String("request_id", r.Header.Get(requestIDHeader)),
		slog.String("method", r.Method),
		slog.String("route", r.Pattern),
		slog.Int("status", status),
		slog.Duration("took", took))
}
