package transport

import (
	"context"
	"encoding/json"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The types of messages.
const (
	typeInit      = "connection_init"
	typeAck       = "connection_ack"
	typePing      = "ping"
	typePong      = "pong"
	typeSubscribe = "subscribe"
	typeNext      = "next"
	typeError     = "error"
	typeComplete  = "complete"
)

// message is one of either side.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (m *message) text() []byte {
	b := append(make([]byte, 0, len(m.Payload)+len(m.ID)+48), `{"type":"`...)
	b = append(append(b, m.Type...), '"')
	if m.ID != "" {
		b = appendMember(b, "id", m.ID)
	}
	if len(m.Payload) > 0 {
		b = append(append(b, `,"payload":`...), m.Payload...)
	}
	return append(b, '}')
}

// receive does what a client says. Whatever is not of the protocol closes the socket.
func (s *socket) receive(m *message) {
	switch m.Type {
	case typeInit:
		s.init(m)
	case typePing:
		s.write((&message{Type: typePong, Payload: m.Payload}).text())
	case typePong:
	case typeSubscribe:
		s.subscribe(m)
	case typeComplete:
		s.mu.Lock()
		o := s.operations[m.ID]
		delete(s.operations, m.ID)
		s.mu.Unlock()
		if o != nil {
			o.cancel()
		}
	default:
		s.end(closeBadRequest, "Invalid message received")
	}
}

// init learns who acts: by the payload's authorization, written as in HTTP, or by the
// header that the socket was opened with.
func (s *socket) init(m *message) {
	if s.acked {
		s.end(closeTooManyInits, "Too many initialisation requests")
		return
	}
	var payload map[string]any
	if len(m.Payload) > 0 && json.Unmarshal(m.Payload, &payload) != nil {
		s.end(closeBadRequest, "the payload of connection_init has to be an object")
		return
	}
	for _, name := range []string{"Authorization", "authorization"} {
		value, ok := payload[name]
		if !ok {
			continue
		}
		text, _ := value.(string)
		ctx, err := s.Authenticate(s.ctx, text)
		if err != nil {
			s.end(closeForbidden, "Forbidden")
			return
		}
		s.ctx = ctx
		break
	}
	s.acked = true
	if at := s.Expires(s.ctx); !at.IsZero() {
		timer := time.AfterFunc(time.Until(at), func() { s.end(closeForbidden, reasonNotAnyMore) })
		context.AfterFunc(s.ctx, func() { timer.Stop() })
	}
	s.write((&message{Type: typeAck}).text())
}

// operation is one that runs on a socket. A client may use its id again as soon as it has
// ended it, while the old one is still on its way out; what is told and forgotten by an
// operation is therefore its own, not that of whichever has the id.
type operation struct {
	id     string
	cancel context.CancelFunc
}

// subscribe runs an operation of any kind.
func (s *socket) subscribe(m *message) {
	if !s.acked {
		s.end(closeUnauthorized, reasonNotAuthorized)
		return
	}
	var fields map[string]json.RawMessage
	if m.ID == "" || json.Unmarshal(m.Payload, &fields) != nil || fields == nil {
		s.end(closeBadRequest, "Invalid message received")
		return
	}
	params := &graphql.RawParams{}
	params.ReadTime.Start = graphql.Now()
	if why := takeFields(params, fields); why != nil {
		s.end(closeBadRequest, why.message)
		return
	}
	params.ReadTime.End = graphql.Now()
	ctx, cancel := context.WithCancel(s.ctx)
	o := &operation{m.ID, cancel}
	s.mu.Lock()
	_, exists := s.operations[m.ID]
	many := len(s.operations) >= maxOperationsOfOne
	if !exists && !many {
		s.operations[m.ID] = o
	}
	s.mu.Unlock()
	switch {
	case exists:
		cancel()
		s.end(closeAlreadyExists, "Subscriber for "+m.ID+" already exists")
	case many:
		cancel()
		s.write(errorsOf(m.ID, gqlerror.List{{
			Message:    "too many operations are running on this connection",
			Extensions: map[string]any{"code": "RATE_LIMITED"},
		}}))
	default:
		s.work.Go(func() {
			defer cancel()
			s.operate(ctx, o, params)
		})
	}
}

// operate runs an operation to its end, and tells of that unless the client has asked
// for it. Each is a request like one of HTTP: who was let in when the socket was opened
// may have been shut out since.
func (s *socket) operate(ctx context.Context, o *operation, params *graphql.RawParams) {
	if err := s.Stands(ctx); err != nil {
		if !s.endFor(err) {
			s.fail(o, s.Errors(ctx, err))
		}
		return
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := s.Exec.CreateOperationContext(ctx, params)
	if errs != nil {
		s.fail(o, s.unopened(ctx, op, errs).Errors)
		return
	}
	if op.Operation.Operation == ast.Subscription {
		s.stream(ctx, o, op)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	leave, err := s.Admit(ctx)
	if err != nil {
		s.fail(o, s.Errors(ctx, err))
		return
	}
	defer leave()
	resp := s.run(ctx, op)
	s.next(o, appendResponse(nil, resp, resp.Extensions))
	s.complete(o)
}

// stream tells what a subscription gives.
func (s *socket) stream(ctx context.Context, o *operation, op *graphql.OperationContext) {
	stream, refused := s.Subscribe(ctx, op)
	if refused != nil {
		s.fail(o, refused.Errors)
		return
	}
	defer stream.Close()
	for {
		answer, err := stream.Next(ctx)
		switch {
		case err == nil:
			if !s.next(o, answer) {
				return
			}
		case ctx.Err() != nil || s.endFor(err):
			s.forget(o)
			return
		default:
			s.fail(o, s.Errors(ctx, err))
			return
		}
	}
}

// next sends an answer, and reports whether there is any use for more of them.
func (s *socket) next(o *operation, answer json.RawMessage) bool {
	return s.knowsOf(o) && s.write((&message{ID: o.id, Type: typeNext, Payload: answer}).text())
}

// fail ends an operation with errors, complete without; neither is told once the
// client has ended it.
func (s *socket) fail(o *operation, errs gqlerror.List) {
	if s.forget(o) {
		s.write(errorsOf(o.id, errs))
	}
}

func errorsOf(id string, errs gqlerror.List) []byte {
	payload, err := json.Marshal(errs)
	if err != nil {
		payload = []byte("[]") // what somebody put there cannot be shown
	}
	return (&message{ID: id, Type: typeError, Payload: payload}).text()
}

func (s *socket) complete(o *operation) {
	if s.forget(o) {
		s.write((&message{ID: o.id, Type: typeComplete}).text())
	}
}

// knowsOf reports whether the client has not ended the operation.
func (s *socket) knowsOf(o *operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.operations[o.id] == o
}

// forget reports whether the operation was still known.
func (s *socket) forget(o *operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.operations[o.id] == o
	if known {
		delete(s.operations, o.id)
	}
	return known
}
