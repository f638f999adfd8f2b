package jobs

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound"
	"github.com/proofback/proofback/jobs/outbound/receivertest"
)

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

func TestAReceiverThatHangs(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Hangs), attempt{Outcome: "TIMEOUT", Error: "there was no answer in time"})
}

func TestAReceiverThatSwitchesProtocols(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Switches), attempt{Outcome: "SERVER_ERROR", Status: 101, Error: "the endpoint answered 101 Switching Protocols"})
}

func TestAReceiverThatResets(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Resets),
		attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was reset"})
}

func TestAReceiverThatClosesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Closes), attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was closed without a whole answer"})
}

func TestAReceiverThatDripsItsHeaders(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.DripsHeaders),
		attempt{Outcome: "TIMEOUT", Error: "the answer began, but its headers did not end in time"})
}

func TestAReceiverThatDripsItsBody(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.DripsABody), attempt{Outcome: "DELIVERED", Status: 200, Error: "the answer's body did not end in time"})
}

func TestAReceiverThatBreaksOffInItsBody(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Says(receivertest.HalfABody)),
		attempt{Outcome: "DELIVERED", Status: 200, Error: "the answer's body broke off"})
}

// endless answers 200 with a body of a size, told or in chunks, and gives how much
// of it was taken.
func endless(t *testing.T, size int, head string) (url string, taken *atomic.Int64) {
	t.Helper()
	taken = new(atomic.Int64)
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	return receivertest.At(t, func(conn net.Conn) {
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
	meets(t, receivertest.At(t, receivertest.EndlessHeaders(&taken)), attempt{Outcome: "SERVER_ERROR", Error: "the answer's headers were too large"})
	if n := taken.Load(); n > mostTaken {
		t.Errorf("%d bytes are taken", n)
	}
}

func TestAReceiverThatSendsAHeaderOf2MB(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 2<<20)+"\r\nContent-Length: 0\r\n\r\n")
	}), attempt{Outcome: "SERVER_ERROR", Error: "the answer's headers were too large"})
}

func TestAReceiverThatDoesNotSpeakHTTP(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.At(t, receivertest.Says(receivertest.NoHTTP)),
		attempt{Outcome: "SERVER_ERROR", Error: "the answer was not HTTP"})
}

func TestAReceiverThatNobodyListensAt(t *testing.T) {
	t.Parallel()
	meets(t, receivertest.Nobody(t), attempt{Outcome: "NETWORK_FAILURE", Error: "the connection was refused"})
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
