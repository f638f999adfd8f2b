package main_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// balancer hands requests on to processes in turn: to those alone that said they
// are ready when they were last asked. It tries nothing twice.
type balancer struct {
	*httptest.Server
	t      *testing.T
	client *http.Client
	asking sync.WaitGroup

	mu       sync.Mutex
	backends []*backend
	next     int
}

type backend struct {
	at    *url.URL
	ready bool
	gone  context.CancelFunc
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{t: t, client: &http.Client{Timeout: time.Second}}
	b.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			t.Errorf("%s was dropped: %v", r.URL, err)
			w.WriteHeader(http.StatusBadGateway)
		},
	})
	t.Cleanup(func() {
		b.Close()
		b.mu.Lock()
		for _, one := range b.backends {
			one.gone()
		}
		b.mu.Unlock()
		b.asking.Wait()
	})
	return b
}

// add has a process taken in once it is ready.
func (b *balancer) add(p *process) *backend {
	b.t.Helper()
	at, err := url.Parse(p.url)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, gone := context.WithCancel(context.Background())
	one := &backend{at: at, gone: gone}
	b.mu.Lock()
	b.backends = append(b.backends, one)
	b.mu.Unlock()
	b.asking.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			b.ask(ctx, one)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return one
}

func (b *balancer) ask(ctx context.Context, one *backend) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, one.at.String()+"/readyz", nil)
	if err != nil {
		return
	}
	ready := false
	if resp, err := b.client.Do(req); err == nil {
		_ = resp.Body.Close()
		ready = resp.StatusCode == http.StatusOK
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	one.ready = ready
}

func (b *balancer) isReady(one *backend) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return one.ready
}

// pick gives a process that is ready; none at all is an address nobody serves.
func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.next++
		if one := b.backends[b.next%len(b.backends)]; one.ready {
			return one.at
		}
	}
	return &url.URL{Scheme: "http", Host: "nobody.invalid"}
}

// Two processes on one database are replaced one after the other, and nobody who
// comes through a balancer notices.
func chaosProcessesAreReplaced(t *testing.T, hard hardness) *promises {
	keys, setting := testClickKeys(t)
	c := startCluster(t)
	settings := onDatabase(c.URL(), setting, "PROOFBACK_STOP_DELAY=4s")
	b := newBalancer(t)
	var processes [2]*process
	var backends [2]*backend
	replace := func(i int) {
		processes[i] = start(t, settings...)
		backends[i] = b.add(processes[i])
		eventually(t, "it is sent requests", func() bool { return b.isReady(backends[i]) })
	}
	replace(0)
	replace(1)
	l := load(t, hard, keys, b.URL)
	l.more(hard.during)
	for range hard.rounds {
		for i, p := range processes {
			old := backends[i]
			p.terminate()
			p.wantEnded()
			if b.isReady(old) {
				eventually(t, "it is sent no more requests", func() bool { return !b.isReady(old) })
			}
			old.gone()
			l.more(hard.during)
			replace(i)
		}
	}
	l.more(hard.during)
	l.settle()
	if l.refused+l.broken+l.refusedSales > 0 {
		t.Errorf("%d clicks and %d sales were refused, %d requests dropped", l.refused, l.refusedSales, l.broken)
	}
	for _, p := range processes {
		p.drained()
	}
	l.audit(c.URL(), 0)
	return l
}
