package db

import (
	"cmp"
	"context"

	"github.com/google/uuid"
)

// hotRows is what a batch of postbacks leaves in several tables, and the COMMIT after it,
// as it goes to Postgres: in one message and one round trip, by statements that its
// connection has prepared. Once Postgres has refused something it drops what follows, rows
// of a COPY as well as statements
// (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY Operations").
type hotRows struct {
	h        *hotConn
	messages []byte
	row      []byte // that is on its way into an array
	err      error  // a statement could not be prepared, or a value not be written

	// after are notifications that go out once it is committed (changeWord).
	after []string

	// postback is one whose log record is among the rows: whether that is there tells
	// what became of a COMMIT that nobody answered (doubt).
	postback uuid.UUID
}

// spareRows is the memory of past ones: of as many as decide at once.
var spareRows = make(chan []byte, maxHotConns)

// maxSpareRows is the most memory that is kept of one.
const maxSpareRows = 4 << 20

func newHotRows(h *hotConn) *hotRows {
	c := &hotRows{h: h}
	select {
	case c.messages = <-spareRows:
	default:
	}
	return c
}

// release gives the memory back. It must not be called while a row may still be
// on its way.
func (c *hotRows) release() {
	if cap(c.messages) > maxSpareRows {
		return
	}
	select {
	case spareRows <- c.messages[:0]:
	default:
	}
}

// maxUnnested is up to how many rows of a table come as one parameter. That takes Postgres a
// tenth more for each row than a COPY does, but nobody has to be told, and woken, because it
// has begun.
const maxUnnested = 32

// storeRows adds a table's rows, if there are any.
func storeRows[T any](c *hotRows, table *rowTable, rows []*T, appendRow func([]byte, *T) []byte) {
	switch n := len(rows); {
	case n == 0 || c.err != nil:
	case n == 1 || table.unnest == "":
		c.fail(insertRows(c, table, rows, appendRow))
	case n <= maxUnnested:
		c.fail(unnestRows(c, table, rows, appendRow))
	default:
		c.fail(copyRows(c, table, rows, appendRow))
	}
}

func insertRows[T any](c *hotRows, table *rowTable, rows []*T, appendRow func([]byte, *T) []byte) error {
	st, err := c.prepare(table.insert)
	if err != nil {
		return err
	}
	for _, r := range rows {
		b, at := beginBind(c.messages, st.Name)
		c.messages = endBind(appendRow(b, r), at)
	}
	return nil
}

func unnestRows[T any](c *hotRows, table *rowTable, rows []*T, appendRow func([]byte, *T) []byte) error {
	st, err := c.prepare(table.unnest)
	if err != nil {
		return err
	}
	array, err := c.h.rowArrayOf(context.Background(), st)
	if err != nil {
		return err
	}
	b, at := beginBind(c.messages, st.Name)
	b, value := beginValue(append(b, 0, 1)) // the only parameter
	b = array.begin(b, len(rows))
	for _, r := range rows {
		c.row = appendRow(c.row[:0], r)
		b = array.append(b, c.row)
	}
	c.messages = endBind(endValue(b, value), at)
	return nil
}

func copyRows[T any](c *hotRows, table *rowTable, rows []*T, appendRow func([]byte, *T) []byte) error {
	if err := c.run(table.copy); err != nil {
		return err
	}
	b, at := beginCopyData(c.messages)
	for _, r := range rows {
		b = appendRow(b, r)
	}
	c.messages = endCopyData(b, at)
	return nil
}

// run has a statement without parameters run.
func (c *hotRows) run(sql string) error {
	st, err := c.prepare(sql)
	if err != nil {
		return err
	}
	b, at := beginBind(c.messages, st.Name)
	c.messages = endBind(append(b, 0, 0), at)
	return nil
}

func (c *hotRows) prepare(sql string) (*hotStatement, error) {
	return c.h.prepare(context.Background(), sql) // bounded by h.until
}

// fail has nothing of this sent.
func (c *hotRows) fail(err error) { c.err = cmp.Or(c.err, err) }

// commit sends everything with a COMMIT and waits until it is stored. The
// connection must have an open transaction, which is still open when Postgres
// refused something. What became of it may stay unknown (doubt).
func (c *hotRows) commit() error {
	if c.fail(c.run(`COMMIT`)); c.err != nil {
		return c.err
	}
	c.messages = append(c.messages, syncMessage...)
	refused, err := c.h.say(c.messages) // bounded by h.until
	if timedOut(err) {
		refused, err = c.h.stop()
	}
	return outcome(c.h.conn.PgConn(), refused, err)
}
