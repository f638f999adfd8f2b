package jobs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound/receivertest"
)

// noName is a resolver's way to its server: there is none.
func noName(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no server") }

// overTLS serves with a certificate that signs itself.
func overTLS(t *testing.T, change func(*x509.Certificate)) (url string) {
	t.Helper()
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(c)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestAReceiverThatSignsItsOwnCertificate(t *testing.T) {
	t.Parallel()
	meets(t, overTLS(t, func(*x509.Certificate) {}),
		attempt{Outcome: "NETWORK_FAILURE", Error: "TLS failed: the certificate is signed by an unknown authority"})
}

func TestAReceiverWithTheCertificateOfAnotherHost(t *testing.T) {
	t.Parallel()
	meets(t, overTLS(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }),
		attempt{Outcome: "NETWORK_FAILURE", Error: "TLS failed: the certificate is for another host"})
}

func TestAReceiverWhoseCertificateHasExpired(t *testing.T) {
	t.Parallel()
	meets(t, overTLS(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }),
		attempt{Outcome: "NETWORK_FAILURE", Error: "TLS failed: the certificate has expired or is not valid yet"})
}

func TestAReceiverThatSpeaksPlainHTTPWhereTLSIsExpected(t *testing.T) {
	t.Parallel()
	rec := receive(t, ok)
	meets(t, strings.Replace(rec.URL, "http:", "https:", 1),
		attempt{Outcome: "NETWORK_FAILURE", Error: "TLS failed: no secure connection could be agreed on"})
}

func TestAReceiverThatHangsInTheHandshake(t *testing.T) {
	t.Parallel()
	meets(t, "https://"+receivertest.Silent(t), attempt{Outcome: "TIMEOUT", Error: "TLS was not agreed on in time"})
}

// zipped answers with a body that is said to be gzip.
func zipped(t *testing.T, body []byte) (url string) {
	t.Helper()
	return receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	}).URL
}

func TestAReceiverWhoseGzipIsNone(t *testing.T) {
	t.Parallel()
	if got := meets(t, zipped(t, []byte("plain")), attempt{Outcome: "DELIVERED", Status: 200}); got.Body != "plain" {
		t.Errorf("kept %q", got.Body)
	}
}

func TestAReceiverThatSendsAGzipBomb(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 10 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	if got := meets(t, zipped(t, bomb.Bytes()), attempt{Outcome: "DELIVERED", Status: 200}); len(got.Body) > 4<<10 {
		t.Errorf("%d bytes are kept", len(got.Body))
	}
}

// redirecting answers with a redirect, and wants not to be called again.
func redirecting(t *testing.T, code int, to string) {
	t.Helper()
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	said := "the endpoint answered " + map[int]string{302: "302 Found", 307: "307 Temporary Redirect"}[code] + ": redirects are not followed"
	meets(t, rec.URL, attempt{Outcome: "REDIRECT", Status: code, Error: said})
	if n := len(rec.got()); n != 1 {
		t.Errorf("it was called %d times", n)
	}
}

func TestAReceiverThatRedirectsToAnotherPath(t *testing.T) {
	t.Parallel()
	redirecting(t, 302, "/elsewhere")
}

func TestAReceiverThatRedirectsInALoop(t *testing.T) {
	t.Parallel()
	redirecting(t, 307, "/")
}

func TestAReceiverThatRedirectsToAPrivateAddress(t *testing.T) {
	t.Parallel()
	inside := receive(t, ok)
	redirecting(t, 302, inside.URL)
	if n := len(inside.got()); n != 0 {
		t.Errorf("the second URL was called %d times", n)
	}
}

func TestAReceiverThatRedirectsToMetadata(t *testing.T) {
	t.Parallel()
	redirecting(t, 307, "http://169.254.169.254/latest/meta-data/")
}

func TestAReceiverThatAcceptsNobody(t *testing.T) {
	t.Parallel()
	meets(t, "http://"+receivertest.Silent(t), attempt{Outcome: "TIMEOUT", Error: "there was no answer in time"})
}

func TestAReceiverWhoseBacklogIsFull(t *testing.T) {
	t.Parallel()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for full := false; !full; {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if full = err != nil; !full {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
	meets(t, "http://"+address, attempt{Outcome: "TIMEOUT", Error: "no connection could be made in time"})
}

func TestAReceiverThatIsGoneIsNotCalledAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, status(http.StatusGone))
	destination, _ := f.destination(t, rec.URL, func(d *proofback.Destination) { d.RetryOn = []proofback.RetryOn{proofback.RetryServerError} })
	ids := f.approve(t, 1, nil)
	f.start(t)
	f.await(t, proofback.DeliveryFailed, ids...)
	if got := f.attempts(t, ids[0]); len(got) != 1 || got[0].Outcome != "GONE" || got[0].Error != "the endpoint answered 410 Gone" {
		t.Errorf("attempts %+v", got)
	}
	f.eventually(t, "stopped", `SELECT count(*) FROM destinations WHERE id = $1 AND NOT enabled AND health_state = 'STOPPED'`, 1, destination)
	f.eventually(t, "its owner is told", `SELECT count(*) FROM notices WHERE destination_id = $1 AND kind = 'DESTINATION_STOPPED'`, 1, destination)
}

// later wants what a receiver that answers 429 asks for to be heard within bounds.
func later(t *testing.T, retryAfter string, least, most time.Duration) {
	t.Helper()
	f := setup(t, func(c *Config) {
		c.Retry = proofback.RetryPolicy{3 * time.Second}
		c.Random = func() float64 { return 1 }
	})
	var calls atomic.Int32
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusTooManyRequests)
	})
	f.destination(t, rec.URL, func(d *proofback.Destination) { d.RetryOn = []proofback.RetryOn{proofback.RetryTooManyRequests} })
	ids := f.approve(t, 1, nil)
	stop := f.start(t)
	f.eventually(t, "the first attempt", `SELECT count(*) FROM attempts WHERE number = 1 AND outcome = 'TOO_MANY_REQUESTS' AND response_status = 429`, 1)
	stop()
	var wait time.Duration
	if err := f.store.Pool().QueryRow(t.Context(), `
		SELECT d.next_attempt_at - a.at
		FROM deliveries AS d
		JOIN attempts AS a ON a.delivery_id = d.id AND a.number = 1
		WHERE d.id = $1`, ids[0]).Scan(&wait); err != nil {
		t.Fatal(err)
	}
	if wait < least || wait > most || calls.Load() != 1 {
		t.Errorf("Retry-After %q: the next attempt is %s later after %d calls, want from %s to %s", retryAfter, wait, calls.Load(), least, most)
	}
}

func TestAReceiverThatIsBusyFor12Seconds(t *testing.T) {
	t.Parallel()
	later(t, "12", 12*time.Second, 15*time.Second)
}

func TestAReceiverThatIsBusyUntilADate(t *testing.T) {
	t.Parallel()
	later(t, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 59*time.Minute, 61*time.Minute)
}

func TestAReceiverThatIsBusyForYears(t *testing.T) {
	t.Parallel()
	later(t, "99999999", proofback.MaxRetryAfter, proofback.MaxRetryAfter+3*time.Second)
}

func TestAReceiverThatIsBusyForLessThanNothing(t *testing.T) {
	t.Parallel()
	later(t, "-1", 2*time.Second, 6*time.Second)
}

func TestAReceiverThatSaysNonsenseAboutWhenToComeBack(t *testing.T) {
	t.Parallel()
	later(t, "in a while", 2*time.Second, 6*time.Second)
}
