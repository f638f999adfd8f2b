package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of what the sink remembers.
const (
	sinkKeeps   = 200
	sinkMaxURL  = 2 << 10
	sinkMaxBody = 4 << 10
)

// received is an outbound postback as the sink got it.
type received struct {
	At             time.Time `json:"at"`
	Method         string    `json:"method"`
	URL            string    `json:"url"`
	Body           string    `json:"body,omitempty"`
	IdempotencyKey string    `json:"idempotency_key"`
	Answer         int       `json:"answer"`
}

// sink plays the affiliates' servers. It remembers the last requests.
type sink struct {
	mu   sync.Mutex
	last []received // oldest first
}

func newSink() *sink { return &sink{} }

// take takes a request, and answers what its parameter "answer" asks for: 200
// unless it is a status.
func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, sinkMaxBody)) // as much as there is
	status := http.StatusOK
	if asked, err := strconv.Atoi(r.URL.Query().Get("answer")); err == nil && asked >= 200 && asked <= 599 {
		status = asked
	}
	url := r.URL.RequestURI()
	s.keep(received{
		At:             time.Now().UTC(),
		Method:         r.Method,
		URL:            url[:min(len(url), sinkMaxURL)],
		Body:           string(body),
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
		Answer:         status,
	})
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n")
}

func (s *sink) keep(r received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == sinkKeeps {
		s.last = append(s.last[:0], s.last[1:]...)
	}
	s.last = append(s.last, r)
}

// show shows what came in, newest first: as a page to browsers, as JSON to others.
func (s *sink) show(w http.ResponseWriter, r *http.Request) {
	list := s.newestFirst()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		show(w, "sink.html", list)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	_ = out.Encode(list)
}

func (s *sink) newestFirst() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]received, len(s.last))
	for i, r := range s.last {
		list[len(list)-1-i] = r
	}
	return list
}
