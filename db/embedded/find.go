package embedded

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// minMajor is the oldest Postgres that our migrations are tested on.
const minMajor = 15

// Install is a set of Postgres server binaries.
type Install struct {
	// BinDir holds postgres and initdb.
	BinDir string
	// Major is the major version, such as 15.
	Major int
}

func (i Install) bin(name string) string { return filepath.Join(i.BinDir, name) }

// binGlobs are where distributions keep server binaries, which they leave out of
// PATH because several versions can live side by side.
var binGlobs = []string{
	"/usr/lib/postgresql/*/bin",                               // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                        // the PGDG packages for Red Hat
	"/usr/libexec/postgresql*",                                // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",                      // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",                         // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",         // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/[0-9]*/bin", // Postgres.app
}

// find returns the Postgres installs on this machine that are new enough:
// the one in PATH first, then the others by falling version.
func find(ctx context.Context) []Install {
	var found []Install
	if path, err := exec.LookPath("postgres"); err == nil {
		found = appendInstall(ctx, found, path)
	}
	var rest []Install
	globs := binGlobs
	if cache, err := CacheDir(); err == nil {
		globs = append(slices.Clone(globs), filepath.Join(cache, "postgres-*", "bin"))
	}
	for _, glob := range globs {
		dirs, _ := filepath.Glob(glob) // the patterns are constant and well-formed
		for _, dir := range dirs {
			rest = appendInstall(ctx, rest, filepath.Join(dir, "postgres"))
		}
	}
	slices.SortStableFunc(rest, func(a, b Install) int { return cmp.Compare(b.Major, a.Major) })
	for _, in := range rest {
		if !slices.Contains(found, in) {
			found = append(found, in)
		}
	}
	return found
}

// appendInstall adds the install that the server binary at path belongs to.
// Links are followed to the real folder; wrapper scripts are passed over, because
// what they start, and as whom, is theirs to decide.
func appendInstall(ctx context.Context, to []Install, path string) []Install {
	path, err := filepath.EvalSymlinks(path)
	if err != nil || isScript(path) {
		return to
	}
	in := Install{BinDir: filepath.Dir(path)}
	if _, err := os.Stat(in.bin("initdb")); err != nil {
		return to
	}
	if in.Major, err = binaryMajor(ctx, path); err != nil || in.Major < minMajor {
		return to
	}
	return append(to, in)
}

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	magic := make([]byte, 2)
	n, _ := f.Read(magic)
	return n < 2 || bytes.Equal(magic, []byte("#!"))
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// binaryMajor asks a server binary for its version: "postgres (PostgreSQL) 15.6".
func binaryMajor(ctx context.Context, path string) (int, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("%s --version: %w", path, err)
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s --version says %q", path, bytes.TrimSpace(out))
	}
	return strconv.Atoi(string(m[1]))
}

// choose picks the install for a cluster of the given major version, or for a
// new cluster when major is 0.
func choose(installs []Install, major int) (Install, bool) {
	for _, in := range installs {
		if major == 0 || in.Major == major {
			return in, true
		}
	}
	if len(installs) == 0 {
		return Install{}, false
	}
	return installs[0], true
}
