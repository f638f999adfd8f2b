package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// theBeginning is a cursor before every change: of a network in which no transaction has
// begun.
const theBeginning = "AQA"

// soon is longer than anything here takes, on any machine.
const soon = 30 * time.Second

// tellChanges has subscribers told of changes from now on.
func (a *api) tellChanges() {
	a.t.Helper()
	changes := a.store.NewChanges(db.ChangesConfig{CheckEvery: 50 * time.Millisecond})
	ctx, stop := context.WithCancel(context.WithoutCancel(a.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		changes.Run(ctx)
	}()
	a.t.Cleanup(func() {
		stop()
		<-ended
	})
	a.resolver.Changes = changes
}

// eventStream is an answer by server-sent events.
type eventStream struct {
	t      testing.TB
	close  func()
	status int
	lines  chan string // closed at the end
}

// subscribe sends an operation to be answered by events.
func (a *api) subscribe(actor proofback.Actor, query string, v vars) *eventStream {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(a.t.Context())
	a.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	who, err := json.Marshal(actor)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set(actorHeader, string(who))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	s := &eventStream{t: a.t, close: cancel, status: resp.StatusCode, lines: make(chan string, 10_000)}
	go func() {
		defer close(s.lines)
		defer func() { _ = resp.Body.Close() }()
		scanner := bufio.NewScanner(resp.Body)
		scanner.Buffer(nil, 10<<20)
		for scanner.Scan() {
			s.lines <- scanner.Text()
		}
	}()
	return s
}

// text gives the next answer; "" when none comes in time, or at the end.
func (s *eventStream) text(within time.Duration) (answer string, more bool) {
	timeout := time.After(within)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok || line == "event: complete" {
				return "", false
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return data, true
			}
		case <-timeout:
			return "", false
		}
	}
}

// next waits for the next answer.
func (s *eventStream) next() *answer {
	s.t.Helper()
	text, ok := s.text(soon)
	got := &answer{t: s.t}
	if err := json.Unmarshal([]byte(text), got); !ok || err != nil {
		s.t.Fatalf("no answer: %q, %v", text, err)
	}
	return got
}
