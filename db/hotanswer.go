package db

import (
	"errors"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// hotAnswer is the answer to one statement of those that a hotConn has sent, read as
// it arrives.
type hotAnswer struct {
	h    *hotConn
	st   *hotStatement
	row  [][]byte // holds until the next message is read
	tag  pgconn.CommandTag
	over bool

	refused error // what Postgres said against it
	lost    error // the connection was
	wrong   error // what came cannot be read as it was asked for
}

var (
	_ pgx.Rows         = (*hotAnswer)(nil)
	_ pgx.BatchResults = hotResult{}
)

// Next implements pgx.Rows.
func (a *hotAnswer) Next() bool {
	for !a.over {
		message, err := a.h.receive()
		if err != nil {
			a.lost, a.over = err, true
			return false
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			a.row = m.Values
			return true
		case *pgproto3.CommandComplete:
			a.tag, a.over = pgconn.NewCommandTag(string(m.CommandTag)), true
		case *pgproto3.EmptyQueryResponse:
			a.over = true
		case *pgproto3.ErrorResponse:
			a.refused, a.over = pgconn.ErrorResponseToPgError(m), true
		}
	}
	return false
}

// Close implements pgx.Rows.
func (a *hotAnswer) Close() {
	for a.Next() {
	}
}

// Err implements pgx.Rows.
func (a *hotAnswer) Err() error { return errors.Join(a.lost, a.refused, a.wrong) }

// Scan implements pgx.Rows.
func (a *hotAnswer) Scan(targets ...any) error {
	if a.wrong == nil && len(targets) != len(a.row) {
		a.wrong = errors.New("db: as many targets as columns are needed")
	}
	if a.st.read == nil {
		a.st.read = make([]columnReader, len(a.row))
	}
	for i, target := range targets {
		if a.wrong == nil {
			a.wrong = a.st.read[i].scan(a.h.conn.TypeMap(), a.st.Fields[i].DataTypeOID, a.row[i], target)
		}
	}
	return a.wrong
}

// columnReader reads the values of a column. How that is done is found out once for all
// answers to a statement, which costs more than doing it.
type columnReader struct {
	into reflect.Type
	plan pgtype.ScanPlan
}

func (c *columnReader) scan(m *pgtype.Map, oid uint32, value []byte, target any) error {
	if target == nil || scanUsual(oid, value, target) {
		return nil
	}
	if into := reflect.TypeOf(target); into != c.into {
		c.into, c.plan = into, m.PlanScan(oid, pgtype.BinaryFormatCode, target)
	}
	return c.plan.Scan(value, target)
}

// CommandTag implements pgx.Rows.
func (a *hotAnswer) CommandTag() pgconn.CommandTag { return a.tag }

// FieldDescriptions implements pgx.Rows.
func (a *hotAnswer) FieldDescriptions() []pgconn.FieldDescription { return a.st.Fields }

// RawValues implements pgx.Rows.
func (a *hotAnswer) RawValues() [][]byte { return a.row }

// Conn implements pgx.Rows.
func (a *hotAnswer) Conn() *pgx.Conn { return a.h.conn }

// TypeMap implements pgx.Rows.
func (a *hotAnswer) TypeMap() *pgtype.Map { return a.h.conn.TypeMap() }

// Values implements pgx.Rows.
func (a *hotAnswer) Values() ([]any, error) {
	values := make([]any, len(a.row))
	targets := make([]any, len(a.row))
	for i := range values {
		targets[i] = &values[i]
	}
	return values, a.Scan(targets...)
}

// hotResult gives an answer to what was queued with it (pgx.QueuedQuery).
type hotResult struct{ answer *hotAnswer }

// Query implements pgx.BatchResults.
func (r hotResult) Query() (pgx.Rows, error) { return r.answer, nil }

// QueryRow implements pgx.BatchResults.
func (r hotResult) QueryRow() pgx.Row { return hotRow(r) }

// Exec implements pgx.BatchResults.
func (r hotResult) Exec() (pgconn.CommandTag, error) {
	r.answer.Close()
	return r.answer.tag, r.answer.Err()
}

// Close implements pgx.BatchResults.
func (r hotResult) Close() error { return nil }

// Tx implements pgx.BatchResults.
func (r hotResult) Tx() pgx.Tx { return nil }

// hotRow is the only row of an answer.
type hotRow struct{ answer *hotAnswer }

// Scan implements pgx.Row.
func (r hotRow) Scan(targets ...any) error {
	if r.answer.Next() {
		_ = r.answer.Scan(targets...) // Err tells of it
	} else if r.answer.Err() == nil {
		return pgx.ErrNoRows
	}
	r.answer.Close()
	return r.answer.Err()
}
