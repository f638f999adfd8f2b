package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db/internal/ramdisk"
)

// holderEnv makes the test binary a program that starts a cluster in the folder it
// names, prints the URL and waits to be killed.
const holderEnv = "PROOFBACK_EMBEDDED_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderEnv); dir != "" {
		c, err := Start(context.Background(), Config{Dir: dir})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.URL())
		select {}
	}
	os.Exit(m.Run())
}

func TestStartedAgainItHasWhatWasStored(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "made", "on the way", "pg")
	c := start(t, dir)
	execute(t, c.URL(), "CREATE TABLE kept (v text)")
	execute(t, c.URL(), "INSERT INTO kept VALUES ('ünïcode')")
	stop(t, c)

	c = start(t, dir)
	if got := query(t, c.URL(), "SELECT upper(v) FROM kept"); got != "ÜNÏCODE" {
		t.Errorf("got %q", got)
	}
}

func TestItIsAsDurableAsInProductionAndTalksToNobodyElse(t *testing.T) {
	t.Parallel()
	c := start(t, filepath.Join(tempDir(t), "pg"))
	got := map[string]string{}
	want := map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "unix_socket_permissions": "0700",
	}
	for name := range want {
		got[name] = query(t, c.URL(), "SELECT current_setting('"+name+"')")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"run", "data"} {
		fi, err := os.Stat(filepath.Join(c.config.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != 0o700 {
			t.Errorf("%s is open to others: %v", name, fi.Mode())
		}
	}
}

func TestSettingsWinOverThoseInTheFolder(t *testing.T) {
	t.Parallel()
	c, err := Start(t.Context(), Config{
		Dir:      filepath.Join(tempDir(t), "pg"),
		Settings: map[string]string{"max_connections": "33"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	if got := query(t, c.URL(), "SHOW max_connections"); got != "33" {
		t.Errorf("got %s", got)
	}
}

func TestAnInterruptFromTheTerminalDoesNotReachTheServer(t *testing.T) {
	t.Parallel()
	c := start(t, filepath.Join(tempDir(t), "pg"))
	group, err := syscall.Getpgid(c.server.pid())
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the server is in our process group")
	}
}

func TestStopWorksInAProgramThatHasBeenInterrupted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Start(ctx, Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	open, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close(t.Context())
	for range 2 {
		if err := c.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err == nil {
		t.Error("the server did not end in order")
	}
}

func TestAPathWithAnyCharactersWorks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`"quoted" + 100 % 'such'`, "a, comma", `back\slash&?#`} {
		c := start(t, filepath.Join(tempDir(t), name))
		if got := query(t, c.URL(), "SELECT 1::text"); got != "1" {
			t.Errorf("got %s", got)
		}
	}
}

func TestAPathTooLongForASocketWorks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), strings.Repeat("long", 30), "pg")
	c := start(t, dir)
	if got := query(t, c.URL(), "SELECT 1::text"); got != "1" {
		t.Errorf("got %s", got)
	}
	socket := c.socket.path
	stop(t, c)
	if _, err := os.Stat(socket); err == nil {
		t.Errorf("%s is still there", socket)
	}
}

// tempDir is t.TempDir, open to the account that the server runs as, and in memory where
// there is room.
func tempDir(t *testing.T) string {
	t.Helper()
	parent, _ := ramdisk.Dir()
	dir, err := os.MkdirTemp(parent, "pg-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, dir string) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, url, sql string) (got string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// holder starts another process on the cluster in dir.
func holder(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

// said is the URL that a holder tells once its server is up.
func said(t *testing.T, out *bufio.Scanner) string {
	t.Helper()
	if !out.Scan() {
		t.Fatal("the other process said nothing")
	}
	return out.Text()
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says "killed"
}

// eventually polls until ok, for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		if err := pause(t.Context(), 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), fs.FileMode(0o755)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
