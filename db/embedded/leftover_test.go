package embedded

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestAfterAKillTheNextStartTakesOver(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	cmd, out := holder(t, dir)
	url := said(t, out)
	execute(t, url, "CREATE TABLE kept AS SELECT 'committed'::text AS v")
	left := query(t, url, "SELECT pg_postmaster_start_time()::text")
	kill(t, cmd)
	if query(t, url, "SELECT pg_postmaster_start_time()::text") != left {
		t.Fatal("the server should have outlived its parent")
	}

	c := start(t, dir)
	if got := query(t, c.URL(), "SELECT v FROM kept"); got != "committed" {
		t.Errorf("got %q", got)
	}
	if query(t, c.URL(), "SELECT pg_postmaster_start_time()::text") == left {
		t.Error("still the old server")
	}
}

func TestAKillWhileTheClusterIsMadeDoesNotSpoilTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	cmd, _ := holder(t, dir)
	eventually(t, "initdb at work", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, newPrefix+"*", "PG_VERSION"))
		return len(found) > 0
	})
	kill(t, cmd)

	c := start(t, dir)
	if got := query(t, c.URL(), "SELECT current_database()::text"); got != databaseName {
		t.Errorf("got %q", got)
	}
}

// After a container's restart, the number in postmaster.pid is often that of another process.
func TestAForeignProcessUnderTheOldNumberIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	c := start(t, dir)
	stop(t, c)

	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Wait() }()
	defer func() { _ = stranger.Process.Kill() }()
	writeText(t, filepath.Join(dir, "data", "postmaster.pid"), strconv.Itoa(stranger.Process.Pid)+"\n"+dir+"/data\n1\n5432\n"+dir+"/run\n\n1 1\n")
	if c.account.change {
		if err := c.account.give(filepath.Join(dir, "data", "postmaster.pid")); err != nil {
			t.Fatal(err)
		}
	}

	start(t, dir)
	if identify(t.Context(), stranger.Process.Pid, c.dataDir()) != isStranger {
		t.Error("the other process is gone")
	}
}

// A power cut takes the server and its parent together.
func TestACrashOfTheServerIsRecoveredFrom(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	cmd, out := holder(t, dir)
	url := said(t, out)
	execute(t, url, "CREATE TABLE kept AS SELECT 'committed'::text AS v")
	left, ok, err := readPostmasterPID(filepath.Join(dir, "data"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	kill(t, cmd)
	server, err := os.FindProcess(left.pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}

	c := start(t, dir)
	if got := query(t, c.URL(), "SELECT v FROM kept"); got != "committed" {
		t.Errorf("got %q", got)
	}
}

// A statement that computes does not notice that its server is gone, and no other server
// may touch the cluster until it does.
func TestAStartWaitsForWhatAKilledServerStillDoes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	cmd, out := holder(t, dir)
	url := said(t, out)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = conn.Exec(context.Background(), `DO $$ DECLARE until timestamptz := clock_timestamp() + '3 s'; BEGIN WHILE clock_timestamp() < until LOOP END LOOP; END $$`)
		_ = conn.Close(context.Background())
	}()
	eventually(t, "it computes", func() bool {
		return query(t, url, "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%'") == "1"
	})
	left, ok, err := readPostmasterPID(filepath.Join(dir, "data"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	kill(t, cmd)
	if err := syscall.Kill(left.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	c := start(t, dir)
	<-ended
	if got := query(t, c.URL(), "SELECT current_database()::text"); got != databaseName {
		t.Errorf("got %q", got)
	}
}
