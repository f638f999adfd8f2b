package auth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/proofback/proofback"
)

// open opens a WebSocket with an access token or a key.
func open(t *testing.T, url, credential string) (ask func() string) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + credential}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	turn := func(text string) string {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, got, err := conn.Read(t.Context())
		if err != nil {
			return err.Error()
		}
		return string(got)
	}
	if got := turn(`{"type":"connection_init"}`); !strings.Contains(got, "connection_ack") {
		t.Fatal(got)
	}
	return func() string {
		got := turn(`{"type":"subscribe","id":"1","payload":{"query":"{ viewer { role } }"}}`)
		if strings.Contains(got, `"next"`) {
			_, _, _ = conn.Read(t.Context()) // complete
		}
		return got
	}
}

func TestASocketAsksNothingMoreOnceItsSessionOrKeyIsOver(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	in := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "correct horse"}), "signIn")
	key, secret, err := s.Store.CreateAPIKey(t.Context(), proofback.System(), proofback.APIKey{Name: "CRM", Role: proofback.RoleManager})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		credential string
		end        func()
	}{
		"a session": {in.Session.AccessToken, func() { do(in.Session.AccessToken, signOut, nil) }},
		"a key": {secret, func() {
			if _, err := s.Store.RevokeAPIKey(t.Context(), proofback.System(), key.ID); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		ask := open(t, serveURL(t, s), c.credential)
		if got := ask(); !strings.Contains(got, `"role"`) {
			t.Fatalf("%s: %s", name, got)
		}
		c.end()
		if got := ask(); !strings.Contains(got, "4403") {
			t.Errorf("%s that is over still asks: %s", name, got)
		}
	}
}
