package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// VersionError refuses a cluster that another major version of Postgres made:
// the server could not read it. The cluster is left as it is.
type VersionError struct {
	Dir    string // the cluster
	Found  int    // the major version that made it
	Wanted int    // the major version of the binaries on this machine
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("data folder %s was made by Postgres %d, but this machine has Postgres %d: install Postgres %[2]d, or choose another data folder",
		e.Dir, e.Found, e.Wanted)
}

// clusterMajor tells the major version that made the cluster in dir, 0 where there is none.
func clusterMajor(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, checkVacant(dir)
	}
	if err != nil {
		return 0, fmt.Errorf("data folder: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("data folder %s has a PG_VERSION of %q, which is no Postgres that can be used here: choose another data folder",
			dir, strings.TrimSpace(string(text)))
	}
	return major, nil
}

// checkVacant refuses a folder with somebody else's files in the cluster's place.
func checkVacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("data folder %s holds files that are no Postgres cluster: choose another data folder", dir)
	}
	return nil
}
