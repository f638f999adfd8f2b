package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// keepEvery is how often something is sent when there is nothing to say, so that nobody
// between us and the client takes the connection for dead.
const keepEvery = 12 * time.Second

// events is an answer by server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// serveEvents answers any operation by events, in graphql-sse's distinct connections
// mode: "next" for each answer, then "complete". What is wrong with the operation comes
// as an answer, too.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request, params *graphql.RawParams) {
	ctx := graphql.StartOperationTrace(r.Context())
	header := w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // as nginx is told that this is not to wait
	e := &events{w, http.NewResponseController(w), h.WriteTimeout}
	op, errs := h.Exec.CreateOperationContext(ctx, params)
	if errs != nil {
		e.one(h.unopened(ctx, op, errs))
		return
	}
	if op.Operation.Operation == ast.Subscription {
		h.stream(ctx, e, op)
		return
	}
	if op.Operation.Operation == ast.Mutation && r.Method != http.MethodPost {
		header.Set("Allow", http.MethodPost)
		h.refuse(w, r, mediaEvents, http.StatusMethodNotAllowed, "only queries may be sent by GET: send this by POST")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	leave, err := h.Admit(ctx)
	if err != nil {
		e.one(&graphql.Response{Errors: h.Errors(ctx, err)})
		return
	}
	defer leave()
	e.one(h.run(ctx, op))
}

// stream answers a subscription until it ends.
func (h *Handler) stream(ctx context.Context, e *events, op *graphql.OperationContext) {
	s, refused := h.Subscribe(ctx, op)
	if refused != nil {
		e.one(refused)
		return
	}
	defer s.Close()
	// The bound on reading a request is over: the connection is read only to see it closed.
	if err := e.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	if e.say(":\n\n") != nil {
		return
	}
	expires := never
	if at := h.Expires(ctx); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		expires = timer.C
	}
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	answers, ended := pump(ctx, s)
	for {
		select {
		case answer := <-answers:
			if e.next(answer) != nil {
				return
			}
		case err := <-ended:
			if errors.Is(err, ErrGoingAway) {
				panic(http.ErrAbortHandler) // a client that is cut off comes again; one that is told the end does not
			}
			if ctx.Err() == nil {
				e.one(&graphql.Response{Errors: h.Errors(ctx, err)})
			}
			return
		case <-expires:
			e.one(&graphql.Response{Errors: h.Errors(ctx, ErrGone)})
			return
		case <-keep.C:
			if e.say(":\n\n") != nil {
				return
			}
		}
	}
}

var never <-chan time.Time

// pump reads a stream, until ctx ends or the stream does.
func pump(ctx context.Context, s Stream) (<-chan json.RawMessage, <-chan error) {
	answers, ended := make(chan json.RawMessage), make(chan error, 1)
	go func() {
		for {
			answer, err := s.Next(ctx)
			if err != nil {
				ended <- err
				return
			}
			select {
			case answers <- answer:
			case <-ctx.Done():
				ended <- ctx.Err()
				return
			}
		}
	}()
	return answers, ended
}

// one sends one answer and the end.
func (e *events) one(resp *graphql.Response) {
	if e.next(appendResponse(nil, resp, resp.Extensions)) == nil {
		_ = e.say("event: complete\ndata:\n\n")
	}
}

func (e *events) next(answer json.RawMessage) error {
	var b bytes.Buffer
	b.Grow(len(answer) + 24)
	b.WriteString("event: next\ndata: ")
	b.Write(answer)
	b.WriteString("\n\n")
	return e.say(b.String())
}

// say sends text at once. A client that does not take it in time is let go.
func (e *events) say(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(e.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}
