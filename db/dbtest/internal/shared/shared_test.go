package shared

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db/internal/ramdisk"
)

func TestWhoeverStartsItStopsItWhenNobodyElseUsesIt(t *testing.T) {
	t.Parallel()
	dir := folderForAll(t)
	first := join(t, dir)
	second := join(t, dir)
	if second.URL != first.URL || second.cluster != nil {
		t.Fatal("the second did not find the first one's server")
	}

	leave(t, first)
	conn, err := pgx.Connect(t.Context(), second.URL)
	if err != nil {
		t.Fatalf("stopped under the second one's feet: %v", err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}

	// The first one's process would have ended by now, and the kernel taken its lock back.
	third := &Postgres{dir: dir, users: second.users, cluster: first.cluster}
	leave(t, third)
	if answers(t.Context(), first.URL) {
		t.Error("still running after the last one left")
	}
}

func TestWhatKilledTestsLeftIsDroppedAtTheNextStart(t *testing.T) {
	t.Parallel()
	dir := folderForAll(t)
	p := join(t, dir)
	execute(t, p.URL, "CREATE DATABASE "+Prefix+"db_left")
	if err := p.cluster.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	p = join(t, dir)
	defer leave(t, p)
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var left int
	err = conn.QueryRow(t.Context(), `
		SELECT count(*)
		FROM pg_database
		WHERE starts_with(datname, $1)`, Prefix).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
}

func TestNoTestDataStaysBehind(t *testing.T) {
	t.Parallel()
	dir := folderForAll(t)
	leave(t, join(t, dir))
	if _, err := os.Stat(filepath.Join(dir, "pg")); err == nil {
		t.Error("the cluster is still there")
	}
}

// Anybody can make a folder of that name in a shared one.
func TestAFolderOfSomebodyElseIsNotUsed(t *testing.T) {
	t.Parallel()
	dir := folderForAll(t)
	if err := makeOwn(dir); err != nil {
		t.Error(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if makeOwn(link) == nil {
		t.Error("a link was taken for a folder")
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if makeOwn(dir) == nil {
			t.Error("another user's folder was taken for ours")
		}
	}
}

func folderForAll(t *testing.T) string {
	t.Helper()
	parent, _ := ramdisk.Dir()
	dir, err := os.MkdirTemp(parent, "shared-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func join(t *testing.T, dir string) *Postgres {
	t.Helper()
	p, err := joinIn(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func leave(t *testing.T, p *Postgres) {
	t.Helper()
	if err := p.Leave(context.Background()); err != nil {
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
