package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// hotConn is a connection of the pool for postbacks. It asks what a batch has queued
// as pgx does, in one message with prepared statements, but without its timers and
// goroutines: each of those wakes a thread, and on an idle machine that is what a
// lone postback waits for. What is said here must be over by a deadline (until).
type hotConn struct {
	conn     *pgx.Conn
	tracer   pgx.BatchTracer // nil: none
	prepared map[string]*hotStatement
	jobs     *jobTable // River's, once it was named
	out      []byte
}

// hotStatement is one that a connection has prepared.
type hotStatement struct {
	*pgconn.StatementDescription
	read []columnReader
	rows *rowArray // the type of its parameter, once it was asked for
}

// hotKey is where a connection keeps its hotConn.
const hotKey = "proofback.hot"

// hotOf gives a connection's hotConn.
func (s *Store) hotOf(conn *pgx.Conn) *hotConn {
	data := conn.PgConn().CustomData()
	h, ok := data[hotKey].(*hotConn)
	if !ok {
		h = &hotConn{conn: conn, prepared: map[string]*hotStatement{}}
		h.tracer, _ = s.tracer.(pgx.BatchTracer)
		data[hotKey] = h
	}
	return h
}

// until bounds all that is said on the connection from now on by ctx's deadline. The
// zero time, which is a context's without one, takes the bound away.
func (h *hotConn) until(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	return h.conn.PgConn().Conn().SetDeadline(deadline)
}

// ask sends what is queued and has the answers read. The connection is closed when it
// is not known what became of it.
func (h *hotConn) ask(ctx context.Context, q *pgx.Batch) (err error) {
	if h.tracer != nil {
		ctx = h.tracer.TraceBatchStart(ctx, h.conn, pgx.TraceBatchStartData{Batch: q})
		defer func() { h.tracer.TraceBatchEnd(ctx, h.conn, pgx.TraceBatchEndData{Err: err}) }()
	}
	h.out = h.out[:0]
	answers := make([]hotAnswer, len(q.QueuedQueries))
	for i, qq := range q.QueuedQueries {
		st, err := h.prepare(ctx, qq.SQL)
		if err != nil {
			return err
		}
		if err := h.bind(st, qq.Arguments); err != nil {
			return fmt.Errorf("db: %s: %w", qq.SQL, err)
		}
		answers[i].h, answers[i].st = h, st
	}
	if err := h.sync(); err != nil {
		return h.lost(err)
	}
	var refused error
	for i, qq := range q.QueuedQueries {
		a := &answers[i]
		if refused == nil && qq.Fn != nil {
			refused = qq.Fn(hotResult{a})
		}
		a.Close()
		if a.lost != nil {
			return h.lost(a.lost)
		}
		if a.refused != nil {
			refused = a.refused
			break // Postgres skips the others
		}
	}
	if err := h.ready(); err != nil {
		return h.lost(err)
	}
	return refused
}

// prepare prepares a statement that this connection has not seen.
func (h *hotConn) prepare(ctx context.Context, sql string) (*hotStatement, error) {
	if st := h.prepared[sql]; st != nil {
		return st, nil
	}
	told, err := h.conn.PgConn().Prepare(ctx, "hot_"+strconv.Itoa(len(h.prepared)), sql, nil)
	if err != nil {
		return nil, err
	}
	st := &hotStatement{StatementDescription: told}
	h.prepared[sql] = st
	return st, nil
}

// bind appends the messages that run a statement with arguments.
func (h *hotConn) bind(st *hotStatement, args []any) error {
	if len(args) != len(st.ParamOIDs) {
		return fmt.Errorf("%d arguments for %d parameters", len(args), len(st.ParamOIDs))
	}
	var at int
	h.out, at = beginBind(h.out, st.Name)
	m := h.conn.TypeMap()
	h.out = binary.BigEndian.AppendUint16(h.out, uint16(len(args)))
	for i, v := range args {
		var err error
		if h.out, err = appendAny(h.out, m, st.ParamOIDs[i], v); err != nil {
			return err
		}
	}
	h.out = endBind(h.out, at)
	return nil
}

// appendAny appends a value, after its length, as its type's receive function takes it.
func appendAny(b []byte, m *pgtype.Map, oid uint32, v any) ([]byte, error) {
	if b, ok := appendUsual(b, oid, v); ok {
		return b, nil
	}
	begun, at := beginValue(b)
	value, err := m.Encode(oid, pgtype.BinaryFormatCode, v, begun)
	switch {
	case err != nil:
		return b, err
	case value == nil:
		return appendNull(b), nil
	}
	return endValue(value, at), nil
}

// beginBind begins a message that gives a statement its parameters, all of them in
// binary: their number and the values follow, as in a row of a binary COPY.
func beginBind(b []byte, name string) (_ []byte, at int) {
	at = len(b)
	b = append(b, 'B', 0, 0, 0, 0, 0)
	b = append(append(b, name...), 0)
	return append(b, 0, 1, 0, pgtype.BinaryFormatCode), at
}

// endBind ends it, and has the statement run. Results come in binary.
func endBind(b []byte, at int) []byte {
	b = append(b, 0, 1, 0, pgtype.BinaryFormatCode)
	binary.BigEndian.PutUint32(b[at+1:], uint32(len(b)-at-1))
	return append(b, 'E', 0, 0, 0, 9, 0, 0, 0, 0, 0)
}

// syncMessage ends what is sent together.
var syncMessage = []byte{'S', 0, 0, 0, 4}

// socketHolds is how many bytes a socket surely takes while nobody reads them.
const socketHolds = 32 << 10

// sync sends what was appended. What may be more than the socket takes is sent while
// the answers are read: Postgres reads no further while nobody reads them.
func (h *hotConn) sync() error {
	h.out = append(h.out, syncMessage...)
	conn, out := h.conn.PgConn().Conn(), h.out
	if len(out) <= socketHolds {
		_, err := conn.Write(out)
		return err
	}
	h.out = nil
	go func() {
		if _, err := conn.Write(out); err != nil {
			_ = conn.Close() // whoever reads learns of it
		}
	}()
	return nil
}

// say sends messages that end with a Sync and have short answers, and gives what Postgres
// refused.
func (h *hotConn) say(messages []byte) (refused *pgconn.PgError, err error) {
	conn := h.conn.PgConn()
	if _, err := conn.Conn().Write(messages); err != nil {
		return nil, err
	}
	return readToEnd(conn)
}

func (h *hotConn) receive() (pgproto3.BackendMessage, error) {
	return h.conn.PgConn().ReceiveMessage(context.Background()) // bounded by until
}

// ready reads until Postgres waits for what comes next.
func (h *hotConn) ready() error {
	for {
		message, err := h.receive()
		if err != nil {
			return err
		}
		if _, ok := message.(*pgproto3.ReadyForQuery); ok {
			return nil
		}
	}
}

// lost closes the connection: what was said on it may still be on its way.
func (h *hotConn) lost(err error) error {
	h.close()
	return fmt.Errorf("postgres: %w", err)
}

func (h *hotConn) close() { abandon(h.conn.PgConn()) }
