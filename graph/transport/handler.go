package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Config says how operations are run.
type Config struct {
	// Exec runs queries and mutations.
	Exec graphql.GraphExecutor
	// Subscribe begins a subscription, or says why not.
	Subscribe func(ctx context.Context, op *graphql.OperationContext) (Stream, *graphql.Response)
	// Authenticate tells who acts, by what a client says in connection_init.
	Authenticate func(ctx context.Context, authorization string) (context.Context, error)
	// Stands asks whether whoever acts on a WebSocket still may; ErrGone when not.
	Stands func(ctx context.Context) error
	// Expires is until when whoever acts may; the zero time is for ever.
	Expires func(ctx context.Context) time.Time
	// Errors makes what a client is told of an error.
	Errors func(ctx context.Context, err error) gqlerror.List
	// Admit lets whoever acts have one more operation run, or says why not.
	Admit func(ctx context.Context) (leave func(), err error)
	// Headers adds what an answer says to its headers.
	Headers func(resp *graphql.Response, h http.Header)
	// Timeout bounds the execution of a query or mutation.
	Timeout time.Duration
	// Origins are those whose pages may open WebSockets, beside our own host's: "*" is
	// for all.
	Origins []string
	// InitWait is how long a new WebSocket may wait with connection_init; default 5 s.
	// PingEvery is how often it is made sure that somebody is still there; default 20 s.
	// WriteTimeout is how long a client may take to take a message; default 10 s.
	InitWait, PingEvery, WriteTimeout time.Duration
}

// Stream is what a subscription gives.
type Stream interface {
	// Next waits for the next answer, which is JSON. An error is the end: of ctx, or why
	// there is nothing more.
	Next(ctx context.Context) (json.RawMessage, error)
	Close()
}

// Why a stream ended, for what a connection does then; other errors end an operation
// alone.
var (
	// ErrGone: whoever acts may not any more.
	ErrGone = errors.New("transport: may not act any more")
	// ErrGoingAway: the server ends.
	ErrGoingAway = errors.New("transport: the server ends")
)

// Handler serves one GraphQL endpoint.
type Handler struct {
	Config

	mu    sync.Mutex
	live  map[*socket]struct{}
	ended bool
}

// New makes a handler.
func New(c Config) *Handler {
	if c.InitWait <= 0 {
		c.InitWait = 5 * time.Second
	}
	if c.PingEvery <= 0 {
		c.PingEvery = 20 * time.Second
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = 10 * time.Second
	}
	return &Handler{Config: c, live: map[*socket]struct{}{}}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		h.serveSocket(w, r)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	case http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", allowed)
		h.refuse(w, r, mediaJSON, http.StatusMethodNotAllowed, "GraphQL is asked by POST, queries also by GET")
		return
	}
	media, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		h.refuse(w, r, mediaJSON, http.StatusNotAcceptable, "answers are application/graphql-response+json, application/json or text/event-stream")
		return
	}
	params, problem := readParams(r)
	if problem != nil {
		h.refuse(w, r, media, problem.status, problem.message)
		return
	}
	if media == mediaEvents {
		h.serveEvents(w, r, params)
		return
	}
	h.serveOne(w, r, media, params)
}

// maxErrors is how many errors are told of an operation that cannot be run.
const maxErrors = 20

const allowed = "GET, HEAD, POST, OPTIONS"

// serveOne answers a query or mutation.
func (h *Handler) serveOne(w http.ResponseWriter, r *http.Request, media string, params *graphql.RawParams) {
	ctx, cancel := context.WithTimeout(graphql.StartOperationTrace(r.Context()), h.Timeout)
	defer cancel()
	leave, err := h.Admit(ctx)
	if err != nil {
		h.answer(w, r, media, &graphql.Response{Errors: h.Errors(ctx, err)})
		return
	}
	defer leave()
	op, errs := h.Exec.CreateOperationContext(ctx, params)
	if errs != nil {
		h.answer(w, r, media, h.unopened(ctx, op, errs))
		return
	}
	if kind := op.Operation.Operation; kind == ast.Subscription {
		h.refuse(w, r, media, http.StatusBadRequest, "subscriptions are sent over WebSocket (graphql-transport-ws), or with Accept: text/event-stream")
		return
	} else if kind != ast.Query && r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, media, http.StatusMethodNotAllowed, "only queries may be sent by GET: send this by POST")
		return
	}
	h.answer(w, r, media, h.run(ctx, op))
}

// run runs a query or mutation.
func (h *Handler) run(ctx context.Context, op *graphql.OperationContext) *graphql.Response {
	responses, ctx := h.Exec.DispatchOperation(ctx, op)
	if resp := responses(ctx); resp != nil {
		return resp
	}
	return &graphql.Response{Errors: h.Errors(ctx, context.Cause(ctx))} // it was late
}

// Shutdown tells everybody on a WebSocket that the server ends, and takes no more of
// them. Streams end by themselves.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.ended = true
	sockets := make([]*socket, 0, len(h.live))
	for s := range h.live {
		sockets = append(sockets, s)
	}
	h.mu.Unlock()
	for _, s := range sockets {
		s.end(closeGoingAway, "the server is shutting down")
	}
	for _, s := range sockets {
		select {
		case <-s.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
