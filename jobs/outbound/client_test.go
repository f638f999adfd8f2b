package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/proofback/proofback"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	client := New(c)
	t.Cleanup(client.Close)
	return client
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, c *Client, url string) Result {
	t.Helper()
	res, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestEachStatusHasItsClass(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Allow: loopback})
	for status, want := range map[int]proofback.Outcome{
		200: proofback.OutcomeDelivered, 201: proofback.OutcomeDelivered, 204: proofback.OutcomeDelivered, 299: proofback.OutcomeDelivered,
		300: proofback.OutcomeRedirect, 304: proofback.OutcomeRedirect, 308: proofback.OutcomeRedirect,
		400: proofback.OutcomeClientError, 404: proofback.OutcomeClientError, 410: proofback.OutcomeGone,
		429: proofback.OutcomeTooManyRequests, 500: proofback.OutcomeServerError, 503: proofback.OutcomeServerError, 999: proofback.OutcomeServerError,
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "12")
			w.WriteHeader(status)
		})
		res := get(t, c, url)
		if res.Outcome != want || res.Status != status || res.RetryAfter != "12" || (res.Error == "") != (want == proofback.OutcomeDelivered) {
			t.Errorf("%d gives %+v", status, res)
		}
	}
}

func TestRedirectsAreNeverFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	target := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	c := newClient(t, Config{Allow: loopback})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, location := range []string{target, "/again", "http://169.254.169.254/latest/meta-data/", ""} {
				var calls atomic.Int32
				url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					calls.Add(1)
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
				})
				res, err := c.Do(t.Context(), Request{Method: method, URL: url, Body: []byte("{}")})
				if err != nil || res.Outcome != proofback.OutcomeRedirect || calls.Load() != 1 {
					t.Errorf("%s %d to %q: %+v after %d calls, %v", method, status, location, res, calls.Load(), err)
				}
			}
		}
	}
	if followed.Load() != 0 {
		t.Errorf("a redirect was followed %d times", followed.Load())
	}
}

func TestPrivateAddressesAreBlockedWithoutBeingCalled(t *testing.T) {
	t.Parallel()
	var called atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) { called.Add(1) })
	port := url[strings.LastIndexByte(url, ':'):]
	c := newClient(t, Config{ConnectTimeout: time.Second})
	for _, host := range []string{
		"127.0.0.1", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]",
		"[2002:a9fe:a9fe::]", "100.64.0.1", "169.254.169.254", "10.0.0.1", "localhost",
	} {
		res := get(t, c, "http://"+host+port+"/?token=s3cret")
		if res.Outcome != proofback.OutcomeBlocked || res.Status != 0 || res.Error == "" {
			t.Errorf("%s gives %+v", host, res)
		}
	}
	for _, host := range []string{"2130706433", "127.1", "0x7f000001", "0177.0.0.1"} {
		if res := get(t, c, "http://"+host+port); res.Outcome != proofback.OutcomeInvalidURL {
			t.Errorf("%s gives %+v", host, res)
		}
	}
	if called.Load() != 0 {
		t.Error("a private address was called")
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	t.Parallel()
	if c := New(Config{}); c.transport.Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestBodiesAreReadAndKeptWithinBounds(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte("a€"), 4<<10)
		for range 64 << 10 { // 1 GB
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	c := newClient(t, Config{Allow: loopback})
	res := get(t, c, endless)
	if res.Outcome != proofback.OutcomeDelivered || len(res.Body) > maxKept || len(res.Body) < maxKept-utf8.UTFMax || !utf8.ValidString(res.Body) {
		t.Errorf("%s, %d bytes kept", res.Outcome, len(res.Body))
	}
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}

	binary := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte{'a', 0xff, 0}, 3000))
	})
	if res := get(t, c, binary); !utf8.ValidString(res.Body) || strings.Contains(res.Body, "\x00") || len(res.Body) > maxKept {
		t.Errorf("%d bytes of binary kept: %q", len(res.Body), res.Body[:20])
	}
}

func TestCompressedBodiesAreNotInflated(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 10<<20))
	_ = z.Close()
	for name, body := range map[string][]byte{"a bomb": bomb.Bytes(), "no gzip at all": []byte("plain")} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				t.Error("compression was asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		})
		if res := get(t, newClient(t, Config{Allow: loopback}), url); res.Outcome != proofback.OutcomeDelivered {
			t.Errorf("%s gives %+v", name, res)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	peers := map[string]bool{}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		peers[r.RemoteAddr] = true
		_, _ = io.WriteString(w, "ok")
	})
	c := newClient(t, Config{Allow: loopback})
	for range 5 {
		get(t, c, url)
	}
	if len(peers) != 1 {
		t.Errorf("%d connections for 5 requests", len(peers))
	}
}

func TestAnEndedContextSaysNothingOfTheEndpoint(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
	defer close(release)
	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	go func() { <-arrived; stop(stopped) }()
	res, err := newClient(t, Config{Allow: loopback}).Do(ctx, Request{Method: http.MethodGet, URL: url})
	if !errors.Is(err, stopped) {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestTheRequestIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.RequestURI != "/p%20q?a=b%26c" || string(body) != `{"a":1}` || r.Header.Get("X") != "y" ||
			!strings.HasPrefix(r.UserAgent(), "Proofback/") || r.ProtoMajor != 1 {
			t.Errorf("%s %s %q %v", r.Method, r.RequestURI, body, r.Header)
		}
	})
	res, err := newClient(t, Config{Allow: loopback}).Do(t.Context(), Request{
		Method: http.MethodPost, URL: url + "/p%20q?a=b%26c#fragment", Header: http.Header{"X": {"y"}}, Body: []byte(`{"a":1}`),
	})
	if err != nil || res.Outcome != proofback.OutcomeDelivered {
		t.Errorf("%+v, %v", res, err)
	}
}
