// Command withpg runs a command with a Postgres for its tests:
//
//	go run ./db/dbtest/withpg go test ./...
//
// The command finds its URL in PROOFBACK_TEST_DATABASE_URL. Where that is set
// already, the Postgres it names is used. A server that withpg has started is
// stopped when the command ends; its exit code is the command's.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/proofback/proofback/db/dbtest/internal/shared"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withpg command [argument ...]")
		os.Exit(2)
	}
	code, err := run(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(ctx context.Context, command []string) (int, error) {
	// An interrupt from the terminal reaches the command as well; we stay to clean up after it.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	pg, err := shared.Join(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), shared.URLVariable+"="+pg.URL)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, errors.Join(err, pg.Leave(ctx))
	}
	go func() {
		for s := range signals {
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s)
			}
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // the command has said why
	}
	code := cmd.ProcessState.ExitCode()
	if code < 0 {
		code = 1 // ended by a signal
	}
	return code, errors.Join(err, pg.Leave(ctx))
}
