package main

import (
	"log/slog"
	"net/http"
	"testing"
)

// nobody takes an answer and forgets it.
type nobody http.Header

func (n nobody) Header() http.Header         { return http.Header(n) }
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n nobody) WriteHeader(int)             {}

// BenchmarkAround is what stands around every handler, with its route, on all cores at once.
func BenchmarkAround(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /c/{code}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
	p := &program{metrics: newMetrics(roleAll), log: slog.New(slog.DiscardHandler)}
	all := p.around(mux)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "/c/demo?sub1=campaign-7", nil)
		if err != nil {
			b.Error(err)
			return
		}
		w := nobody{}
		for pb.Next() {
			delete(r.Header, requestIDHeader)
			clear(w)
			all.ServeHTTP(w, r)
		}
	})
}
