package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// copyIn is COPYs into several tables that go to Postgres together with the COMMIT
// after them, in one round trip: it takes the rows of each as soon as it has said
// that it would, and drops them where it would not
// (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY
// Operations"), so nobody has to wait for its word. Once it has refused something
// it makes a ROLLBACK of the COMMIT.
type copyIn struct {
	messages   []byte // as they go over the wire
	rows       int    // where the message with the rows of the last table begins
	statements int
}

// copyIns keeps the memory of past ones: as many as decide at once.
var copyIns = make(chan *copyIn, maxHotConns)

// maxKeptCopy is the most memory that one of them is kept with.
const maxKeptCopy = 4 << 20

func newCopyIn() *copyIn {
	select {
	case c := <-copyIns:
		c.messages, c.statements = c.messages[:0], 0
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
	c.query(statement)
	c.rows = len(c.messages)
	c.messages = append(c.messages, 'd', 0, 0, 0, 0)
	c.messages = append(c.messages, copyHeader...)
}

// done ends the rows of a table.
func (c *copyIn) done() {
	c.messages = append(c.messages, copyTrailer...)
	binary.BigEndian.PutUint32(c.messages[c.rows+1:], uint32(len(c.messages)-c.rows-1))
	c.messages = append(c.messages, 'c', 0, 0, 0, 4)
}

// query adds a statement of the simple protocol.
func (c *copyIn) query(statement string) {
	c.messages = append(c.messages, 'Q')
	c.messages = appendLen(c.messages, 4+len(statement)+1)
	c.messages = append(append(c.messages, statement...), 0)
	c.statements++
}

// commit sends everything with a COMMIT and waits until it is stored. The
// connection must have an open transaction, which has ended then, whatever came of
// it.
func (c *copyIn) commit(ctx context.Context, conn *pgconn.PgConn) error {
	c.query(`COMMIT`)
	return c.send(ctx, conn)
}

// send sends everything and waits until it is done: outside of a transaction, until
// the rows of each table by itself are stored. The connection is closed when it is
// not known what became of the rows.
func (c *copyIn) send(ctx context.Context, conn *pgconn.PgConn) error {
	refused, err := c.exchange(ctx, conn)
	if err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
		return fmt.Errorf("copy: %w", err)
	}
	if refused != nil {
		return refused
	}
	return nil
}

// exchange gives what Postgres refused first; what comes after it is refused for
// that alone.
func (c *copyIn) exchange(ctx context.Context, conn *pgconn.PgConn) (refused *pgconn.PgError, err error) {
	deadline, _ := ctx.Deadline() // none is the zero time, which means the same here
	if err := conn.Conn().SetWriteDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := conn.Conn().Write(c.messages); err != nil {
		return nil, err
	}
	if err := conn.Conn().SetWriteDeadline(time.Time{}); err != nil { // the next one's is another
		return nil, err
	}
	for ended := 0; ended < c.statements; {
		message, err := conn.ReceiveMessage(ctx)
		if err != nil {
			return nil, err
		}
		switch m := message.(type) {
		case *pgproto3.ReadyForQuery:
			ended++
		case *pgproto3.ErrorResponse:
			if refused == nil {
				refused = pgconn.ErrorResponseToPgError(m)
			}
		}
	}
	return refused, nil
}
