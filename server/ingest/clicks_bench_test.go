package ingest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkVisit is a click from request to redirect, as 64 visitors a core make
// them at once, without the network.
func BenchmarkVisit(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		r := request(http.MethodGet, "/c/"+w.link.Code+"?sub1=campaign-7&sub2=a%20b&source=newsletter", "", "Referer: https://blog.example/post")
		for pb.Next() {
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)
			if rec.Code != http.StatusFound {
				b.Errorf("status %d", rec.Code)
				return
			}
		}
	})
}

// BenchmarkLookAhead is the same without storing: what the handler itself costs.
func BenchmarkLookAhead(b *testing.B) {
	w := newWorld(b)
	r := request(http.MethodHead, "/c/"+w.link.Code+"?sub1=campaign-7&sub2=a%20b&source=newsletter", "", "Referer: https://blog.example/post")
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
	}
}
