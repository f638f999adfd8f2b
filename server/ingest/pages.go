package ingest

import (
	"io"
	"net/http"
)

// retryAfter is when to try again what could not be stored, in seconds.
const retryAfter = "1"

// The pages that visitors may see. They carry nothing that was sent, so that there
// is nothing to escape.
const (
	pageUnknown     = "This link does not exist."
	pageClosed      = "This offer is not available."
	pageUnavailable = "This link cannot be opened right now. Please try again in a moment."
)

func writePage(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>"+sentence+"</title><p>"+sentence+"</p></html>\n")
}
