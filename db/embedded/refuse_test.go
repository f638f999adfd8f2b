package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused starts a cluster in dir, which must fail with one line that holds all of want.
func refused(t *testing.T, dir string, want ...string) {
	t.Helper()
	c, err := Start(t.Context(), Config{Dir: dir})
	if err == nil {
		stop(t, c)
		t.Fatal("started")
	}
	for _, w := range append(want, dir) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}

func TestASecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	first := start(t, dir)
	refused(t, dir, "in use by another process")
	if got := query(t, first.URL(), "SELECT 1::text"); got != "1" {
		t.Error("the first one suffered")
	}
}

func TestAFolderOfAnotherVersionIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	writeText(t, filepath.Join(dir, "data", "PG_VERSION"), "14\n")
	writeText(t, filepath.Join(dir, "data", "base", "1"), "precious")
	refused(t, dir, "made by Postgres 14", "choose another data folder")
	_, err := Start(t.Context(), Config{Dir: dir})
	var version *VersionError
	if !errors.As(err, &version) || version.Found != 14 || version.Wanted < minMajor {
		t.Errorf("got %#v", version)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "data", "base", "1")); string(text) != "precious" {
		t.Error("its files were touched")
	}
}

func TestAFolderWithOtherFilesIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	writeText(t, filepath.Join(dir, "data", "thesis.tex"), "precious")
	refused(t, dir, "no Postgres cluster")

	dir = filepath.Join(tempDir(t), "pg")
	writeText(t, filepath.Join(dir, "data", "PG_VERSION"), "9.6\n")
	refused(t, dir, `PG_VERSION of "9.6"`)
}

func TestAFileInTheFoldersPlaceIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(tempDir(t), "pg")
	writeText(t, file, "")
	refused(t, file, "not a directory")
}

// Root's home is closed to others on most machines. Everybody else runs the server as themselves.
func TestAFolderBehindAClosedOneIsRefusedForRoot(t *testing.T) {
	t.Parallel()
	home := filepath.Join(tempDir(t), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "src", "pg")
	if os.Geteuid() != 0 {
		start(t, dir)
		return
	}
	refused(t, dir, "may not enter "+home+" (mode 0700)", "choose another data folder")
}

func TestAServerThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	_, err := Start(t.Context(), Config{Dir: dir, Settings: map[string]string{"shared_buffers": "much"}})
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers": "much"`) {
		t.Fatalf("got %v", err)
	}
	start(t, dir) // and the folder is as good as before
}

func TestAStartThatIsCalledOffLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "pg")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	start(t, dir)
}
