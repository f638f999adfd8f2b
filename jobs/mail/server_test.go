package mail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// postOffice is an SMTP server that keeps what it is handed.
type postOffice struct {
	addr    string
	refuse  map[string]string // the answer to a verb, instead of the usual one; "" for none
	tls     *tls.Config       // nil: it offers none
	auth    bool              // it wants to know who sends
	mu      sync.Mutex
	talk    []string // what was said to it, but for messages
	letters []string
}

func newPostOffice(t *testing.T, change ...func(*postOffice)) *postOffice {
	t.Helper()
	p := &postOffice{refuse: map[string]string{}}
	for _, f := range change {
		f(p)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return p
}

// certificate is one for 127.0.0.1, and who believes it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: roots}
}

func (p *postOffice) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	say := func(line string) { _, _ = conn.Write([]byte(line + "\r\n")) }
	say("220 here")
	encrypted := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		p.note(line)
		if answer, ok := p.refuse[verb]; ok {
			if answer != "" {
				say(answer)
			}
			continue
		}
		switch verb {
		case "EHLO":
			say("250-here")
			if p.tls != nil && !encrypted {
				say("250-STARTTLS")
			}
			if p.auth {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			secure := tls.Server(conn, p.tls)
			conn, r, encrypted = secure, bufio.NewReader(secure), true
		case "AUTH":
			say("235 welcome")
		case "DATA":
			say("354 go on")
			var letter strings.Builder
			for line := ""; line != ".\r\n"; {
				letter.WriteString(strings.TrimPrefix(line, ".")) // RFC 5321, section 4.5.2
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			p.mu.Lock()
			p.letters = append(p.letters, letter.String())
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (p *postOffice) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.talk = append(p.talk, line)
}

func (p *postOffice) heard(t *testing.T, want string) bool {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.talk {
		if strings.HasPrefix(line, want) {
			return true
		}
	}
	return false
}
