package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// lookedAfter serves h as the program does, on a real socket. change may change the server.
func lookedAfter(t *testing.T, h http.HandlerFunc, change ...func(*http.Server)) (*http.Server, *callers) {
	t.Helper()
	return lookedAfterWithin(t, newBound(1000, slog.New(slog.DiscardHandler)), h, change...)
}

func lookedAfterWithin(t *testing.T, b *bound, h http.HandlerFunc, change ...func(*http.Server)) (*http.Server, *callers) {
	t.Helper()
	var listening net.ListenConfig
	l, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newHTTPServer(h, slog.New(slog.DiscardHandler))
	all := newCallers(l, b)
	server.ConnContext, server.ConnState = all.context, all.note
	for _, c := range change {
		c(server)
	}
	go func() { _ = server.Serve(all) }()
	t.Cleanup(func() { _ = server.Close() })
	return server, all
}

// call connects to where all are served, and sends text.
func call(t *testing.T, all *callers, text string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", all.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	say(t, c, text)
	return c.(*net.TCPConn), bufio.NewReader(c)
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// wantAnswer reads an answer and gives its body.
func wantAnswer(t *testing.T, r *bufio.Reader, body string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != body {
		t.Errorf("answered %q, %v, where %q was wanted", got, err, body)
	}
}

// awaited gives what comes, and fails when that takes too long.
func awaited[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal(what + ": never")
		panic("unreachable")
	}
}

// waiting answers with the path; what asks for /wait waits for several looks before, or until
// its context ends, which it tells.
func waiting(began chan<- string, ended chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/wait") {
			began <- r.URL.Path
			patience := time.NewTimer(8 * lookEvery)
			if r.URL.Path == "/wait/long" {
				patience.Reset(time.Minute)
			}
			select {
			case <-patience.C:
			case <-r.Context().Done():
			}
			ended <- r.Context().Err()
		}
		_, _ = fmt.Fprint(w, r.URL.Path, string(body))
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n" }

const longPost = "POST /wait/long HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"

func TestTheContextEndsWhenWhoWaitsHangsUp(t *testing.T) {
	t.Parallel()
	for name, hangUp := range map[string]func(*net.TCPConn) error{
		"closes":                  (*net.TCPConn).Close,
		"resets":                  func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) },
		"says that no more comes": (*net.TCPConn).CloseWrite,
	} {
		for method, request := range map[string]string{"GET": get("/wait/long"), "POST": longPost} {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				began, ended := make(chan string, 1), make(chan error, 1)
				_, all := lookedAfter(t, waiting(began, ended))
				c, _ := call(t, all, request)
				awaited(t, "the request is served", began)
				if err := hangUp(c); err != nil {
					t.Fatal(err)
				}
				if err := awaited(t, "the hanging up is noticed", ended); !errors.Is(err, context.Canceled) {
					t.Errorf("the context ended with %v", err)
				}
			})
		}
	}
}

func TestACallerWhoWaitsIsAnsweredOnAConnectionThatGoesOn(t *testing.T) {
	t.Parallel()
	began, ended := make(chan string, 9), make(chan error, 9)
	_, all := lookedAfter(t, waiting(began, ended))
	c, r := call(t, all, get("/first"))
	wantAnswer(t, r, "/first")
	for range 2 {
		say(t, c, get("/wait"))
		wantAnswer(t, r, "/wait")
		if err := awaited(t, "it is answered", ended); err != nil {
			t.Errorf("the context ended with %v", err)
		}
		say(t, c, "POST /quick HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n")
		say(t, c, "body")
		wantAnswer(t, r, "/quickbody")
	}
}

func TestRequestsThatComeTogetherAreAnsweredInTurn(t *testing.T) {
	t.Parallel()
	began, ended := make(chan string, 9), make(chan error, 9)
	_, all := lookedAfter(t, waiting(began, ended))
	c, r := call(t, all, get("/wait")+get("/2")+get("/wait"))
	awaited(t, "the first is served", began)
	say(t, c, get("/4")) // which waits in the socket
	for _, path := range []string{"/wait", "/2", "/wait", "/4"} {
		wantAnswer(t, r, path)
	}
	for range 2 {
		if err := awaited(t, "it is answered", ended); err != nil {
			t.Errorf("the context ended with %v", err)
		}
	}
}

