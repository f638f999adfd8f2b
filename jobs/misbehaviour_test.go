package jobs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound"
)

// misbehaviour is what a receiver does with a connection once it has read the
// request.
type misbehaviour func(conn net.Conn)

// behind listens on loopback and misbehaves.
func behind(t *testing.T, misbehave misbehaviour) (url string) {
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

// The client's bounds in these tests.
const (
	testTimeout = 3 * time.Second
	testConnect = 2 * time.Second
)

// meets delivers to a receiver that misbehaves. It wants one attempt row with an
// outcome and a sentence, within bounded time, although the destination wants
// everything repeated: there is one attempt in this schedule.
func meets(t *testing.T, url string, want attempt) attempt {
	t.Helper()
	f := setup(t, func(c *Config) {
		c.Retry = proofback.RetryPolicy{}
		c.Outbound.Timeout, c.Outbound.ConnectTimeout = testTimeout, testConnect
	})
	destination, _ := f.destination(t, url, func(d *proofback.Destination) {
		d.RetryOn = []proofback.RetryOn{proofback.RetryNetworkFailure, proofback.RetryTimeout, proofback.RetryServerError, proofback.RetryTooManyRequests}
	})
	ids := f.approve(t, 1, nil)
	f.start(t)
	ended := proofback.DeliveryFailed
	if want.Outcome == string(proofback.OutcomeDelivered) {
		ended = proofback.DeliveryDelivered
	}
	f.await(t, ended, ids...)
	got := f.attempts(t, ids[0])
	if len(got) != 1 {
		t.Fatalf("attempts %+v", got)
	}
	if got[0].Outcome != want.Outcome || got[0].Status != want.Status || got[0].Error != want.Error {
		t.Errorf("it is %s %d %q, want %s %d %q", got[0].Outcome, got[0].Status, got[0].Error, want.Outcome, want.Status, want.Error)
	}
	f.eventually(t, "it took as long as it may", `SELECT count(*) FROM attempts WHERE duration < $1`, 1, testTimeout+testConnect)
	f.eventually(t, "the endpoint stays on", `SELECT count(*) FROM destinations WHERE id = $1 AND enabled`, 1, destination)
	return got[0]
}

// untilClosed returns when the client has gone.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestAReceiverThatHangs(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, untilClosed), attempt{Outcome: "TIMEOUT", Error: "there was no answer in time"})
}

func TestAReceiverThatResets(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }),
		attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was reset"})
}

func TestAReceiverThatClosesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(net.Conn) {}), attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was closed without a whole answer"})
}

// drip writes byte by byte, until nobody reads any more.
func drip(conn net.Conn, text string) {
	for _, b := range []byte(text) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestAReceiverThatDripsItsHeaders(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 10_000)) }),
		attempt{Outcome: "TIMEOUT", Error: "the answer began, but its headers did not end in time"})
}

func TestAReceiverThatDripsItsBody(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
		drip(conn, strings.Repeat("a", 10_000))
	}), attempt{Outcome: "DELIVERED", Status: 200, Error: "the answer's body did not end in time"})
}

func TestAReceiverThatBreaksOffInItsBody(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") }),
		attempt{Outcome: "DELIVERED", Status: 200, Error: "the answer's body broke off"})
}

// endless answers 200 with a body of a size, told or in chunks, and gives how much
// of it was taken.
func endless(t *testing.T, size int, head string) (url string, taken *atomic.Int64) {
	t.Helper()
	taken = new(atomic.Int64)
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	return behind(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n")
		for range size / len(chunk) {
			n, err := conn.Write(chunk)
			if taken.Add(int64(n)); err != nil {
				return
			}
		}
	}), taken
}

// mostTaken is what is read of a body, and what the buffers of sockets on loopback
// may hold.
const mostTaken = 16 << 20

func TestAReceiverThatSends200MB(t *testing.T) {
	t.Parallel()
	url, taken := endless(t, 200<<20, fmt.Sprintf("Content-Length: %d", 200<<20))
	if got := meets(t, url, attempt{Outcome: "DELIVERED", Status: 200}); len(got.Body) != 4<<10 {
		t.Errorf("%d bytes are kept", len(got.Body))
	}
	if n := taken.Load(); n > mostTaken {
		t.Errorf("%d bytes are taken", n)
	}
}

func TestAReceiverThatSends1GBWithoutSayingSo(t *testing.T) {
	t.Parallel()
	url, taken := endless(t, 1<<30, "Connection: close")
	if got := meets(t, url, attempt{Outcome: "DELIVERED", Status: 200}); len(got.Body) != 4<<10 {
		t.Errorf("%d bytes are kept", len(got.Body))
	}
	if n := taken.Load(); n > mostTaken {
		t.Errorf("%d bytes are taken", n)
	}
}

func TestAReceiverThatSendsHeadersWithoutEnd(t *testing.T) {
	t.Parallel()
	var taken atomic.Int64
	meets(t, behind(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for i := 0; ; i++ {
			n, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 1000))
			if taken.Add(int64(n)); err != nil {
				return
			}
		}
	}), attempt{Outcome: "SERVER_ERROR", Error: "the answer's headers were too large"})
	if n := taken.Load(); n > mostTaken {
		t.Errorf("%d bytes are taken", n)
	}
}

func TestAReceiverThatSendsAHeaderOf2MB(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 2<<20)+"\r\nContent-Length: 0\r\n\r\n")
	}), attempt{Outcome: "SERVER_ERROR", Error: "the answer's headers were too large"})
}

func TestAReceiverThatDoesNotSpeakHTTP(t *testing.T) {
	t.Parallel()
	meets(t, behind(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n\r\n") }),
		attempt{Outcome: "SERVER_ERROR", Error: "the answer was not HTTP"})
}

func TestAReceiverThatNobodyListensAt(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	meets(t, "http://"+address, attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was refused"})
}

func TestAReceiverWhoseNameIsUnknownIsRetried(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.Outbound = outbound.Config{Resolver: &net.Resolver{PreferGo: true, Dial: noName}} })
	f.destination(t, "http://nowhere.example/")
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	got := f.attempts(t, ids[0])
	if len(got) != 3 || got[2].Outcome != "NETWORK_FAILURE" || got[2].Error != "the host name could not be resolved" {
		t.Errorf("attempts %+v", got)
	}
}
