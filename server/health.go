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

// readiness tells whether the work of a role can be done: whether clicks and
// postbacks can be stored, questions answered, jobs done.
type readiness struct {
	role    role
	ping    func(context.Context) error
	away    func() bool  // whether postbacks are refused unasked, since Postgres was lost and is not found back yet; nil for never
	room    func() error // whether the spool takes clicks; nil where there is none
	warning func(context.Context) string
	waiting atomic.Bool // the start waits for Postgres
	leaving atomic.Bool // the program is shutting down

	mu    sync.Mutex
	asked time.Time
	err   error
}

var (
	errLeaving = errors.New("shutting down")
	errAway    = errors.New("postgres does not answer")
	errNoSpool = errors.New("there is no spool")
)

// check is nil when the role's work can be done, else says why not.
func (r *readiness) check(ctx context.Context) error {
	switch {
	case r.leaving.Load():
		return errLeaving
	case r.waiting.Load(), r.away != nil && r.away():
		return errAway
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
		r.err = errAway
	}
	r.asked = time.Now()
	return r.err
}

// lost reports whether Postgres cannot be reached. Who keeps a spool looks for it by
// himself; else it is asked.
func (r *readiness) lost() bool {
	if r.room != nil {
		return r.away()
	}
	return errors.Is(r.check(context.Background()), errAway)
}

// spooling is nil when clicks can be kept without Postgres, else says why not.
func (r *readiness) spooling() error {
	if r.room == nil {
		return errNoSpool
	}
	return r.room()
}

// all tells whether all of the role's work can be done.
func (r *readiness) all(ctx context.Context) (status int, text string) {
	err := r.check(ctx)
	switch {
	case err == nil:
		return http.StatusOK, r.ready(ctx)
	case !errors.Is(err, errAway):
		return http.StatusServiceUnavailable, err.Error()
	case r.role == roleAPI:
		return http.StatusServiceUnavailable, err.Error() + ": nothing can be asked or changed"
	case r.role == roleWorker:
		return http.StatusServiceUnavailable, err.Error() + ": no job is done"
	}
	if full := r.spooling(); full != nil {
		return http.StatusServiceUnavailable, fmt.Sprintf("%s: clicks and postbacks cannot be stored (%s)", err, full)
	}
	return http.StatusServiceUnavailable, err.Error() + ": postbacks cannot be stored, clicks are kept in the spool"
}

// ready says that all is well, and what should be looked after all the same.
func (r *readiness) ready(ctx context.Context) string {
	text := "ready"
	if r.role != roleAll {
		text += fmt.Sprintf(": role %s, %s", r.role, r.role.does())
	}
	if r.warning != nil {
		if warning := r.warning(ctx); warning != "" {
			text += "; warning: " + warning
		}
	}
	return text
}

// clicks tells whether clicks can be stored, in either way.
func (r *readiness) clicks(ctx context.Context) (status int, text string) {
	status, text = r.all(ctx)
	if status != http.StatusOK && errors.Is(r.check(ctx), errAway) && r.spooling() == nil {
		return http.StatusOK, "degraded: " + text
	}
	return status, text
}

func (r *readiness) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		status, text := r.all(req.Context())
		plain(w, status, text)
	})
	if !r.role.ingests() {
		return
	}
	mux.HandleFunc("GET /readyz/clicks", func(w http.ResponseWriter, req *http.Request) {
		status, text := r.clicks(req.Context())
		plain(w, status, text)
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}
