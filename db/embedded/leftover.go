package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmasterPID is what a server writes about itself into postmaster.pid.
type postmasterPID struct {
	path   string
	pid    int
	socket socketDir
}

func readPostmasterPID(dataDir string) (postmasterPID, bool, error) {
	p := postmasterPID{path: filepath.Join(dataDir, "postmaster.pid")}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("data folder: %w", err)
	}
	// pid, data folder, start time, port, socket folder, listen address, shared memory, status
	lines := strings.Split(string(text), "\n")
	p.pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if p.pid <= 1 {
		return p, false, nil // Postgres has its own words for a file that it did not write
	}
	if len(lines) > 4 {
		p.socket = formerSocketDir(strings.Trim(lines[4], `"`))
	}
	return p, true, nil
}

// endLeftover shuts down the server that a killed process of ours left running on
// this cluster. Starting a fresh one costs half a second and leaves one way to
// be: our child, with our settings. The folder's lock is held, so nobody uses it.
func (c *Cluster) endLeftover(ctx context.Context) error {
	left, ok, err := readPostmasterPID(c.dataDir())
	if err != nil || !ok {
		return err
	}
	if err := c.endFormer(ctx, left); err != nil {
		return err
	}
	left.socket.remove()
	return nil
}

// endFormer makes sure that nothing keeps the next server from starting.
func (c *Cluster) endFormer(ctx context.Context, left postmasterPID) error {
	switch identify(ctx, left.pid, c.dataDir()) {
	case isGone:
		// Postgres sees that by itself and recovers.
	case isStranger:
		// The number has been given to another process since, as happens in every
		// container that starts again; Postgres would refuse to start beside it.
		if err := os.Remove(left.path); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
	case isOurs:
		c.config.Log.InfoContext(ctx, "shutting down the postgres that a killed process left behind", "pid", left.pid)
		return endProcess(ctx, left.pid, c.dataDir())
	}
	return nil
}

func endProcess(ctx context.Context, pid int, dataDir string) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{fastShutdown, 10 * time.Second}, {immediateShutdown, 5 * time.Second}} {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("postgres of an earlier start (pid %d) cannot be stopped: %w", pid, err)
		}
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline); {
			if identify(ctx, pid, dataDir) != isOurs {
				return nil
			}
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("postgres of an earlier start (pid %d) does not stop: end it, then start again", pid)
}

type identity int

const (
	isGone     identity = iota // no such process
	isStranger                 // some other program
	isOurs                     // the server of this cluster
)

// identify tells what the process pid is to the cluster in dataDir. A server's working
// directory is its cluster, wherever that has been moved since.
func identify(ctx context.Context, pid int, dataDir string) identity {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return isGone
	}
	if runtime.GOOS == "linux" {
		cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
		data, err2 := os.Stat(dataDir)
		if err != nil || err2 != nil || !os.SameFile(cwd, data) {
			return isStranger // a zombie too: it has no working directory
		}
		return isOurs
	}
	command, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || !bytes.Contains(command, []byte(dataDir)) {
		return isStranger
	}
	return isOurs
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
