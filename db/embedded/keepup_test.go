package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// journal is what a cluster has logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) has(part string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.b.String(), part)
}

func startKept(t *testing.T) (*Cluster, *journal) {
	t.Helper()
	j := &journal{}
	c, err := Start(t.Context(), Config{
		Dir:    filepath.Join(tempDir(t), strings.Repeat("long", 30), "pg"), // so that the socket is elsewhere
		Log:    slog.New(slog.NewTextHandler(j, nil)),
		KeepUp: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c, j
}

// killServer ends the server that a cluster's folder names, as kill -9 does.
func killServer(t *testing.T, c *Cluster) {
	t.Helper()
	left, ok, err := readPostmasterPID(c.dataDir())
	if err != nil || !ok || identify(t.Context(), left.pid, c.dataDir()) != isOurs {
		t.Fatal(left, ok, err)
	}
	if err := syscall.Kill(left.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestAServerThatIsKilledIsStartedAgainAtTheSameURL(t *testing.T) {
	t.Parallel()
	c, j := startKept(t)
	execute(t, c.URL(), "CREATE TABLE kept AS SELECT 'committed'::text AS v")
	for range 2 {
		before := query(t, c.URL(), "SELECT pg_postmaster_start_time()::text")
		killServer(t, c)
		eventually(t, "another server answers", func() bool {
			conn, err := pgx.Connect(t.Context(), c.URL())
			if err != nil {
				return false
			}
			defer conn.Close(t.Context())
			var now string
			err = conn.QueryRow(t.Context(), "SELECT pg_postmaster_start_time()::text").Scan(&now)
			return err == nil && now != before
		})
	}
	if got := query(t, c.URL(), "SELECT v FROM kept"); got != "committed" {
		t.Errorf("got %q", got)
	}
	if !j.has("postgres has ended by itself") || !j.has("postgres is up again") {
		t.Error("nobody was told")
	}
	socket := c.socket.path
	stop(t, c)
	if _, err := os.Stat(filepath.Join(c.dataDir(), "postmaster.pid")); err == nil {
		t.Error("the server did not end in order")
	}
	if _, err := os.Stat(socket); err == nil {
		t.Errorf("%s is still there", socket)
	}
}

func TestAServerThatCannotStartIsTriedUntilItCanOrIsToEnd(t *testing.T) {
	t.Parallel()
	for name, mended := range map[string]bool{"it can": true, "it is to end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, j := startKept(t)
			conf := filepath.Join(c.dataDir(), "postgresql.conf")
			good, err := os.ReadFile(conf)
			if err != nil {
				t.Fatal(err)
			}
			writeText(t, conf, string(good)+"\nno_such_setting = 1\n")
			killServer(t, c)
			eventually(t, "it is told that it cannot start", func() bool { return j.has("cannot be started again yet") })
			if mended {
				writeText(t, conf, string(good))
				eventually(t, "it is up again", func() bool { return j.has("postgres is up again") })
				if got := query(t, c.URL(), "SELECT 1::text"); got != "1" {
					t.Errorf("got %s", got)
				}
			}
			began := time.Now()
			if err := c.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("ending took %s", took)
			}
		})
	}
}
