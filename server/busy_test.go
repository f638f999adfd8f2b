package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestRequestsBeyondTheLimitAreRefusedAtOnceAndLaterOnesAreNot(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	h := make(places, 2).guard(busyGraphQL, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil))
		return w
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if got := ask(); got.Code != http.StatusOK {
				t.Errorf("got %d", got.Code)
			}
		})
		<-entered
	}
	if got := ask(); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), `"UNAVAILABLE"`) {
		t.Errorf("beyond the limit: %d %v %s", got.Code, got.Header(), got.Body)
	}
	close(leave)
	all.Wait()
	go func() { <-entered }()
	if got := ask(); got.Code != http.StatusOK {
		t.Errorf("afterwards: %d", got.Code)
	}
}
