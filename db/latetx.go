package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// lateTx shows a transaction to River as one that it may insert jobs into by its
// fast way, by COPY. Nobody reads them before the transaction ends, so they are
// sent with the other rows and the COMMIT, without round trips of their own;
// the notification goes out when it is committed. It cannot do anything else.
type lateTx struct {
	lentTx
	rows *hotRows
}

var _ pgx.Tx = lateTx{}

// jobColumns are the types of the columns that River fills.
var jobColumns = map[string]uint32{
	"args":          pgtype.JSONBOID,
	"created_at":    pgtype.TimestamptzOID,
	"kind":          pgtype.TextOID,
	"max_attempts":  pgtype.Int2OID,
	"metadata":      pgtype.JSONBOID,
	"priority":      pgtype.Int2OID,
	"queue":         pgtype.TextOID,
	"scheduled_at":  pgtype.TimestamptzOID,
	"state":         pgtype.TextOID, // an enum, which is sent as its text
	"tags":          pgtype.VarcharArrayOID,
	"unique_key":    pgtype.ByteaOID,
	"unique_states": pgtype.BitOID,
}

// jobTable is what River inserts jobs into.
type jobTable struct {
	name    pgx.Identifier
	columns []string
	types   []uint32 // of the columns
	rows    *rowTable
}

// jobTableOf tells it by what River names, which is the same each time.
func (h *hotConn) jobTableOf(name pgx.Identifier, columns []string) (*jobTable, error) {
	if j := h.jobs; j != nil && slices.Equal(j.name, name) && slices.Equal(j.columns, columns) {
		return j, nil
	}
	j := &jobTable{name: slices.Clone(name), columns: slices.Clone(columns), types: make([]uint32, len(columns))}
	for i, c := range columns {
		oid, ok := jobColumns[c]
		if !ok {
			return nil, fmt.Errorf("db: column %q of %s is new here", c, name.Sanitize())
		}
		j.types[i] = oid
	}
	j.rows = insertRow(name.Sanitize(), strings.Join(columns, `, `))
	h.jobs = j
	return j, nil
}

// CopyFrom takes the rows of jobs.
func (t lateTx) CopyFrom(_ context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	jobs, err := t.rows.h.jobTableOf(table, columns)
	if err != nil {
		return 0, err
	}
	var rows []*[]any
	for src.Next() {
		values, err := src.Values()
		if err != nil {
			return 0, err
		}
		rows = append(rows, &values)
	}
	m := t.conn.TypeMap()
	storeRows(t.rows, jobs.rows, rows, func(b []byte, values *[]any) []byte {
		b = binary.BigEndian.AppendUint16(b, uint16(len(jobs.types)))
		for i, v := range *values {
			var err error
			if b, err = appendAny(b, m, jobs.types[i], v); err != nil {
				t.rows.fail(fmt.Errorf("db: %s.%s: %w", table.Sanitize(), columns[i], err))
			}
		}
		return b
	})
	return int64(len(rows)), src.Err()
}

// Exec takes a statement that gives nothing back that anybody waits for: River's
// notification, whose parameters are text.
func (t lateTx) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	for i := len(args); i > 0; i-- { // $12 before $1
		literal, err := literalOf(args[i-1])
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		sql = strings.ReplaceAll(sql, `$`+strconv.Itoa(i), literal)
	}
	t.rows.after = append(t.rows.after, sql)
	return pgconn.CommandTag{}, nil
}

// literalOf writes a text, or a list of them, as SQL.
func literalOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if strings.ContainsAny(v, `\$`) {
			return "", fmt.Errorf("db: %q is not written into a statement", v)
		}
		return `'` + strings.ReplaceAll(v, `'`, `''`) + `'`, nil
	case []string:
		list := make([]string, len(v))
		for i, s := range v {
			var err error
			if list[i], err = literalOf(s); err != nil {
				return "", err
			}
		}
		return `ARRAY[` + strings.Join(list, `, `) + `]::text[]`, nil
	case pgtype.Text:
		if !v.Valid {
			return `NULL`, nil
		}
		return literalOf(v.String)
	}
	return "", fmt.Errorf("db: a %T is not written into a statement", v)
}
