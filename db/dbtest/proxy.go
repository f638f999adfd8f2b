package dbtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy stands between a program and its database, so that a test can take the
// database away from it. It starts out passing everything on.
type Proxy struct {
	listener net.Listener
	upstream *pgx.ConnConfig
	copying  sync.WaitGroup

	mu     sync.Mutex
	moved  *sync.Cond
	cut    bool
	hung   bool
	muted  bool // nothing passes from the server
	inCopy bool // cut in the middle of the next COPY
	delay  time.Duration
	budget int // bytes that may still pass to the server; -1 for any number
	conns  map[net.Conn]bool
}

// NewProxy stands before the database of a URL until the test ends.
func NewProxy(t testing.TB, databaseURL string) *Proxy {
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
	p := &Proxy{listener: listener, upstream: upstream, budget: -1, conns: map[net.Conn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	p.copying.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		p.copying.Wait()
	})
	return p
}

// URL leads to the database through the proxy.
func (p *Proxy) URL() string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(p.upstream.User, p.upstream.Password),
		Host:     p.listener.Addr().String(),
		Path:     "/" + p.upstream.Database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Cut ends all connections, and lets nobody in.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutLocked()
}

func (p *Proxy) cutLocked() {
	p.cut = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.moved.Broadcast()
}

// CutAfter cuts once n more bytes have been passed to the server.
func (p *Proxy) CutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = n
}

// CutInCopy cuts in the middle of the rows of the next binary COPY.
func (p *Proxy) CutInCopy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inCopy = true
}

// Delay lets whoever comes from now on in after a while.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Mute passes everything on to the server, and none of its answers back. Those come
// when it is mended, unless it is cut first: then nobody ever hears them.
func (p *Proxy) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
}

// Hang passes nothing on any more, and says nothing.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hung = true
}

// Mend passes everything on again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.hung, p.muted, p.inCopy, p.delay, p.budget = false, false, false, false, 0, -1
	p.moved.Broadcast()
}

// IsCut reports whether nobody is let in.
func (p *Proxy) IsCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.copying.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	<-time.After(p.delayed())
	var d net.Dialer
	network, address := pgconn.NetworkAddress(p.upstream.Host, p.upstream.Port)
	server, err := d.DialContext(context.Background(), network, address)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.track(server) {
		return
	}
	defer p.forget(server)
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client, p.toServer) })
	both.Go(func() { p.pass(client, server, p.toClient) })
	both.Wait()
}

func (p *Proxy) delayed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

func (p *Proxy) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// pass copies until either end is closed, asking how much of each piece may go on.
func (p *Proxy) pass(to, from net.Conn, allowed func([]byte) (int, error)) {
	defer to.Close()
	b := make([]byte, 4<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			may, cut := allowed(b[:n])
			if _, err := to.Write(b[:may]); err != nil || cut != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// copySignature is what binary rows begin with, in both directions.
var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

var errCut = errors.New("the proxy was cut")

// toServer waits while the proxy hangs, and cuts it when the budget is used up.
func (p *Proxy) toServer(b []byte) (int, error) {
	n := len(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hung && !p.cut {
		p.moved.Wait()
	}
	switch {
	case p.cut:
		return 0, errCut
	case p.inCopy && bytes.Contains(b, copySignature):
		p.cutLocked()
		rows := bytes.Index(b, copySignature) + len(copySignature)
		return rows + (n-rows)/2, errCut
	case p.budget < 0:
		return n, nil
	case n < p.budget:
		p.budget -= n
		return n, nil
	}
	n, p.budget = p.budget, 0
	p.cutLocked()
	return n, errCut
}

func (p *Proxy) toClient(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.hung || p.muted) && !p.cut {
		p.moved.Wait()
	}
	if p.cut {
		return 0, io.EOF
	}
	return len(b), nil
}
