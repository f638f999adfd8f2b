package db_test

import (
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// slowly leads to a database whose server takes a while to let anybody in.
func slowly(t testing.TB, databaseURL string, takes time.Duration) string {
	t.Helper()
	upstream, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	network, address := pgconn.NetworkAddress(upstream.Host, upstream.Port)
	serve := func(client net.Conn) {
		defer client.Close()
		<-time.After(takes)
		var d net.Dialer
		server, err := d.DialContext(t.Context(), network, address)
		if err != nil {
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(server, client) }()
		_, _ = io.Copy(client, server)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(client)
		}
	}()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(upstream.User, upstream.Password), Host: listener.Addr().String(), Path: "/" + upstream.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

// A server that is slow to let anybody in, since all come at once after it was away, is
// there all the same: it is waited for, or it would stay away for ever.
func TestAServerThatIsSlowToLetAnybodyInIsFoundBack(t *testing.T) {
	t.Parallel()
	n := newNode(t, slowly(t, dbtest.URL(t), 1500*time.Millisecond), t.TempDir(), func(c *db.ClickWriterConfig) { c.Unreached = true })
	stored, refused := crowd(t, n.writer, 2, 5)
	if refused > 0 {
		t.Errorf("%d refused", refused)
	}
	n.writer.Reached()
	n.wantDrained(t)
	wantStored(t, n.store, stored)
}
