package db

import (
	"cmp"
	"context"
	"strconv"
	"strings"
)

// insertIn makes INSERTs of what would be COPYs: a COPY costs as much as several rows
// before its first one, and has whoever sends it told that it has begun. Rows are the
// same in both. The zero value leaves them COPYs.
type insertIn struct {
	by   *hotConn // whose statements are prepared
	name string   // of the statement for the table of which rows are appended
	row  int      // where the message with the row begins
	err  error    // a statement could not be prepared
}

// insertInto begins the rows of a table, given the statement that would COPY them.
func (c *copyIn) insertInto(statement string) {
	sql, ok := c.by.inserts[statement]
	if !ok {
		sql = insertLike(statement)
		c.by.inserts[statement] = sql
	}
	c.prepared(sql)
}

func (c *copyIn) prepared(sql string) {
	st, err := c.by.prepare(context.Background(), sql)
	if err != nil {
		c.err = cmp.Or(c.err, err)
		return
	}
	c.name = st.Name
}

// endInserts ends the rows with a COMMIT.
func (c *copyIn) endInserts() error {
	c.prepared(`COMMIT`)
	if c.err != nil {
		return c.err
	}
	c.beginRow()
	c.messages = append(c.messages, 0, 0) // it has no parameters
	c.endRow()
	c.messages = append(c.messages, syncMessage...)
	return nil
}

// insertLike is the INSERT of a row into the columns of a COPY.
func insertLike(statement string) string {
	into, _, _ := strings.Cut(strings.TrimPrefix(statement, `COPY `), `)`)
	var sql strings.Builder
	sql.WriteString(`INSERT INTO ` + into + `) VALUES ($1`)
	for n := range strings.Count(into, `,`) {
		sql.WriteString(`, $` + strconv.Itoa(n+2))
	}
	sql.WriteString(`)`)
	return sql.String()
}
