package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// traffic makes requests.
type traffic interface {
	// request appends request n, ready for the wire.
	request(dst []byte, n uint64) []byte
}

// httpConn is one kept-alive connection of HTTP/1.1. It understands as much of an
// answer as our servers send: a head, and a body whose length is told.
type httpConn struct {
	conn    net.Conn
	traffic traffic
	out     []byte
	in      [8 << 10]byte
	outcome []byte
}

func dialHTTP(ctx context.Context, addr string, deadline time.Time, t traffic) (sender, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &httpConn{conn: conn, traffic: t}, conn.SetDeadline(deadline)
}

func (c *httpConn) close() { _ = c.conn.Close() }

func (c *httpConn) send(n uint64) ([]byte, error) {
	c.out = c.traffic.request(c.out[:0], n)
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	answer, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("the answer to %q: %w", c.out[:bytes.IndexByte(c.out, '\n')], err)
	}
	return c.told(answer), nil
}

var (
	headEnd    = []byte("\r\n\r\n")
	bodyLength = []byte("\r\nContent-Length: ")
)

// read reads a whole answer.
func (c *httpConn) read() ([]byte, error) {
	want := -1
	for n := 0; ; {
		more, err := c.conn.Read(c.in[n:])
		if err != nil {
			return nil, err
		}
		n += more
		if want < 0 {
			if want, err = answerLength(c.in[:n]); err != nil {
				return nil, err
			}
		}
		switch {
		case want == n:
			return c.in[:n], nil
		case want > len(c.in) || want < 0 && n == len(c.in):
			return nil, errors.New("is too long")
		case want >= 0 && n > want:
			return nil, errors.New("has more than it says")
		}
	}
}

// answerLength is the length of an answer that b begins with, -1 when its head is
// not all there.
func answerLength(b []byte) (int, error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return -1, nil
	}
	at := bytes.Index(b[:end], bodyLength)
	if at < 0 {
		return 0, errors.New("does not tell its length")
	}
	digits := b[at+len(bodyLength) : end]
	if eol := bytes.IndexByte(digits, '\r'); eol >= 0 {
		digits = digits[:eol]
	}
	body, err := strconv.Atoi(string(digits))
	if err != nil || len(b) < len("HTTP/1.1 200") {
		return 0, errors.New("cannot be read")
	}
	return end + len(headEnd) + body, nil
}

var resultKey = []byte(`"result":"`)

// told is what an answer says: its status, and the result of a postback.
func (c *httpConn) told(answer []byte) []byte {
	status := answer[len("HTTP/1.1 "):]
	c.outcome = append(c.outcome[:0], status[:3]...)
	if _, result, ok := bytes.Cut(answer, resultKey); ok {
		if result, _, ok = bytes.Cut(result, []byte{'"'}); ok {
			c.outcome = append(append(c.outcome, ' '), result...)
		}
	}
	return c.outcome
}
