package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proofback/proofback/server/ingest"
)

// pipes is a listener within the process: the clock of synctest runs its deadlines.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// connected serves h with the program's limits and gives a connection to it.
func connected(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	server := newHTTPServer(h, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	here, there := net.Pipe()
	l.dialled <- there
	t.Cleanup(func() {
		_ = here.Close()
		_ = server.Close()
	})
	return here
}

// drip writes text a byte a second and gives how long that could be done.
func drip(c net.Conn, text string) time.Duration {
	began := time.Now()
	for i := range text {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			break
		}
		time.Sleep(time.Second) //nolint:forbidigo // of synctest's clock: nobody waits
	}
	return time.Since(began)
}

// read reads everything until the server hangs up.
func read(c net.Conn) <-chan string {
	got := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(c)
		got <- string(text)
	}()
	return got
}

// withClicks serves POST /clicks, as far as its body is read.
func withClicks(t *testing.T) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	ingest.NewClicks(ingest.ClicksConfig{}).Register(mux)
	return mux
}

func TestASenderWhoDripsItsHeaderIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("half a request was served") }))
		read(c)
		took := drip(c, "GET /c/demo HTTP/1.1\r\nHost: test\r\nX-Slow: "+strings.Repeat("x", 60))
		if took < readHeaderTimeout-time.Second || took > readHeaderTimeout+2*time.Second {
			t.Errorf("it could go on for %s", took)
		}
	})
}

func TestASenderWhoDripsItsBodyIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, withClicks(t))
		answer := read(c)
		if _, err := io.WriteString(c, "POST /clicks HTTP/1.1\r\nHost: test\r\nContent-Length: 500\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		took := drip(c, `{"link": "demo", "sub1": "`+strings.Repeat("x", 100))
		if took < readTimeout-time.Second || took > readTimeout+2*time.Second {
			t.Errorf("it could go on for %s", took)
		}
		if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 400") || !strings.Contains(got, "Connection: close") {
			t.Errorf("it was answered %q", got)
		}
	})
}

// endless writes until the server takes no more and gives how much that was.
func endless(c net.Conn) (written int) {
	piece := []byte(strings.Repeat("x", 1024))
	for {
		n, err := c.Write(piece)
		written += n
		if err != nil {
			return written
		}
	}
}

func TestAHeaderWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was served") }))
		answer := read(c)
		if _, err := io.WriteString(c, "GET /c/demo HTTP/1.1\r\nHost: test\r\nX-Large: "); err != nil {
			t.Fatal(err)
		}
		if took := endless(c); took > 2*maxHeaderBytes {
			t.Errorf("%d bytes were taken", took)
		}
		if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 431") {
			t.Errorf("it was answered %q", got)
		}
	})
}

func TestABodyWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, withClicks(t))
		answer := read(c)
		_, err := io.WriteString(c, "POST /clicks HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000000\r\n\r\n"+`{"sub1": "`)
		if err != nil {
			t.Fatal(err)
		}
		if took := endless(c); took > 1<<20 {
			t.Errorf("%d bytes were taken", took)
		}
		if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 413") || !strings.Contains(got, "BODY_TOO_LARGE") {
			t.Errorf("it was answered %q", got)
		}
	})
}

func TestAReaderWhoNeverReadsIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		written := make(chan time.Duration, 1)
		c := connected(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			began := time.Now()
			piece := make([]byte, 1<<20)
			for {
				if _, err := w.Write(piece); err != nil {
					break
				}
			}
			written <- time.Since(began)
		}))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if took := <-written; took < writeTimeout-time.Second || took > writeTimeout+time.Second {
			t.Errorf("the answer was written for %s", took)
		}
	})
}

func TestAConnectionThatIsSilentIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answered := bufio.NewReader(c)
		answer, err := http.ReadResponse(answered, nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
		_ = answer.Body.Close()
		began := time.Now()
		if _, err := answered.ReadByte(); err == nil || time.Since(began) > idleTimeout+time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
