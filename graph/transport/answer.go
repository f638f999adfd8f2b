package transport

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// statuses are those of errors that keep an operation from being run, by their code;
// of all others it is 400.
var statuses = map[string]int{
	"UNAUTHENTICATED": http.StatusUnauthorized,
	"FORBIDDEN":       http.StatusForbidden,
	"RATE_LIMITED":    http.StatusTooManyRequests,
	"UNAVAILABLE":     http.StatusServiceUnavailable,
	"INTERNAL":        http.StatusInternalServerError,
}

// statusOf is the status of an answer. Who takes application/json is told of whatever
// happened with 200; that is how it was before there was a specification.
func statusOf(media string, resp *graphql.Response) int {
	if media != mediaResponse || len(resp.Data) > 0 || len(resp.Errors) == 0 {
		return http.StatusOK
	}
	code, _ := resp.Errors[0].Extensions["code"].(string)
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusBadRequest
}

// answer sends what came of an operation.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, media string, resp *graphql.Response) {
	h.Headers(resp, w.Header())
	h.send(w, r, media, statusOf(media, resp), resp)
}

// Refuse answers a request for what is known of it before it is read.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, errs gqlerror.List) {
	media, ok := negotiate(r.Header.Values("Accept"))
	if !ok || media == mediaEvents {
		media = mediaResponse
	}
	h.answer(w, r, media, &graphql.Response{Errors: errs})
}

// refuse answers what is no request of GraphQL.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, media string, status int, message string) {
	if media == mediaEvents {
		media = mediaResponse
	}
	h.send(w, r, media, status, &graphql.Response{Errors: gqlerror.List{{
		Message: message, Extensions: map[string]any{"code": "BAD_USER_INPUT"},
	}}})
}

func (h *Handler) send(w http.ResponseWriter, r *http.Request, media string, status int, resp *graphql.Response) {
	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
		header.Set("Retry-After", "1")
	}
	if r.Method == http.MethodGet && status == http.StatusOK && len(resp.Errors) == 0 {
		// Whoever asks again is told that nothing has changed. The answer is one person's,
		// and what it cost is no part of it.
		header.Set("Cache-Control", "private, no-cache")
		header.Set("Vary", "Accept, Accept-Encoding, Authorization")
		sum := sha256.Sum256(appendResponse(nil, resp, nil))
		tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
		header.Set("ETag", tag)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := appendResponse(make([]byte, 0, len(resp.Data)+512), resp, resp.Extensions)
	if len(body) > gzipFrom && takesGzip(r) {
		header.Set("Content-Encoding", "gzip")
		header.Add("Vary", "Accept-Encoding")
		body = zipped(body)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// JSON is an answer as it is sent.
func JSON(resp *graphql.Response) json.RawMessage { return appendResponse(nil, resp, resp.Extensions) }

// appendResponse writes an answer. Data is JSON already, and not looked at again.
func appendResponse(b []byte, resp *graphql.Response, extensions map[string]any) []byte {
	b = append(b, '{')
	if len(resp.Errors) > 0 {
		b = appendMember(b, "errors", resp.Errors)
	}
	if data := resp.Data; len(data) > 0 {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, `"data":`...), data...)
	}
	if len(extensions) > 0 {
		b = appendMember(b, "extensions", extensions)
	}
	return append(b, '}')
}

func appendMember(b []byte, name string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("null") // what somebody put there cannot be shown
	}
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(append(b, `":`...), text...)
}

// gzipFrom is the size from which on an answer is worth compressing: what fits a packet
// is not.
const gzipFrom = 1400

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if (name == "gzip" || name == "*") && strings.ReplaceAll(params, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// zippers are kept: one holds nearly a megabyte.
var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one
	return z
}}

func zipped(body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body) / 4)
	z := zippers.Get().(*gzip.Writer)
	z.Reset(&b)
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	zippers.Put(z)
	return b.Bytes()
}
