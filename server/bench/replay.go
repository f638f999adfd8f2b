package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statements are what a page costs in SQL: trip by trip, what goes to Postgres at once.
type statements [][]statement

// statement is one of them, with its parameters.
type statement struct {
	SQL    string
	Values []parameter
}

// withoutRoles is the same without what binds a transaction to a partner.
func (p statements) withoutRoles() statements {
	bare := make(statements, len(p))
	for i, trip := range p {
		for _, s := range trip {
			if strings.HasPrefix(s.SQL, "BEGIN") {
				s.SQL, _, _ = strings.Cut(s.SQL, ";")
			}
			if !strings.Contains(s.SQL, "set_config('role'") {
				bare[i] = append(bare[i], s)
			}
		}
	}
	return bare
}

// parameter is a statement's value, of one of the kinds that pages have.
type parameter struct {
	ID   *uuid.UUID  `json:",omitempty"`
	IDs  []uuid.UUID `json:",omitempty"`
	Text *string     `json:",omitempty"`
}

func newParameter(v any) (parameter, error) {
	switch v := v.(type) {
	case uuid.UUID:
		return parameter{ID: &v}, nil
	case []uuid.UUID:
		return parameter{IDs: v}, nil
	case string:
		return parameter{Text: &v}, nil
	}
	return parameter{}, fmt.Errorf("bench: a parameter is of a kind that cannot be sent again: %T", v)
}

func (s *statement) args() []any {
	args := make([]any, len(s.Values))
	for i, v := range s.Values {
		switch {
		case v.ID != nil:
			args[i] = *v.ID
		case v.Text != nil:
			args[i] = *v.Text
		default:
			args[i] = v.IDs
		}
	}
	return args
}

// recorder keeps what is sent to Postgres.
type recorder struct {
	mu   sync.Mutex
	done statements
	err  error
}

var (
	_ pgx.QueryTracer = (*recorder)(nil)
	_ pgx.BatchTracer = (*recorder)(nil)
)

// TraceQueryStart implements pgx.QueryTracer.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.sent(&pgx.QueuedQuery{SQL: q.SQL, Arguments: q.Args})
	return ctx
}

// TraceBatchStart implements pgx.BatchTracer.
func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	r.sent(d.Batch.QueuedQueries...)
	return ctx
}

// sent keeps a trip.
func (r *recorder) sent(queries ...*pgx.QueuedQuery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var trip []statement
	for _, q := range queries {
		s := statement{SQL: q.SQL}
		for _, arg := range q.Arguments {
			if !isParameter(arg) {
				continue
			}
			p, err := newParameter(arg)
			if err != nil {
				r.err = err
			}
			s.Values = append(s.Values, p)
		}
		trip = append(trip, s)
	}
	r.done = append(r.done, trip)
}

// isParameter tells the parameters of a statement from how pgx is to send it.
func isParameter(arg any) bool {
	switch arg.(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryRewriter:
		return false
	}
	return true
}

// TraceQueryEnd, TraceBatchQuery and TraceBatchEnd have nothing to add.
func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (*recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// take gives what was sent since the last time.
func (r *recorder) take() (statements, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := r.done
	r.done = nil
	return done, r.err
}

// replaying is a plain handler: it sends a page's statements, trip by trip on one
// connection that has prepared them, and gives out their rows as JSON.
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
	for _, trip := range page {
		var b pgx.Batch
		for i := range trip {
			b.Queue(trip[i].SQL, trip[i].args()...).Query(func(rows pgx.Rows) error {
				set, err := read(rows)
				if len(set.Columns) > 0 { // BEGIN and COMMIT have none
					sets = append(sets, set)
				}
				return err
			})
		}
		if err := conn.SendBatch(ctx, &b).Close(); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// read takes a statement's rows up.
func read(rows pgx.Rows) (set resultSet, err error) {
	for _, f := range rows.FieldDescriptions() {
		set.Columns = append(set.Columns, f.Name)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return set, err
		}
		for i, v := range values {
			if id, ok := v.([16]byte); ok {
				values[i] = uuid.UUID(id) // as people write it
			}
		}
		set.Rows = append(set.Rows, values)
	}
	return set, rows.Err()
}
