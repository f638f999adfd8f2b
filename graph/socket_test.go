package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph"
)

// wire is a WebSocket to the API.
type wire struct {
	t    *testing.T
	conn *websocket.Conn
}

// frame is a message of graphql-transport-ws.
type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dial opens a WebSocket for somebody.
func (a *api) dial(t *testing.T, actor proofback.Actor, protocols ...string) *wire {
	t.Helper()
	who, err := json.Marshal(actor)
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), a.url, &websocket.DialOptions{
		Subprotocols: protocols, HTTPHeader: http.Header{actorHeader: {string(who)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &wire{t, conn}
}

// open is dial with all that comes before operations.
func (a *api) open(t *testing.T, actor proofback.Actor) *wire {
	t.Helper()
	w := a.dial(t, actor, "graphql-transport-ws")
	w.say(`{"type":"connection_init"}`)
	w.expect("connection_ack")
	return w
}

func (w *wire) say(text string) {
	w.t.Helper()
	if err := w.conn.Write(w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// ask sends an operation.
func (w *wire) ask(id, query string, v vars) {
	w.t.Helper()
	payload, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := json.Marshal(frame{id, "subscribe", payload})
	if err != nil {
		w.t.Fatal(err)
	}
	w.say(string(text))
}

func (w *wire) read() (frame, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	_, text, err := w.conn.Read(ctx)
	if err != nil {
		return frame{}, err
	}
	var f frame
	return f, json.Unmarshal(text, &f)
}

// expect reads a message of a type.
func (w *wire) expect(kind string) frame {
	w.t.Helper()
	f, err := w.read()
	if err != nil || f.Type != kind {
		w.t.Fatalf("got %s %s, %v, want %s", f.Type, f.Payload, err, kind)
	}
	return f
}

// closed reads until the server closes, and gives the code.
func (w *wire) closed() websocket.StatusCode {
	w.t.Helper()
	for {
		if _, err := w.read(); err != nil {
			if _, ok := errors.AsType[websocket.CloseError](err); !ok {
				w.t.Fatal(err)
			}
			return websocket.CloseStatus(err)
		}
	}
}

func TestWhatIsNotOfTheProtocolClosesTheSocket(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const initialised = `{"type":"connection_init"}`
	for name, tt := range map[string]struct {
		protocol string
		say      []string
		want     websocket.StatusCode
	}{
		"another protocol":     {"graphql-ws", nil, 4406},
		"no protocol":          {"", nil, 4406},
		"silence":              {"graphql-transport-ws", nil, 4408},
		"no JSON":              {"graphql-transport-ws", []string{`{`}, 4400},
		"a list":               {"graphql-transport-ws", []string{`[]`}, 4400},
		"no type":              {"graphql-transport-ws", []string{`{}`}, 4400},
		"a server's message":   {"graphql-transport-ws", []string{initialised, `{"type":"next","id":"1"}`}, 4400},
		"too early":            {"graphql-transport-ws", []string{`{"type":"subscribe","id":"1","payload":{"query":"{ viewer { id } }"}}`}, 4401},
		"a bad token":          {"graphql-transport-ws", []string{`{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`}, 4403},
		"a token that is none": {"graphql-transport-ws", []string{`{"type":"connection_init","payload":{"authorization":7}}`}, 4403},
		"an odd payload":       {"graphql-transport-ws", []string{`{"type":"connection_init","payload":7}`}, 4400},
		"two beginnings":       {"graphql-transport-ws", []string{initialised, initialised}, 4429},
		"an operation without id": {
			"graphql-transport-ws", []string{initialised, `{"type":"subscribe","payload":{"query":"{ viewer { id } }"}}`}, 4400,
		},
		"an operation without query": {"graphql-transport-ws", []string{initialised, `{"type":"subscribe","id":"1","payload":{}}`}, 4400},
		"variables that are none": {
			"graphql-transport-ws", []string{initialised, `{"type":"subscribe","id":"1","payload":{"query":"{ viewer { id } }","variables":[]}}`}, 4400,
		},
		"bytes": {"graphql-transport-ws", []string{"\x00"}, 4400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var protocols []string
			if tt.protocol != "" {
				protocols = []string{tt.protocol}
			}
			w := a.dial(t, admin, protocols...)
			for _, text := range tt.say {
				w.say(text)
			}
			if got := w.closed(); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
		})
	}
}

func TestOperationsOverASocket(t *testing.T) {
	t.Parallel()
	w := newTenants(t)
	w.tellChanges()
	s := w.open(t, manager)
	s.say(`{"type":"ping","payload":{"n":1}}`)
	if f := s.expect("pong"); string(f.Payload) != `{"n":1}` {
		t.Errorf("pong with %s", f.Payload)
	}
	s.say(`{"type":"pong"}`)
	s.ask("q", `{ viewer { role } }`, nil)
	if f := s.expect("next"); f.ID != "q" || !strings.Contains(string(f.Payload), `"MANAGER"`) {
		t.Errorf("%s: %s", f.ID, f.Payload)
	}
	s.expect("complete")
	s.ask("bad", `{ nonsense }`, nil)
	if f := s.expect("error"); f.ID != "bad" || !strings.Contains(string(f.Payload), `"BAD_USER_INPUT"`) {
		t.Errorf("%s: %s", f.ID, f.Payload)
	}
	s.ask("live", changesQuery, nil)
	w.settled(1)
	w.must(manager, "RejectConversions", vars{"input": vars{"ids": []string{w.own.ids[proofback.KindConversion]}, "reason": "returned"}})
	if f := s.expect("next"); f.ID != "live" || !strings.Contains(string(f.Payload), `"REJECTED"`) {
		t.Errorf("%s: %s", f.ID, f.Payload)
	}
	s.say(`{"type":"complete","id":"live"}`)
	w.settled(0)
	s.ask("live", changesQuery, nil)
	w.settled(1)
	s.ask("live", changesQuery, nil)
	if got := s.closed(); got != 4409 {
		t.Errorf("the same id twice: %d", got)
	}
	w.settled(0)
}

func TestASocketEndsWithItsToken(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.tellChanges()
	a.resolver.Authenticate = func(ctx context.Context, authorization string) (context.Context, error) {
		if authorization != "Bearer good" {
			return nil, proofback.ErrUnauthenticated
		}
		return graph.WithExpiry(graph.WithActor(ctx, manager), time.Now().Add(200*time.Millisecond)), nil
	}
	w := a.dial(t, nobody, "graphql-transport-ws")
	w.say(`{"type":"connection_init","payload":{"Authorization":"Bearer good"}}`)
	w.expect("connection_ack")
	w.ask("1", changesQuery, nil)
	if got := w.closed(); got != 4403 {
		t.Errorf("closed with %d", got)
	}
	a.settled(0)
}

func TestSubscriptionsEndOverTheWireWithTheProgram(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.tellChanges()
	w := a.open(t, manager)
	w.ask("1", changesQuery, nil)
	events := a.subscribe(manager, changesQuery, nil)
	a.settled(2)
	idle := a.open(t, manager)
	a.resolver.Changes.End()
	if err := a.endpoint.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, s := range []*wire{w, idle} {
		if got := s.closed(); got != websocket.StatusGoingAway {
			t.Errorf("closed with %d", got)
		}
	}
	for line := range events.lines {
		if strings.Contains(line, "complete") {
			t.Error("a client is told that there is nothing more to come")
		}
	}
	if got := a.dial(t, manager, "graphql-transport-ws").closed(); got != websocket.StatusGoingAway {
		t.Errorf("one that comes later is closed with %d", got)
	}
}

func TestPagesOfOtherOriginsOpenNoSocket(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for origin, want := range map[string]bool{"": true, a.url: true, "https://evil.example": false, "null": false} {
		conn, _, err := websocket.Dial(t.Context(), a.url, &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}, actorHeader: {"{}"}},
		})
		if (err == nil) != want {
			t.Errorf("%q: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}

func TestAnIDThatIsUsedAgainIsTheNewOperations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.tellChanges()
	s := a.open(t, manager)
	for range 50 {
		s.ask("1", changesQuery, nil)
		s.say(`{"type":"complete","id":"1"}`)
	}
	// The end of what was asked for by the id before leaves the new one to its client.
	s.ask("1", changesQuery, nil)
	a.settled(1)
	s.say(`{"type":"complete","id":"1"}`)
	a.settled(0)
}

func TestWhatIsCompletedByItsClientIsNotAnswered(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	s := a.open(t, manager)
	for n := range 30 {
		s.ask("1", `{ viewer { affiliate { id } } }`, nil)
		s.say(`{"type":"complete","id":"1"}`)
		s.ask("1", `{ viewer { role } }`, nil)
		for answered := false; !answered; {
			f, err := s.read()
			if err != nil || strings.Contains(string(f.Payload), `"errors"`) {
				t.Fatalf("round %d: the new operation is told how the old one ended: %s, %v", n, f.Payload, err)
			}
			answered = strings.Contains(string(f.Payload), `"MANAGER"`)
		}
		s.expect("complete")
	}
}
