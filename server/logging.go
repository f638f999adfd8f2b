package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// checkLogLevel refuses unknown levels.
func (s *Settings) checkLogLevel() error {
	if err := s.logLevel.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return wrong("PROOFBACK_LOG_LEVEL", "is %q: expected debug, info, warn or error", s.LogLevel)
	}
	return nil
}

// checkSlowQuery reads how long a statement takes that is logged.
func (s *Settings) checkSlowQuery() error {
	var err error
	if s.slowQuery, err = time.ParseDuration(cmp.Or(s.SlowQuery, "500ms")); err != nil || s.slowQuery < 0 {
		return wrong("PROOFBACK_SLOW_QUERY", "is %q: expected a duration such as 500ms or 2s, or 0 to log none", s.SlowQuery)
	}
	return nil
}

// slowLog is what logs slow statements, nil where none are wanted.
func (s *Settings) slowLog(log *slog.Logger) pgx.QueryTracer {
	if s.slowQuery == 0 {
		return nil
	}
	return &db.SlowLog{Threshold: s.slowQuery, Log: log, RequestID: func(ctx context.Context) string {
		return graph.ActorFrom(ctx).RequestID
	}}
}

// newLog logs as text to a terminal and as JSON to anything else.
func newLog(to *os.File, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if isTerminal(to) {
		return slog.New(slog.NewTextHandler(to, options))
	}
	return slog.New(slog.NewJSONHandler(to, options))
}

// atLeast passes on what is at least of a level. River tells of each of its
// steps at lower ones.
type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func isTerminal(f *os.File) bool {
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

// oneLine is an error's text on one line, for a person who started the program.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
