package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// Time that stopping may take, of 10 s in all: what is in flight gets the most of
// it, and Postgres needs some for itself (package embedded bounds that). Before it
// begins, a program that got SIGTERM serves on for a while (Settings.StopDelay).
const (
	drainTimeout = 5 * time.Second
	stopTimeout  = 10 * time.Second
)

// lifecycle remembers how to end what was started, and ends it the other way
// round: who feeds others ends before them.
type lifecycle struct {
	log   *slog.Logger
	steps []stopStep
}

type stopStep struct {
	name string
	stop func(context.Context) error
}

// onStop has stop called when the program ends. It is given up on when its
// context ends, so that one part that hangs does not keep the others from ending.
func (l *lifecycle) onStop(name string, stop func(context.Context) error) {
	l.steps = append(l.steps, stopStep{name, stop})
}

// stop ends everything that was started. ctx bounds all of it.
func (l *lifecycle) stop(ctx context.Context) error {
	var errs []error
	for _, step := range slices.Backward(l.steps) {
		began := time.Now()
		err := within(ctx, step.stop)
		if err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", step.name, err))
		}
		l.log.LogAttrs(ctx, slog.LevelDebug, "stopped", slog.String("part", step.name),
			slog.Int64("took_ms", time.Since(began).Milliseconds()), slog.Any("error", err))
	}
	l.steps = nil
	return errors.Join(errs...)
}

// within runs fn and returns when it does or ctx ends. What it runs may not heed
// its context.
func within(ctx context.Context, fn func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interrupted gives a context that ends with the first SIGINT or SIGTERM, of which
// signalOf tells which it was. The second one ends the program at once: Postgres
// is left to the next start, and loses nothing by it.
func interrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		cancel(&signalError{<-signals})
		<-signals
		os.Exit(1)
	}()
	return ctx, func() { cancel(nil) }
}

// signalError is that a signal has come.
type signalError struct{ os.Signal }

func (e *signalError) Error() string { return e.String() }

// signalOf is the signal that has ended a context; nil where it was something else.
func signalOf(ctx context.Context) os.Signal {
	if e, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
		return e.Signal
	}
	return nil
}
