package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statements are what a page costs in SQL: its transactions, each from BEGIN to COMMIT.
type statements [][]string

// withoutRoles is the same without what binds a transaction to a partner.
func (p statements) withoutRoles() statements {
	bare := make(statements, len(p))
	for i, tx := range p {
		bare[i] = append([]string{}, tx...)
		bare[i][0], _, _ = strings.Cut(tx[0], ";")
	}
	return bare
}

// recorder keeps what is sent to Postgres, transaction by transaction.
type recorder struct {
	mu   sync.Mutex
	open map[*pgx.Conn][]string
	done statements
	err  error
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(q.Args, isParameter) {
		r.err = fmt.Errorf("bench: a statement has parameters, and cannot be sent again as it stands: %s", q.SQL)
	}
	r.open[conn] = append(r.open[conn], q.SQL)
	if q.SQL == "COMMIT" {
		r.done = append(r.done, r.open[conn])
		delete(r.open, conn)
	}
	return ctx
}

// isParameter tells the parameters of a statement from how pgx is to send it.
func isParameter(arg any) bool {
	switch arg.(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryRewriter:
		return false
	}
	return true
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take gives what was sent since the last time.
func (r *recorder) take() (statements, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := r.done
	r.done, r.open = nil, map[*pgx.Conn][]string{}
	return done, r.err
}

// replaying is a plain handler: it sends a page's statements, one after the other on one
// connection, and gives out their rows as JSON.
type replaying struct {
	pool  *pgxpool.Pool
	pages []statements
}

// resultSet is what a statement found.
type resultSet struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

func (h *replaying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n < 0 || n >= len(h.pages) {
		http.NotFound(w, r)
		return
	}
	sets, err := h.page(r.Context(), h.pages[n])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(sets)
}

func (h *replaying) page(ctx context.Context, page statements) ([]resultSet, error) {
	conn, err := h.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	var sets []resultSet
	for _, tx := range page {
		for i, sql := range tx {
			if i == 0 || i == len(tx)-1 {
				if _, err := conn.Exec(ctx, sql); err != nil {
					return nil, err
				}
				continue
			}
			set, err := query(ctx, conn, sql)
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

func query(ctx context.Context, conn *pgxpool.Conn, sql string) (set resultSet, err error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return set, err
	}
	defer rows.Close()
	for _, f := range rows.FieldDescriptions() {
		set.Columns = append(set.Columns, f.Name)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return set, err
		}
		set.Rows = append(set.Rows, values)
	}
	return set, rows.Err()
}