func TestAConnectionThatIsTakenOverIsTheHandlersAlone(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	_, all := lookedAfter(t, func(w http.ResponseWriter, _ *http.Request) {
		failed <- func() error {
			c, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
			early := make([]byte, buffered.Reader.Buffered())
			if _, err := io.ReadFull(buffered, early); err != nil {
				return err
			}
			if _, err := c.Write(early); err != nil {
				return err
			}
			for b := []byte{0}; b[0] != '.'; {
				if n, err := c.Read(b); n != 1 || err != nil {
					return fmt.Errorf("%d bytes were read: %w", n, err)
				}
				if _, err := c.Write(b); err != nil {
					return err
				}
			}
			return nil
		}()
	})
	c, r := call(t, all, get("/")+"early,")
	if _, err := r.Peek(len("early,")); err != nil {
		t.Fatal(err)
	}
	say(t, c, "late.")
	if got, err := io.ReadAll(r); err != nil || string(got) != "early,late." {
		t.Errorf("%q came back, %v", got, err)
	}
	if err := awaited(t, "the handler ends", failed); err != nil {
		t.Error(err)
	}
}

func TestAServerThatIsShutDownWaitsForCallers(t *testing.T) {
	t.Parallel()
	began, ended := make(chan string, 1), make(chan error, 1)
	server, all := lookedAfter(t, waiting(began, ended))
	_, idle := call(t, all, get("/idle"))
	wantAnswer(t, idle, "/idle")
	_, r := call(t, all, get("/wait"))
	awaited(t, "the request is served", began)
	down := make(chan error, 1)
	go func() { down <- server.Shutdown(context.Background()) }()
	wantAnswer(t, r, "/wait")
	if err := awaited(t, "it is shut down", down); err != nil {
		t.Error(err)
	}
	if err := awaited(t, "it is answered", ended); err != nil {
		t.Errorf("the context ended with %v", err)
	}
	if _, err := idle.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection that was idle: %v", err)
	}
}

func TestContextsEndWhenAServerIsClosed(t *testing.T) {
	t.Parallel()
	began, ended := make(chan string, 1), make(chan error, 1)
	server, all := lookedAfter(t, waiting(began, ended))
	call(t, all, get("/wait/long"))
	awaited(t, "the request is served", began)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := awaited(t, "the context ends", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended with %v", err)
	}
}

func TestTimeLimitsHoldForTheSecondRequestToo(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"nothing": "", "half a header": "GET / HTTP/1.1\r\nHost:", "half a body": "POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nbo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, all := lookedAfter(t, waiting(nil, nil), func(s *http.Server) {
				s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
			})
			c, r := call(t, all, get("/first"))
			wantAnswer(t, r, "/first")
			say(t, c, text)
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Errorf("it is not cut off: %v", err)
			}
		})
	}
}

func TestNobodyIsLookedAfterWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	began, ended := make(chan string, 1), make(chan error, 1)
	_, all := lookedAfter(t, waiting(began, ended))
	c, r := call(t, all, get("/wait"))
	wantAnswer(t, r, "/wait")
	for deadline := time.Now().Add(10 * time.Second); all.armed.Load(); {
		if time.Now().After(deadline) {
			t.Fatal("the timer goes on")
		}
		<-time.After(lookEvery / 5)
	}
	_ = c.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		left := 0
		all.open.Range(func(any, any) bool { left++; return true })
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are kept", left)
		}
		<-time.After(lookEvery / 5)
	}
}

func TestWhoWaitsForLongIsLookedAfterMoreSeldom(t *testing.T) {
	t.Parallel()
	var c caller
	var looks []int
	for i := range 100 {
		if c.due(7) {
			looks = append(looks, i)
		}
	}
	if got := fmt.Sprint(looks); got != "[1 3 7 15 31 52 73 94]" {
		t.Errorf("looked at %s", got)
	}
	if c.due(9) || !c.due(9) {
		t.Error("the next request is not looked after from its second look on")
	}
}
