package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// child is a process of this program that serves.
type child struct {
	cmd  *exec.Cmd
	addr string // where it serves
}

// served finds where a child serves in what it says.
var served = regexp.MustCompile(`http://([^/\s]+)`)

// start starts a child and returns when it has said where it serves. What it says
// further is not read, so it must not be much.
func start(ctx context.Context, environment []string, stdin any, args ...string) (*child, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startBuild(ctx, executable, environment, stdin, args...)
}

// startBuild is start of another executable.
func startBuild(ctx context.Context, executable string, environment []string, stdin any, args ...string) (*child, error) {
	input, err := json.Marshal(stdin)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, executable, args...)
	cmd.Env, cmd.Stdin, cmd.Stderr = environment, bytes.NewReader(input), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at := served.FindSubmatch(lines.Bytes()); at != nil {
			return &child{cmd: cmd, addr: string(at[1])}, nil
		}
	}
	return nil, fmt.Errorf("%v does not serve: %w", args, cmd.Wait())
}

// stop ends a child.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// kill ends a child at once, as kill -9 does.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it tells that it was killed
	return err
}

// LoadCommand is the load generator's process: a job comes in, its result goes out.
type LoadCommand struct{}

// Run carries out the job on standard input.
func (LoadCommand) Run(out io.Writer) error {
	var job load.Job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		return err
	}
	result, err := load.Run(context.Background(), job)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// drive has a job carried out, and tells how much CPU time that took.
func drive(ctx context.Context, job load.Job) (*load.Result, time.Duration, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	input, err := json.Marshal(job)
	if err != nil {
		return nil, 0, err
	}
	cmd := exec.CommandContext(ctx, executable, "bench-load")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, 0, fmt.Errorf("load generator: %w", err)
	}
	var result load.Result
	err = json.Unmarshal(output, &result)
	return &result, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}
