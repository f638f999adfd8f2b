package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The signals by which Postgres is told how to shut down.
const (
	fastShutdown      = syscall.SIGINT  // end sessions, write a checkpoint
	immediateShutdown = syscall.SIGQUIT // end at once, recover at the next start
)

const (
	startTimeout = 2 * time.Minute // recovery after a crash replays up to max_wal_size
	stopTimeout  = 4 * time.Second
)

// server is the running postmaster.
type server struct {
	cmd     *exec.Cmd
	logFile string
	exited  chan struct{}
	ending  atomic.Bool
}

// launch starts the server and waits until it answers.
func (c *Cluster) launch(ctx context.Context) (*server, error) {
	s, err := c.spawn()
	if err != nil {
		return nil, err
	}
	go s.watch(c.config.Log)
	if err := c.waitReady(ctx, s); err != nil {
		return nil, errors.Join(err, s.shutdown(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// launchFirst is launch where a former server may have been killed while a statement of
// its computed: that does not notice it before it is through, and Postgres starts beside
// nothing of the kind.
func (c *Cluster) launchFirst(ctx context.Context) (*server, error) {
	deadline := time.Now().Add(startTimeout)
	for wait := restartPauseMin; ; wait = min(2*wait, leftoverPauseMax) {
		s, err := c.launch(ctx)
		if err == nil || !strings.Contains(err.Error(), inMemory) || time.Now().After(deadline) {
			return s, err
		}
		c.config.Log.InfoContext(ctx, "waiting for what a killed postgres still does", "data_dir", c.config.Dir)
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// inMemory is what Postgres says of itself when something of a former server runs still.
const inMemory = "pre-existing shared memory block"

// leftoverPauseMax is how late it may be noticed that nothing does any more.
const leftoverPauseMax = 2 * time.Second

func (c *Cluster) spawn() (*server, error) {
	_ = os.Rename(c.logFile(), c.logFile()+".1") // the last run's, for whoever asks why it ended
	log, err := os.OpenFile(c.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	defer log.Close()

	settings := map[string]string{
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_directories": c.socket.setting(),
		"unix_socket_permissions": "0700",
	}
	maps.Copy(settings, c.config.Settings)
	args := []string{"-D", c.dataDir()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	// Not the caller's context: the server ends when Stop says so.
	cmd := c.account.command(context.Background(), c.install.bin("postgres"), args...)
	cmd.Dir = c.dataDir()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("postgres cannot be started: %w", err)
	}
	return &server{cmd: cmd, logFile: c.logFile(), exited: make(chan struct{})}, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// watch reaps the process and says so when nobody asked it to end.
func (s *server) watch(log *slog.Logger) {
	err := s.cmd.Wait()
	if !s.ending.Load() {
		log.Error("postgres has ended by itself", "error", err, "reason", s.lastWords())
	}
	close(s.exited)
}

// waitReady returns when the server answers in our database, which it makes the first time.
func (c *Cluster) waitReady(ctx context.Context, s *server) error {
	timeout := time.After(startTimeout)
	for {
		err := c.prepare(ctx)
		if err == nil {
			return nil
		}
		var said *pgconn.PgError
		if errors.As(err, &said) && said.Code != "57P03" || errors.Is(err, errNoExtension) { // cannot_connect_now
			return fmt.Errorf("postgres in %s: %w", c.config.Dir, err)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("postgres in %s does not start: %s", c.config.Dir, s.lastWords())
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return fmt.Errorf("postgres in %s does not answer after %s; its log is %s", c.config.Dir, startTimeout, s.logFile)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

var errNoExtension = errors.New("this Postgres lacks the extension btree_gist: install its contrib package (postgresql-contrib)")

// prepare makes sure that our database is there and can hold our schema.
func (c *Cluster) prepare(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url(databaseName))
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "3D000" { // invalid_catalog_name
		if err := c.createDatabase(ctx); err != nil {
			return err
		}
		conn, err = pgx.Connect(ctx, c.url(databaseName))
	}
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var has bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_available_extensions
			WHERE name = 'btree_gist')`).Scan(&has)
	if err == nil && !has {
		return errNoExtension
	}
	return err
}

func (c *Cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+databaseName)
	return err
}

// shutdown ends the server, politely first.
func (s *server) shutdown(ctx context.Context) error {
	s.ending.Store(true)
	for _, signal := range []syscall.Signal{fastShutdown, immediateShutdown} {
		_ = s.cmd.Process.Signal(signal) // fails only where it has ended
		if s.waitExit(ctx, stopTimeout) == nil {
			return nil
		}
	}
	return fmt.Errorf("postgres (pid %d) does not stop; its log is %s", s.pid(), s.logFile)
}

func (s *server) waitExit(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-s.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastWords is the last thing of weight that the server wrote into its log.
func (s *server) lastWords() string {
	text, err := os.ReadFile(s.logFile)
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for _, line := range slices.Backward(lines) {
		for _, level := range []string{"FATAL:", "PANIC:"} {
			if _, after, ok := bytes.Cut(line, []byte(level)); ok {
				return string(bytes.TrimSpace(after))
			}
		}
	}
	return "see " + s.logFile
}
