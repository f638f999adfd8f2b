package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How readiness is found out: Postgres is asked once a second at most, however
// often it is wanted.
const (
	pingEvery   = time.Second
	pingTimeout = time.Second
)

// readiness tells whether clicks and postbacks can be stored.
type readiness struct {
	ping    func(context.Context) error
	leaving atomic.Bool // the program is shutting down

	mu    sync.Mutex
	asked time.Time
	err   error
}

var errLeaving = errors.New("shutting down")

// check is nil when clicks and postbacks can be stored, else says why not.
func (r *readiness) check(ctx context.Context) error {
	if r.leaving.Load() {
		return errLeaving
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) < pingEvery {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	r.err = nil
	if err := r.ping(ctx); err != nil {
		r.err = errors.New("postgres does not answer: clicks and postbacks cannot be stored")
	}
	r.asked = time.Now()
	return r.err
}

func (r *readiness) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		if err := r.check(req.Context()); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(w, http.StatusOK, "ready")
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}
