package main

import (
	"io"
	"net/http"
)

// How many requests are worked on at a time that hold a connection to Postgres for
// long, or may: more would wait for one without end.
const (
	maxQuestions = 256
	maxExports   = 8 // each keeps a connection for as long as somebody downloads
)

// places bounds how many requests are worked on at a time.
type places chan struct{}

// guard lets requests to next while there are places, and refuses what comes beyond
// them with an answer in the form that its caller reads.
func (p places) guard(refusal string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case p <- struct{}{}:
			defer func() { <-p }()
			next.ServeHTTP(w, r)
		default:
			h := w.Header()
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("Cache-Control", "no-store")
			h.Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, refusal+"\n")
		}
	})
}

const (
	busyGraphQL = `{"errors":[{"message":"too much is being asked at this moment: nothing was done, send it again","extensions":{"code":"UNAVAILABLE"}}]}`
	busyExports = `{"code":"UNAVAILABLE","message":"too many files are being downloaded at this moment: come again later"}`
)
