package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const protocol = "graphql-transport-ws"

// Close codes of the protocol.
const (
	closeGoingAway      = websocket.StatusGoingAway
	closeBadRequest     = websocket.StatusCode(4400)
	closeUnauthorized   = websocket.StatusCode(4401)
	closeForbidden      = websocket.StatusCode(4403)
	closeBadProtocol    = websocket.StatusCode(4406)
	closeInitTimeout    = websocket.StatusCode(4408)
	closeAlreadyExists  = websocket.StatusCode(4409)
	closeTooManyInits   = websocket.StatusCode(4429)
	maxMessage          = 1 << 20
	maxOperationsOfOne  = 100
	maxReason           = 120 // a close frame has place for 123 bytes
	reasonNotAnyMore    = "the access token has run out, or the session has ended: connect with a new one"
	reasonNotAuthorized = "Unauthorized"
)

// socket is one WebSocket.
type socket struct {
	*Handler
	conn *websocket.Conn
	ctx  context.Context // of whoever acts; ends with the socket
	stop context.CancelFunc
	gone chan struct{} // closed when it has ended

	acked   bool
	turn    sync.Mutex   // to write
	writing atomic.Int64 // since when a message is being written, in Unix nanoseconds; 0 when none is
	ending  atomic.Bool
	work    sync.WaitGroup // operations

	mu         sync.Mutex
	operations map[string]*operation
}

// serveSocket speaks graphql-transport-ws until either side ends it.
func (h *Handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{protocol}, InsecureSkipVerify: h.knows(r.Header.Get("Origin")),
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxMessage)
	ctx, stop := context.WithCancel(r.Context())
	s := &socket{Handler: h, conn: conn, ctx: ctx, stop: stop, gone: make(chan struct{}), operations: map[string]*operation{}}
	defer close(s.gone)
	defer s.work.Wait()
	defer stop()
	if !h.enter(s) {
		_ = conn.Close(closeGoingAway, "the server is shutting down")
		return
	}
	defer h.leave(s)
	if conn.Subprotocol() != protocol {
		_ = conn.Close(closeBadProtocol, "Subprotocol not acceptable")
		return
	}
	patience := time.AfterFunc(h.InitWait, func() { s.end(closeInitTimeout, "Connection initialisation timeout") })
	defer patience.Stop()
	s.work.Go(func() { s.watch(ctx) })
	for {
		kind, text, err := conn.Read(ctx)
		if err != nil {
			stop()
			_ = conn.CloseNow()
			return
		}
		if s.ending.Load() {
			continue // until the other side has seen it
		}
		var m message
		if kind != websocket.MessageText || json.Unmarshal(text, &m) != nil {
			s.end(closeBadRequest, "Invalid message received")
			continue
		}
		if m.Type == typeInit {
			patience.Stop()
		}
		s.receive(&m)
	}
}

// knows reports whether pages of an origin may open WebSockets, beside our own host's.
func (h *Handler) knows(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && origin != "" && (slices.Contains(h.Origins, "*") || slices.Contains(h.Origins, u.Scheme+"://"+u.Host))
}

func (h *Handler) enter(s *socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.live[s] = struct{}{}
	return true
}

func (h *Handler) leave(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, s)
}

// end closes the socket with a code, once. It does not wait for it.
func (s *socket) end(code websocket.StatusCode, reason string) {
	if !s.ending.CompareAndSwap(false, true) {
		return
	}
	go func() {
		s.cancelAll()
		_ = s.conn.Close(code, reason[:min(len(reason), maxReason)])
		s.stop()
	}()
}

func (s *socket) cancelAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.operations {
		o.cancel()
	}
}

// watch makes sure that somebody is still there, takes what is sent, and may still act.
func (s *socket) watch(ctx context.Context) {
	look := time.NewTicker(max(s.WriteTimeout/4, time.Millisecond))
	defer look.Stop()
	ping := time.NewTicker(s.PingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if since := s.writing.Load(); since != 0 && time.Since(time.Unix(0, since)) > s.WriteTimeout {
				s.stop()
				_ = s.conn.CloseNow() // who takes nothing takes no reason either
				return
			}
		case <-ping.C:
			answered, cancel := context.WithTimeout(ctx, s.PingEvery)
			err := s.conn.Ping(answered)
			cancel()
			if err != nil {
				s.stop()
				_ = s.conn.CloseNow()
				return
			}
		}
	}
}

// write sends a message; when it cannot be sent, the socket ends by itself.
func (s *socket) write(text []byte) bool {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.writing.Store(time.Now().UnixNano())
	err := s.conn.Write(context.Background(), websocket.MessageText, text)
	s.writing.Store(0)
	return err == nil
}

// endFor closes the socket when that is what an error means.
func (s *socket) endFor(err error) bool {
	switch {
	case errors.Is(err, ErrGone):
		s.end(closeForbidden, reasonNotAnyMore)
	case errors.Is(err, ErrGoingAway):
		s.end(closeGoingAway, "the server is shutting down")
	default:
		return false
	}
	return true
}
