package db

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
)

// rowTable is the statements that take rows of a table, in the order of columns that all
// of them name. Which one costs least depends on how many there are (storeRows).
type rowTable struct {
	insert string // takes one
	unnest string // some, as an array of the type that a migration made for it
	copy   string // any number
}

func newRowTable(name, columns string) *rowTable {
	into := name + ` (` + columns + `)`
	return &rowTable{
		insert: insertRow(name, columns).insert,
		unnest: `INSERT INTO ` + into + ` SELECT * FROM unnest($1::new_` + name + `[])`,
		copy:   `COPY ` + into + ` FROM STDIN (FORMAT binary)`,
	}
}

// insertRow is a table whose rows are only inserted one by one.
func insertRow(name, columns string) *rowTable {
	var sql strings.Builder
	sql.WriteString(`INSERT INTO ` + name + ` (` + columns + `) VALUES ($1`)
	for n := range strings.Count(columns, `,`) {
		sql.WriteString(`, $` + strconv.Itoa(n+2))
	}
	sql.WriteString(`)`)
	return &rowTable{insert: sql.String()}
}

// rowArray is the type of a parameter that is an array of rows.
type rowArray struct {
	row     uint32
	columns []uint32
}

// rowArrayOf tells the type of a statement's only parameter.
func (h *hotConn) rowArrayOf(ctx context.Context, st *hotStatement) (*rowArray, error) {
	if st.rows != nil {
		return st.rows, nil
	}
	var a rowArray
	err := h.conn.QueryRow(ctx, `
		SELECT r.oid, array_agg(c.atttypid ORDER BY c.attnum)
		FROM pg_type AS a
		JOIN pg_type AS r ON r.oid = a.typelem
		JOIN pg_attribute AS c ON c.attrelid = r.typrelid
		WHERE a.oid = $1
		GROUP BY r.oid`, st.ParamOIDs[0]).Scan(&a.row, &a.columns)
	if err != nil {
		return nil, err
	}
	st.rows = &a
	return st.rows, nil
}

// begin appends what comes before n rows.
func (a *rowArray) begin(b []byte, n int) []byte { return appendArrayHead(b, a.row, n) }

// append appends a row as it stands in a COPY: here the number of its columns has twice as many
// bytes, and each comes with its type.
func (a *rowArray) append(b, row []byte) []byte {
	b, at := beginValue(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(a.columns)))
	row = row[2:]
	for _, oid := range a.columns {
		n := 4
		if length := int32(binary.BigEndian.Uint32(row)); length > 0 {
			n += int(length)
		}
		b = append(binary.BigEndian.AppendUint32(b, oid), row[:n]...)
		row = row[n:]
	}
	return endValue(b, at)
}
