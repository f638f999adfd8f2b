package bench

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/server/export"
)

const (
	exportRows = 1_000_000
	// exportMemory is how much more memory an export of so many rows may take, in
	// bytes.
	exportMemory = 64 << 20
)

// exports streams a file with more than a million rows, and watches the memory.
func (s *suite) exports(ctx context.Context) error {
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: s.bed.Clicks.Secret})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	e := &export.Exports{
		Store:     s.bed.store,
		ClickKeys: keys,
		Actor:     func(context.Context) proofback.Actor { return proofback.Actor{Role: proofback.RoleManager} },
		Log:       slog.Default(),
	}
	e.Register(mux, func(h http.Handler) http.Handler { return h })
	m := &s.bed.Market
	to := m.Now.Truncate(24 * time.Hour)
	days := min(m.Days-1, exportRows/m.Each+1)
	query := url.Values{"from": {to.AddDate(0, 0, -days).Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/export/clicks.csv?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	progress("export of %d days", days)
	runtime.GC()
	w := &lineCounter{header: http.Header{}}
	before := w.memory()
	began := time.Now()
	mux.ServeHTTP(w, r)
	grown := w.most - min(w.most, before)
	_, err = fmt.Fprintf(s.out, "\nexport of %s clicks: %s, %.1f MB more memory at most\n",
		grouped(float64(w.lines-1)), time.Since(began).Round(10*time.Millisecond), float64(grown)/(1<<20))
	switch {
	case w.status != 0 && w.status != http.StatusOK || w.lines <= min(exportRows, days*m.Each):
		return fmt.Errorf("export: status %d and %d lines", w.status, w.lines)
	case grown > exportMemory:
		s.missed = append(s.missed, fmt.Sprintf("export: %d bytes more memory, at most %d were to be taken", grown, exportMemory))
	}
	return err
}

// lineCounter is somebody who takes a file and keeps nothing of it.
type lineCounter struct {
	header http.Header
	status int
	lines  int
	seen   int    // lines when the memory was last looked at
	most   uint64 // memory
}

func (c *lineCounter) Header() http.Header  { return c.header }
func (c *lineCounter) WriteHeader(code int) { c.status = code }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte("\n"))
	if c.lines-c.seen > exportRows/200 {
		c.seen = c.lines
		c.most = max(c.most, c.memory())
	}
	return len(b), nil
}

// memory is what the heap and the stacks take.
func (c *lineCounter) memory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
