package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// connection is a keep-alive connection that sends requests as fast as they are
// answered, with as little of the client's own time as can be.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

// dial opens a connection to a program.
func dial(ctx context.Context, base string) (*connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

// answer is what came back.
type answer struct {
	status   int
	location string
	body     string
}

// get sends a GET and reads the answer. It does not escape the path.
func (c *connection) get(path string) (answer, error) {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\r\n"); err != nil {
		return answer{}, err
	}
	return c.answer()
}

// answer reads the answer to what was sent.
func (c *connection) answer() (answer, error) {
	var a answer
	text := textproto.NewReader(c.answers)
	line, err := text.ReadLine()
	if err != nil {
		return a, err
	}
	if len(line) < 12 {
		return a, fmt.Errorf("not an answer: %q", line)
	}
	if a.status, err = strconv.Atoi(line[9:12]); err != nil {
		return a, err
	}
	length := 0
	for {
		line, err := text.ReadLine()
		if err != nil {
			return a, err
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			break
		}
		switch name {
		case "Location":
			a.location = value
		case "Content-Length":
			if length, err = strconv.Atoi(value); err != nil {
				return a, err
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.answers, body); err != nil {
		return a, err
	}
	a.body = string(body)
	return a, nil
}

// clickID takes the click id from where a visitor is sent.
func (a answer) clickID() string {
	u, err := url.Parse(a.location)
	if err != nil {
		return ""
	}
	return u.Query().Get("click_id")
}

// clickOnce follows the demo link and gives the click id that the landing page got.
func (p *process) clickOnce() string {
	p.t.Helper()
	c, err := dial(p.t.Context(), p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	a, err := c.get("/c/demo")
	if err != nil || a.status != 302 || a.clickID() == "" {
		p.t.Fatalf("the click got %+v, %v", a, err)
	}
	return a.clickID()
}

// wantStored wants every click id to be a click's in the database.
func wantStored(t *testing.T, databaseURL string, keys *proofback.ClickKeys, clickIDs []string) {
	t.Helper()
	ids := make([]uuid.UUID, len(clickIDs))
	for i, text := range clickIDs {
		var state proofback.ClickIDState
		if ids[i], state = keys.Parse(text); state != proofback.ClickIDWhole {
			t.Fatalf("%q is not a click id", text)
		}
	}
	if got := queryInt(t, databaseURL, `SELECT count(*) FROM clicks WHERE id = ANY ($1)`, ids); got != len(ids) {
		t.Errorf("of %d clicks that were answered with a redirect %d are stored", len(ids), got)
	}
}

// rawID is the id within a global one.
func rawID(t *testing.T, global string) uuid.UUID {
	t.Helper()
	_, id, err := proofback.ParseGlobalID(global)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func queryInt(t *testing.T, databaseURL, sql string, args ...any) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
