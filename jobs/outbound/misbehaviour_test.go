package outbound

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// receive listens on loopback and does with each connection, after its request
// has been read, what the test wants.
func receive(t *testing.T, misbehave func(conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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

// untilClosed returns when the client has gone.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestMisbehavingReceiversCostBoundedTimeAndHaveTheirClass(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	for name, test := range map[string]struct {
		misbehave func(net.Conn)
		want      proofback.Outcome
		says      string
	}{
		"accepts and hangs": {untilClosed, proofback.OutcomeTimeout, "no answer in time"},
		"drips headers": {func(conn net.Conn) {
			for _, b := range []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1000)) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}, proofback.OutcomeTimeout, "headers did not end in time"},
		"drips its body": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
			for range 1000 {
				if _, err := conn.Write([]byte{'a'}); err != nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}, proofback.OutcomeDelivered, "body did not end in time"},
		"sends headers without end": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := range 100_000 {
				if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 1000)); err != nil {
					return
				}
			}
		}, proofback.OutcomeServerError, "headers"},
		"sends interim answers without end": {func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("a", 1000)+"\r\n\r\n"); err != nil {
					return
				}
			}
		}, proofback.OutcomeServerError, "headers"},
		"resets": {func(conn net.Conn) {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}, proofback.OutcomeNetworkFailure, "reset"},
		"closes without an answer": {func(net.Conn) {}, proofback.OutcomeNetworkFailure, "closed"},
		"breaks off in the headers": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
		}, proofback.OutcomeNetworkFailure, "closed"},
		"breaks off in the body": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, proofback.OutcomeDelivered, "broke off"},
		"does not speak HTTP": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n\r\n")
		}, proofback.OutcomeServerError, "not HTTP"},
		"sends a header that is none": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n:::\r\n\r\n")
		}, proofback.OutcomeServerError, "not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, Config{Allow: loopback, Timeout: timeout})
			start := time.Now()
			res := get(t, c, receive(t, test.misbehave))
			if res.Outcome != test.want || !strings.Contains(res.Error, test.says) {
				t.Errorf("gives %+v", res)
			}
			if took := time.Since(start); took > 10*timeout {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestNobodyListeningIsANetworkFailure(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	res := get(t, newClient(t, Config{Allow: loopback}), "http://"+address)
	if res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "refused") {
		t.Errorf("gives %+v", res)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := newClient(t, Config{Allow: loopback})
	if res := get(t, c, s.URL); res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "unknown authority") {
		t.Errorf("gives %+v", res)
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	if res := get(t, c, strings.Replace(plain, "http:", "https:", 1)); res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "TLS") {
		t.Errorf("plain HTTP on https gives %+v", res)
	}
}
