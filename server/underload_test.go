package main_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// probeTimeout is how long whoever asks whether a process lives is wont to wait.
const probeTimeout = 5 * time.Second

// Clicks come as fast as they are answered, and beside them hang callers who never
// finish what they begin: the process still tells how it is, in time.
func TestHealthIsToldUnderFullLoadAndBesideSlowCallers(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var clicks atomic.Int64
	defer func() {
		stop()
		all.Wait()
	}()
	for range 2 * connections {
		slow, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		if _, err := io.WriteString(slow, "GET /c/demo HTTP/1.1\r\nHost: test\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { p.clickUntil(ctx, &clicks) })
	}
	eventually(t, "it is under load", func() bool { return clicks.Load() > 500 })

	client := &http.Client{Timeout: probeTimeout}
	for range 10 {
		for _, path := range []string{"/healthz", "/readyz", "/readyz/clicks"} {
			resp, err := client.Get(p.url + path)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
		before := clicks.Load()
		eventually(t, "clicks go on", func() bool { return clicks.Load() > before })
	}
}

// clickUntil clicks on one connection until ctx ends, and counts the redirects.
func (p *process) clickUntil(ctx context.Context, clicks *atomic.Int64) {
	c, err := dial(ctx, p.url)
	if err != nil {
		return // it is over
	}
	defer c.Close()
	for ctx.Err() == nil {
		a, err := c.get("/c/demo?sub1=load")
		if err != nil || a.status != http.StatusFound {
			p.t.Errorf("a click got %+v, %v", a, err)
			return
		}
		clicks.Add(1)
	}
}

// The limits are the real program's too.
func TestWhatIsTooLargeIsRefusedByTheProgram(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	status, _ := fetch(t, http.MethodGet, p.url+"/c/demo", nil, http.Header{"X-Large": {strings.Repeat("x", 80<<10)}})
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 80 KB: %d", status)
	}
	status, body := fetch(t, http.MethodPost, p.url+"/clicks", strings.NewReader(`{"link": "demo", "sub1": "`+strings.Repeat("x", 80<<10)+`"}`), nil)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "BODY_TOO_LARGE") {
		t.Errorf("a body of 80 KB: %d, %s", status, body)
	}
}
