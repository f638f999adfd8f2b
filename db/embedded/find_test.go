package embedded

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestWrapperScriptsAreNotTakenForServers(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	for _, name := range []string{"postgres", "initdb"} {
		writeText(t, filepath.Join(dir, name), "#!/bin/sh\necho 'postgres (PostgreSQL) 17.1'\n")
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := appendInstall(t.Context(), nil, filepath.Join(dir, "postgres")); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestALinkLeadsToTheRealFolder(t *testing.T) {
	t.Parallel()
	found, err := Obtain(t.Context(), slog.New(slog.DiscardHandler), 0)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(tempDir(t), "postgres")
	if err := os.Symlink(found.bin("postgres"), link); err != nil {
		t.Fatal(err)
	}
	got := appendInstall(t.Context(), nil, link)
	if len(got) != 1 || got[0] != found {
		t.Errorf("got %v, want %v", got, found)
	}
}

func TestTheInstallThatFitsTheClusterIsChosen(t *testing.T) {
	t.Parallel()
	path, old, recent := Install{"/path", 16}, Install{"/15", 15}, Install{"/17", 17}
	all := []Install{path, recent, old}
	for _, c := range []struct {
		name  string
		from  []Install
		major int
		want  Install
		ok    bool
	}{
		{"a new cluster takes the one in PATH", all, 0, path, true},
		{"an old cluster takes its own", all, 15, old, true},
		{"without its own the error names what there is", all, 14, path, true},
		{"nothing there", nil, 15, Install{}, false},
	} {
		if got, ok := choose(c.from, c.major); got != c.want || ok != c.ok {
			t.Errorf("%s: got %v, %v", c.name, got, ok)
		}
	}
}
