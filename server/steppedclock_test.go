package main

import (
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// ServeByASteppedClock is the program with a clock on the wall that each SIGUSR1
// sets back by an hour. Tests run it as a process of its own: their binary does
// this and nothing else when they say so.
func ServeByASteppedClock() int {
	var back atomic.Int64
	steps := make(chan os.Signal, 1)
	signal.Notify(steps, syscall.SIGUSR1)
	go func() {
		for range steps {
			back.Add(int64(time.Hour))
		}
	}()
	serve := serveCommand{wall: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }}
	var s Settings
	parser, err := kong.New(&s)
	if err == nil {
		_, err = parser.Parse(nil)
	}
	if err == nil {
		err = serve.Run(&s, os.Stdout)
	}
	if err != nil {
		slog.Error("it ended", "error", err)
		return 1
	}
	return 0
}
