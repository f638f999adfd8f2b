package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// copyIn is COPYs into several tables that go to Postgres together, in one query and
// one round trip, and the COMMIT after them as well: it takes the rows of each as
// soon as it has said that it would, and drops them once it has refused something
// (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY
// Operations"), so nobody has to wait for its word. The rows of a single postback go
// as prepared INSERTs instead, in one message as well (insertIn).
type copyIn struct {
	query    []byte // the message with the statements
	messages []byte // those with the rows, as they go over the wire
	rows     int    // where that with the rows of the last table begins

	// after are notifications that go out once it is committed (changeWord).
	after []string

	// postback is one whose log record is among the rows: whether that is there tells
	// what became of a COMMIT that nobody answered (doubt).
	postback uuid.UUID

	insertIn
}

// copyIns keeps the memory of past ones: as many as decide at once.
var copyIns = make(chan *copyIn, maxHotConns)

// maxKeptCopy is the most memory that one of them is kept with.
const maxKeptCopy = 4 << 20

func newCopyIn() *copyIn {
	select {
	case c := <-copyIns:
		c.query, c.messages, c.after, c.postback, c.insertIn = c.query[:0], c.messages[:0], nil, uuid.Nil, insertIn{}
		return c
	default:
		return new(copyIn)
	}
}

// release gives the memory back. It must not be called while a row may still be
// on its way.
func (c *copyIn) release() {
	if cap(c.messages) > maxKeptCopy {
		return
	}
	select {
	case copyIns <- c:
	default:
	}
}

// into begins the rows of a table, given a COPY … FROM STDIN (FORMAT binary).
// Rows are then appended to c.messages, and done ends them.
func (c *copyIn) into(statement string) {
	if c.by != nil {
		c.insertInto(statement)
		return
	}
	c.say(statement)
	c.rows = len(c.messages)
	c.messages = append(c.messages, 'd', 0, 0, 0, 0)
	c.messages = append(c.messages, copyHeader...)
}

// done ends the rows of a table.
func (c *copyIn) done() {
	if c.by != nil {
		return
	}
	c.messages = append(c.messages, copyTrailer...)
	binary.BigEndian.PutUint32(c.messages[c.rows+1:], uint32(len(c.messages)-c.rows-1))
	c.messages = append(c.messages, 'c', 0, 0, 0, 4)
}

// say adds a statement.
func (c *copyIn) say(statement string) {
	if len(c.query) == 0 {
		c.query = append(c.query, 'Q', 0, 0, 0, 0)
	}
	c.query = append(append(c.query, statement...), ';')
}

// beginRow comes before each row that is appended to c.messages, and endRow after it.
func (c *copyIn) beginRow() {
	if c.by != nil {
		c.messages, c.row = beginBind(c.messages, c.name)
	}
}

func (c *copyIn) endRow() {
	if c.by != nil {
		c.messages = endBind(c.messages, c.row)
	}
}

// commit sends everything with a COMMIT and waits until it is stored. The
// connection must have an open transaction, which is still open when Postgres
// refused something. What became of it may stay unknown (doubt).
func (c *copyIn) commit(h *hotConn) error {
	if c.by == nil {
		c.say(`COMMIT`)
		c.endQuery()
	} else if err := c.endInserts(); err != nil {
		return err
	}
	refused, err := c.exchange(context.Background(), h.conn.PgConn()) // bounded by h.until
	if timedOut(err) {
		refused, err = h.stop()
	}
	return c.outcome(h.conn.PgConn(), refused, err)
}

// send sends everything and waits until it is done: outside of a transaction, until
// all of it is stored. The connection is closed when it is not known what became of
// the rows.
func (c *copyIn) send(ctx context.Context, conn *pgconn.PgConn) error {
	c.endQuery()
	refused, err := c.exchange(ctx, conn)
	return c.outcome(conn, refused, err)
}

// endQuery ends the message with the statements.
func (c *copyIn) endQuery() {
	c.query = append(c.query, 0)
	binary.BigEndian.PutUint32(c.query[1:], uint32(len(c.query)-1))
}

// outcome is what an exchange came to.
func (c *copyIn) outcome(conn *pgconn.PgConn, refused *pgconn.PgError, err error) error {
	if err != nil {
		abandon(conn)
		return &doubt{fmt.Errorf("copy: %w", err), conn.PID()}
	}
	if refused != nil {
		return refused
	}
	return nil
}

// exchange gives what Postgres refused.
func (c *copyIn) exchange(ctx context.Context, conn *pgconn.PgConn) (refused *pgconn.PgError, err error) {
	// pgx watches a context with a goroutine for each message, which wakes a thread.
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.Conn().SetDeadline(time.Unix(1, 0)) // has passed
		close(ended)
	})
	defer func() {
		if stop() {
			return
		}
		<-ended
		unbound := conn.Conn().SetDeadline(time.Time{})
		if err != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
			return
		}
		err = unbound // it was done by then
	}()
	if _, err := (&net.Buffers{c.query, c.messages}).WriteTo(conn.Conn()); err != nil {
		return nil, err
	}
	return readToEnd(conn)
}

// readToEnd reads until Postgres waits for what comes next, and gives what it refused.
// How long that may take is bounded on the connection.
func readToEnd(conn *pgconn.PgConn) (refused *pgconn.PgError, err error) {
	for {
		message, err := conn.ReceiveMessage(context.Background())
		if err != nil {
			return nil, err
		}
		switch m := message.(type) {
		case *pgproto3.ReadyForQuery:
			return refused, nil
		case *pgproto3.ErrorResponse:
			refused = pgconn.ErrorResponseToPgError(m)
		}
	}
}
