package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// copyIn is COPYs into several tables that go to Postgres together, in one round
// trip: it takes the rows of each as soon as it has said that it would, and drops
// them where it would not
// (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY
// Operations"), so nobody has to wait for its word.
type copyIn struct {
	messages []byte // as they go over the wire
	rows     int    // where the message with the rows of the last table begins
	tables   int
}

// copyIns keeps the memory of past ones.
var copyIns = sync.Pool{New: func() any { return new(copyIn) }}

// maxKeptCopy is the most memory that one of them is kept with.
const maxKeptCopy = 8 << 20

func newCopyIn() *copyIn {
	c := copyIns.Get().(*copyIn)
	c.messages, c.tables = c.messages[:0], 0
	return c
}

// release gives the memory back. It must not be called while a row may still be
// on its way.
func (c *copyIn) release() {
	if cap(c.messages) <= maxKeptCopy {
		copyIns.Put(c)
	}
}

// into begins the rows of a table, given a COPY … FROM STDIN (FORMAT binary).
// Rows are then appended to c.messages, and done ends them.
func (c *copyIn) into(statement string) {
	c.messages = append(c.messages, 'Q')
	c.messages = appendLen(c.messages, 4+len(statement)+1)
	c.messages = append(append(c.messages, statement...), 0)
	c.rows = len(c.messages)
	c.messages = append(c.messages, 'd', 0, 0, 0, 0)
	c.messages = append(c.messages, copyHeader...)
}

// done ends the rows of a table.
func (c *copyIn) done() {
	c.messages = append(c.messages, copyTrailer...)
	binary.BigEndian.PutUint32(c.messages[c.rows+1:], uint32(len(c.messages)-c.rows-1))
	c.messages = append(c.messages, 'c', 0, 0, 0, 4)
	c.tables++
}

// send sends everything and waits until it is stored. The connection must have an
// open transaction; it is closed when it is not known what became of the rows.
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
	for ended := 0; ended < c.tables; {
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
