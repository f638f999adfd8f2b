package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	server "github.com/proofback/proofback/server"
)

// The tests of this package start the program as its users do: as a process, over
// HTTP, on a database of its own.

var binaryDir string

func TestMain(m *testing.M) {
	if os.Getenv(steppedEnv) != "" {
		os.Exit(server.ServeByASteppedClock())
	}
	var err error
	if binaryDir, err = os.MkdirTemp("", "proofback-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(binaryDir)
	os.Exit(code)
}

// binary builds the program once, as make build does: without the race detector.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "proofback")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})
