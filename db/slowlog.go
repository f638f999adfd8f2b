package db

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// SlowLog is a tracer that logs the statements which took long: without a value
// in them, which bun writes into its statements and which may be secret.
//
// It sees what bun, River and we ask, since all of it goes over the same
// connections. Time that a statement waited for a connection is not its own; the
// pools' metrics tell of that. What is copied in by raw COPY is told by the
// writers' metrics.
type SlowLog struct {
	// Threshold is the least that is logged.
	Threshold time.Duration
	Log       *slog.Logger
	// RequestID gives the request that a statement is for, "" for none.
	RequestID func(context.Context) string
}

var (
	_ pgx.QueryTracer    = (*SlowLog)(nil)
	_ pgx.BatchTracer    = (*SlowLog)(nil)
	_ pgx.CopyFromTracer = (*SlowLog)(nil)
)

type slowKey struct{}

// asked is a statement, or several, on its way.
type asked struct {
	at    time.Time
	sql   string
	batch *pgx.Batch
}

// maxSlowText is how much of a statement is logged, in bytes.
const maxSlowText = 2000

// TraceQueryStart implements pgx.QueryTracer.
func (l *SlowLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, slowKey{}, asked{at: time.Now(), sql: d.SQL})
}

// TraceQueryEnd implements pgx.QueryTracer. A query ends when its last row is read.
func (l *SlowLog) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	l.end(ctx, d.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (l *SlowLog) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, slowKey{}, asked{at: time.Now(), batch: d.Batch})
}

// TraceBatchQuery implements pgx.BatchTracer.
func (l *SlowLog) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (l *SlowLog) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	l.end(ctx, d.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (l *SlowLog) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	return context.WithValue(ctx, slowKey{}, asked{at: time.Now(), sql: "COPY " + d.TableName.Sanitize()})
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (l *SlowLog) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	l.end(ctx, d.Err)
}

func (l *SlowLog) end(ctx context.Context, err error) {
	a, ok := ctx.Value(slowKey{}).(asked)
	if !ok {
		return
	}
	took := time.Since(a.at)
	if took < l.Threshold {
		return
	}
	attrs := []slog.Attr{
		slog.Float64("took_ms", float64(took.Microseconds())/1000),
		slog.String("statement", a.text()),
	}
	if l.RequestID != nil {
		if id := l.RequestID(ctx); id != "" {
			attrs = append(attrs, slog.String("request_id", id))
		}
	}
	if err != nil {
		attrs = append(attrs, slog.String("ended", endOf(err)))
	}
	l.Log.LogAttrs(ctx, slog.LevelWarn, "slow query", attrs...)
}

// text is what was asked, without values, on one line.
func (a *asked) text() string {
	if a.batch == nil {
		return proofback.CutText(withoutValues(a.sql), maxSlowText)
	}
	var out strings.Builder
	for _, q := range a.batch.QueuedQueries {
		if out.Len() > maxSlowText {
			break
		}
		if out.Len() > 0 {
			out.WriteString("; ")
		}
		out.WriteString(withoutValues(q.SQL))
	}
	return proofback.CutText(out.String(), maxSlowText)
}

// endOf says how a statement failed, without what Postgres says of its values.
func endOf(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "SQLSTATE " + pg.Code
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "out of time"
	case errors.Is(err, context.Canceled):
		return "not wanted any more"
	}
	if unavailable(err) {
		return "the connection was lost"
	}
	return "failed"
}
