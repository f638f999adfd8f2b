package main_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/proofback/proofback/db/embedded"
)

// cluster is a Postgres of a test's own, to be ended as it likes: no other test
// suffers from it.
type cluster struct {
	t   *testing.T
	dir string
	up  *embedded.Cluster
}

// startCluster starts a Postgres that has the demo network already.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: filepath.Join(demoDataDir(t), "postgres")}
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) URL() string { return c.up.URL() }

func (c *cluster) start() {
	c.t.Helper()
	// What a killed server leaves in memory takes a moment to go.
	eventually(c.t, "Postgres starts", func() bool {
		up, err := startPostgres(c.dir)
		if err != nil {
			c.t.Log(err)
			return false
		}
		c.up = up
		return true
	})
}

func (c *cluster) stop() {
	if err := c.up.Stop(context.Background()); err != nil {
		c.t.Error(err)
	}
}

func startPostgres(dir string) (*embedded.Cluster, error) {
	return embedded.Start(context.Background(), embedded.Config{Dir: dir, Settings: map[string]string{"shared_buffers": "64MB"}})
}

// killPostgres ends the server that works in a cluster's folder, as kill -9 does.
func killPostgres(t *testing.T, dir string) {
	t.Helper()
	data := filepath.Join(dir, "data")
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" { // it might have ended, and the number be another's
		ours, err := os.Stat(data)
		if err != nil {
			t.Fatal(err)
		}
		its, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
		if err != nil || !os.SameFile(ours, its) {
			t.Fatalf("process %d is not this test's Postgres (%v)", pid, err)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// socketURL leads to the embedded Postgres of a program's data folder.
func socketURL(dir string) string {
	query := url.Values{"host": {filepath.Join(dir, "postgres", "run")}, "port": {"5432"}, "sslmode": {"disable"}}
	return "postgres://proofback@/proofback?" + query.Encode()
}

// demoDataDir is a data folder with a cluster in it that has the demo network, at
// the price of copying one that is made once.
func demoDataDir(t *testing.T) string {
	t.Helper()
	template.once.Do(func() { template.make(t) })
	if !template.made {
		t.Fatal("there is no cluster to copy")
	}
	dir := dataDir(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(template.dir(), "data"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o700); err != nil { // Postgres wants it so
		t.Fatal(err)
	}
	return dir
}

// template is the cluster that is copied. It goes with the binary.
var template demoTemplate

type demoTemplate struct {
	once sync.Once
	made bool
}

func (*demoTemplate) dir() string { return filepath.Join(binaryDir, "template") }

func (m *demoTemplate) make(t *testing.T) {
	t.Helper()
	if err := os.Chmod(binaryDir, 0o755); err != nil { // Postgres may run as somebody else
		t.Fatal(err)
	}
	up, err := startPostgres(m.dir())
	if err != nil {
		t.Fatal(err)
	}
	start(t, onDatabase(up.URL(), "PROOFBACK_DEMO=true")...).stop()
	if err := up.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.made = true
}
