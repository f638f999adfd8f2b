package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// port is part of the socket's file name; no TCP port is opened.
const port = "5432"

const socketName = ".s.PGSQL." + port

// maxSocketPath is what sockaddr_un holds on macOS, with its closing zero byte.
// Linux has 4 bytes more.
const maxSocketPath = 103

// socketDir is the folder of the server's socket. Whoever can enter it is a
// superuser of the cluster, so it is open to the server's account alone.
type socketDir struct {
	path      string
	temporary bool
}

const temporaryPrefix = "proofback-pg-"

// makeSocketDir makes run below dir, or a short folder elsewhere when that path
// cannot be a socket's. The caller knows that no server of ours is running: what is
// in the folder already is a dead one's.
func makeSocketDir(dir string, a account) (socketDir, error) {
	s := socketDir{path: filepath.Join(dir, "run")}
	if !fitsSocket(s.path) {
		parent := os.TempDir()
		if !fitsSocket(filepath.Join(parent, temporaryPrefix+"0123456789")) {
			parent = "/tmp"
		}
		path, err := os.MkdirTemp(parent, temporaryPrefix)
		if err != nil {
			return socketDir{}, fmt.Errorf("folder for the postgres socket: %w", err)
		}
		s = socketDir{path: path, temporary: true}
	} else if err := os.MkdirAll(s.path, 0o700); err != nil {
		return socketDir{}, fmt.Errorf("folder for the postgres socket: %w", err)
	}
	s.clear()
	if err := os.Chmod(s.path, 0o700); err != nil {
		return s, fmt.Errorf("folder for the postgres socket: %w", err)
	}
	if err := a.give(s.path); err != nil {
		return s, fmt.Errorf("folder for the postgres socket: %w", err)
	}
	return s, nil
}

// fitsSocket also refuses a comma, which separates hosts in connection strings.
func fitsSocket(dir string) bool {
	return len(filepath.Join(dir, socketName)) <= maxSocketPath && !strings.Contains(dir, ",")
}

// clear removes the files that a killed server leaves.
func (s socketDir) clear() {
	_ = os.Remove(filepath.Join(s.path, socketName))
	_ = os.Remove(filepath.Join(s.path, socketName+".lock"))
}

// remove takes a temporary folder away.
func (s socketDir) remove() {
	if s.temporary {
		s.clear()
		_ = os.Remove(s.path)
	}
}

// formerSocketDir is the folder that a postmaster.pid names.
func formerSocketDir(path string) socketDir {
	return socketDir{path: path, temporary: strings.HasPrefix(filepath.Base(path), temporaryPrefix)}
}

// setting is the folder as unix_socket_directories wants it: a list of quoted names.
func (s socketDir) setting() string {
	return `"` + strings.ReplaceAll(s.path, `"`, `""`) + `"`
}
