package main_test

import (
	"io"
	"strings"
	"testing"
	"time"
)

// Senders who never come to an end are cut off, and meanwhile keep nobody waiting.
func TestWhoSendsTooSlowlyIsCutOff(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	slow := make([]*connection, 200)
	for i := range slow {
		c, err := dial(t.Context(), p.url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /c/demo HTTP/1.1\r\nHost: test\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		slow[i] = c
	}
	p.clickOnce()
	p.wantAnswer("/readyz", 200, "ready")
	deadline := time.Now().Add(patience)
	for _, c := range slow {
		if err := c.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if answered, err := io.ReadAll(c); err != nil || strings.Contains(string(answered), " 302 ") {
			t.Fatalf("got %q, %v", answered, err)
		}
	}
	p.clickOnce()
}

func TestWhoSendsTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"headers": {"GET /c/demo HTTP/1.1\r\nHost: test\r\nX-Large: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", 431},
		"a body":  {"POST /postback HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{" + strings.Repeat(" ", 200<<10), 413},
	} {
		c, err := dial(t.Context(), p.url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, test.request) }() // it may be cut off while it is sending
		a, err := c.answer()
		if err != nil || a.status != test.status {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
}
