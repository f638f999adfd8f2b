package proofback_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/proofback/proofback"

// Imports run one way: proofback <- db <- { graph, jobs } <- server. The linter sees
// what a file imports; this sees what comes in through others.
func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		packages string
		banned   []string // with a closing slash: everything below as well
	}{
		{module, []string{
			module + "/", "net/http", "net/http/", "database/sql", "os/exec",
			"github.com/jackc/", "github.com/riverqueue/", "github.com/uptrace/", "github.com/99designs/",
		}},
		{module + "/db/...", []string{module + "/graph", module + "/graph/", module + "/jobs", module + "/jobs/", module + "/server", module + "/server/"}},
		{module + "/graph/...", []string{module + "/jobs", module + "/jobs/", module + "/server", module + "/server/"}},
		{module + "/jobs/...", []string{module + "/graph", module + "/graph/", module + "/server", module + "/server/"}},
	} {
		for _, path := range list(t, "-deps", "-f", "{{.ImportPath}}", c.packages) {
			for _, banned := range c.banned {
				if path == banned || strings.HasSuffix(banned, "/") && strings.HasPrefix(path, banned) {
					t.Errorf("%s depends on %s", c.packages, path)
				}
			}
		}
	}
}

// The root package is values and pure functions. Its dependencies may know of files and
// sockets (fmt does); it may not.
func TestTheRootPackageDoesNoIO(t *testing.T) {
	t.Parallel()
	for _, path := range list(t, "-f", `{{join .Imports "\n"}}`, module) {
		switch path {
		case "os", "net", "log", "log/slog", "syscall", "io/fs", "path/filepath", "embed", "unsafe":
			t.Errorf("the root package imports %s", path)
		}
	}
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}
