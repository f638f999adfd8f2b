// Package receivertest has the receivers that outbound requests must survive: they take
// the connection, read the request, and misbehave. Tests of requests and of deliveries
// meet the same ones.
package receivertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Misbehaviour is what a receiver does with a connection once it has read the request.
// The connection is closed behind it.
type Misbehaviour func(conn net.Conn)

// At listens on loopback and misbehaves, until the test ends.
func At(t testing.TB, misbehave Misbehaviour) (url string) {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					misbehave(conn)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// Nobody gives an address at which nobody listens.
func Nobody(t testing.TB) (url string) {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return "http://" + l.Addr().String()
}

// Silent takes connections, reads nothing and says nothing.
func Silent(t testing.TB) (address string) {
	t.Helper()
	l := listen(t) // the kernel takes the connection, and nobody else
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Hangs answers nothing until the client has gone.
func Hangs(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// Switches protocols, which nobody asked for, and says nothing more until the client has
// gone.
func Switches(conn net.Conn) {
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	Hangs(conn)
}

// Resets the connection.
func Resets(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// Closes without an answer.
func Closes(net.Conn) {}

// Says writes a text, and closes: an answer that breaks off, or that is none.
func Says(text string) Misbehaviour {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// HalfABody breaks off in its body, and HalfAHeader before it.
const (
	HalfABody   = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
	HalfAHeader = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	NoHTTP      = "SSH-2.0-OpenSSH_9.2\r\n\r\n"
)

// dripped is longer than anybody waits for.
const dripped = 10_000

// DripsHeaders sends headers byte by byte.
func DripsHeaders(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", dripped)) }

// DripsABody sends a body byte by byte.
func DripsABody(conn net.Conn) {
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", dripped)
	drip(conn, strings.Repeat("a", dripped))
}

// drip writes byte by byte, until nobody reads any more.
func drip(conn net.Conn, text string) {
	for _, b := range []byte(text) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// EndlessHeaders sends headers without end, and counts what was taken of them.
func EndlessHeaders(taken *atomic.Int64) Misbehaviour {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for i := 0; ; i++ {
			n, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 1000))
			if taken.Add(int64(n)); err != nil {
				return
			}
		}
	}
}

// EndlessInterimAnswers sends answers that another one follows, without end (RFC 8297).
func EndlessInterimAnswers(conn net.Conn) {
	for {
		if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("a", 1000)+"\r\n\r\n"); err != nil {
			return
		}
	}
}
