package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// lookEvery is how often it is looked whether callers who wait are still there.
const lookEvery = 50 * time.Millisecond

// maxRest is how many looks at most a caller is left out of: whoever waits for long is
// looked after each time more seldom, down to about once a second.
const maxRest = 20

// callers are the connections of those who ask.
//
// For each request net/http starts a goroutine that reads on the connection, so that the
// request's context ends when the caller hangs up. It finds nothing, waits, is woken up
// when the request is answered, and has cost as much as a tenth of a click by then. Most
// requests are answered before anybody loses patience, so here that read ends at once, with
// nothing (which io.Reader allows), and those who wait for longer are looked after all together.
type callers struct {
	net.Listener
	bound *bound // on how many there are

	open    sync.Map    // of *caller
	armed   atomic.Bool // the timer runs
	timer   *time.Timer
	looking sync.Mutex
}

// caller is one of them.
type caller struct {
	*net.TCPConn
	all    *callers
	hangUp context.CancelFunc // ends the contexts of what is asked on the connection

	unbounded atomic.Bool // reading has no time limit: net/http reads neither a header nor a body
	taken     atomic.Bool // the connection is a handler's
	closed    atomic.Bool
	turn      atomic.Uint32 // odd while a request is answered, and another number for each

	seen       uint32 // turn at the last look
	rest, left uint32 // looks that the caller is left out of, and how many of them are left
}

// net/http makes use of both where a connection has them.
var (
	_ io.ReaderFrom                   = (*caller)(nil)
	_ interface{ CloseWrite() error } = (*caller)(nil)
)

func newCallers(l net.Listener, b *bound) *callers {
	all := &callers{Listener: l, bound: b}
	all.armed.Store(true)
	all.timer = time.AfterFunc(lookEvery, all.look)
	return all
}

// Accept implements net.Listener.
func (l *callers) Accept() (net.Conn, error) {
	if err := l.bound.take(); err != nil {
		return nil, err
	}
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &caller{TCPConn: tcp, all: l}, err
	}
	l.bound.leave()
	return conn, err
}

// Close implements net.Listener.
func (l *callers) Close() error {
	l.bound.close()
	return l.Listener.Close()
}

// context is an http.Server's ConnContext.
func (l *callers) context(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*caller); ok {
		ctx, c.hangUp = context.WithCancel(ctx)
		l.open.Store(c, nil)
	}
	return ctx
}

// note is an http.Server's ConnState.
func (l *callers) note(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*caller); ok && (state == http.StateClosed || state == http.StateHijacked) {
		c.taken.Store(state == http.StateHijacked)
		l.open.Delete(c)
	}
}

// look ends what is asked by callers who wait since the last look and are gone. It comes
// again while there is anybody to look after.
func (l *callers) look() {
	l.looking.Lock()
	defer l.looking.Unlock()
	l.armed.Store(false) // before looking: whoever begins to wait is seen now, or arms it
	waiting := false
	l.open.Range(func(key, _ any) bool {
		c := key.(*caller)
		if turn := c.turn.Load(); turn%2 == 1 {
			waiting = true
			if c.due(turn) && c.gone() {
				c.hangUp()
			}
		}
		return true
	})
	if waiting {
		l.arm()
	}
}

func (l *callers) arm() {
	if !l.armed.Load() && l.armed.CompareAndSwap(false, true) {
		l.timer.Reset(lookEvery)
	}
}

// due reports whether a caller who waits is to be looked after now.
func (c *caller) due(turn uint32) bool {
	if turn != c.seen {
		c.seen, c.rest, c.left = turn, 0, 0
		return false
	}
	if c.left > 0 {
		c.left--
		return false
	}
	c.rest = min(2*c.rest+1, maxRest)
	c.left = c.rest
	return true
}

// gone reports whether the caller has hung up, or sends no more.
func (c *caller) gone() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK) // which does not wait: the socket is of that kind
		gone = err == nil && n == 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return gone || err != nil
}

// Read implements net.Conn. A single byte without a time limit is what only net/http's
// look at the caller asks for.
func (c *caller) Read(p []byte) (int, error) {
	if c.taken.Load() {
		return c.TCPConn.Read(p)
	}
	if len(p) == 1 && c.unbounded.Load() {
		c.turn.Add(1 + c.turn.Load()%2)
		c.all.arm()
		return 0, nil
	}
	if turn := c.turn.Load(); turn%2 == 1 {
		c.turn.Store(turn + 1)
	}
	return c.TCPConn.Read(p)
}

// SetReadDeadline implements net.Conn.
func (c *caller) SetReadDeadline(t time.Time) error {
	c.unbounded.Store(t.IsZero())
	return c.TCPConn.SetReadDeadline(t)
}

// Close implements net.Conn. What is still asked on the connection ends.
func (c *caller) Close() error {
	if !c.taken.Load() {
		c.hangUp()
	}
	if c.closed.CompareAndSwap(false, true) {
		defer c.all.bound.leave()
	}
	return c.TCPConn.Close()
}
