package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// copyIn is a COPY by itself, outside of a transaction or in one that somebody else
// ends. It goes to Postgres with all of its rows in one round trip: Postgres takes them as
// soon as it has said that it would, and drops them once it has refused something
// (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY
// Operations"), so nobody has to wait for its word. What a batch of postbacks leaves
// goes as hotRows.
type copyIn struct {
	query    []byte // the message with the statement
	messages []byte // that with the rows, as it goes over the wire
}

// into begins the rows, given a COPY … FROM STDIN (FORMAT binary). They are then appended
// to c.messages, and done ends them.
func (c *copyIn) into(statement string) {
	c.query = append(append(append(c.query[:0], 'Q', 0, 0, 0, 0), statement...), 0)
	binary.BigEndian.PutUint32(c.query[1:], uint32(len(c.query)-1))
	c.messages, _ = beginCopyData(c.messages[:0])
}

// done ends the rows.
func (c *copyIn) done() { c.messages = endCopyData(c.messages, 0) }

// beginCopyData begins the message with the rows of a COPY, and endCopyData ends it and
// says that there are no others.
func beginCopyData(b []byte) (_ []byte, at int) {
	at = len(b)
	return append(append(b, 'd', 0, 0, 0, 0), copyHeader...), at
}

func endCopyData(b []byte, at int) []byte {
	b = append(b, copyTrailer...)
	binary.BigEndian.PutUint32(b[at+1:], uint32(len(b)-at-1))
	return append(b, 'c', 0, 0, 0, 4)
}

// send sends everything and waits until it is done: outside of a transaction, until
// all of it is stored. The connection is closed when it is not known what became of
// the rows.
func (c *copyIn) send(ctx context.Context, conn *pgconn.PgConn) error {
	refused, err := c.exchange(ctx, conn)
	return outcome(conn, refused, err)
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

// outcome is what an exchange came to.
func outcome(conn *pgconn.PgConn, refused *pgconn.PgError, err error) error {
	if err != nil {
		abandon(conn)
		return &doubt{fmt.Errorf("copy: %w", err), conn.PID()}
	}
	if refused != nil {
		return refused
	}
	return nil
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
