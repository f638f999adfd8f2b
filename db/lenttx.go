package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errLent is what a lent transaction answers to whoever tries to end it.
var errLent = errors.New("db: this transaction is lent: only its owner may begin, commit or roll back")

// lentTx shows a connection with an open transaction as a pgx.Tx without the
// right to end it.
type lentTx struct{ conn *pgx.Conn }

var _ pgx.Tx = lentTx{}

func (t lentTx) Begin(context.Context) (pgx.Tx, error) { return nil, errLent }
func (t lentTx) Commit(context.Context) error          { return errLent }
func (t lentTx) Rollback(context.Context) error        { return errLent }
func (t lentTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (t lentTx) Conn() *pgx.Conn                       { return t.conn }

func (t lentTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, src)
}

func (t lentTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}

func (t lentTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, sql)
}

func (t lentTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, sql, args...)
}

func (t lentTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, sql, args...)
}

func (t lentTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, sql, args...)
}
