package load

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// PageTraffic asks for pages that people look at: request n is the n-th, from the
// front again after the last, as it stands on the wire.
type PageTraffic struct {
	Requests []string
}

// pageConn is one kept-alive connection that reads whatever answer comes, since
// pages are long and sent in pieces.
type pageConn struct {
	conn    net.Conn
	in      *bufio.Reader
	traffic *PageTraffic
	body    bytes.Buffer
	outcome []byte
}

func (t *PageTraffic) dial(addr string) func(context.Context, time.Time) (sender, error) {
	return func(ctx context.Context, deadline time.Time) (sender, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return &pageConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), traffic: t}, conn.SetDeadline(deadline)
	}
}

func (c *pageConn) close() { _ = c.conn.Close() }

var errorsKey = []byte(`"errors":`)

// send tells the status, and whether the answer is one of errors.
func (c *pageConn) send(n uint64) ([]byte, error) {
	if _, err := io.WriteString(c.conn, c.traffic.Requests[n%uint64(len(c.traffic.Requests))]); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(answer.Body); err != nil {
		return nil, err
	}
	c.outcome = strconv.AppendInt(c.outcome[:0], int64(answer.StatusCode), 10)
	if bytes.Contains(c.body.Bytes(), errorsKey) {
		c.outcome = append(c.outcome, " errors"...)
	}
	return c.outcome, nil
}
