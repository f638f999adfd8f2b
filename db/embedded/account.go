package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is whom the server runs as. Postgres refuses to run as root, so a
// process of root starts it as somebody else; anybody else's process starts it as itself.
type account struct {
	name     string
	uid, gid int
	change   bool // the server runs as another account than this process
}

// ownAccountName is the system account made where a machine has no postgres.
const ownAccountName = "proofback"

// chooseAccount picks the server's account: whoever owns the cluster already,
// else postgres, else an account of our own, else nobody. nobody comes last because it
// is shared with other services, which could then reach the database.
func chooseAccount(ctx context.Context, dataDir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	if uid, gid, ok := owner(dataDir); ok && uid != 0 {
		a := account{name: "uid " + strconv.Itoa(uid), uid: uid, gid: gid, change: true}
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			a.name = u.Username
		}
		return a, nil
	}
	for _, name := range []string{"postgres", ownAccountName} {
		if a, err := lookupAccount(name); err == nil {
			return a, nil
		}
	}
	add := exec.CommandContext(ctx, "useradd", "--system", "--user-group", "--no-create-home",
		"--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ownAccountName)
	if add.Run() == nil {
		if a, err := lookupAccount(ownAccountName); err == nil {
			return a, nil
		}
	}
	if a, err := lookupAccount("nobody"); err == nil {
		return a, nil
	}
	return account{}, errors.New("postgres cannot run as root and no other account could be found or made: add a system account named postgres")
}

func lookupAccount(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, err
	}
	if uid == 0 {
		return account{}, fmt.Errorf("account %s is root", name)
	}
	return account{name: name, uid: uid, gid: gid, change: true}, nil
}

func owner(path string) (uid, gid int, ok bool) {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0, 0, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// give hands one path to the account.
func (a account) give(path string) error {
	if !a.change {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// keptMemory has the C library keep some memory that a backend gives back. By itself it
// takes memory from the system for each batch of rows and returns it after that, page
// by page: 4 % of what storing postbacks costs Postgres. Other C libraries ignore it
// (https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html).
var keptMemory = []string{
	"MALLOC_TRIM_THRESHOLD_=4194304", // bytes free at the end of the heap before they are given back
	"MALLOC_TOP_PAD_=262144",         // bytes asked for beyond what is needed
	"MALLOC_MMAP_THRESHOLD_=1048576", // bytes from which on an allocation is a mapping of its own
}

// command prepares a program that runs as the account, in a process group of its
// own, with an environment that neither leaks our secrets nor carries in settings of
// the user's (PGDATA, PGOPTIONS, LANG).
func (a account) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}, keptMemory...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.change {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// admit makes dir one that the account can work in, and makes sure of it by running
// the server binary there: permissions can come from more places than mode bits.
func (a account) admit(ctx context.Context, dir string, in Install) error {
	if !a.change {
		return nil
	}
	if err := os.Chmod(dir, 0o711); err != nil { // to pass through, not to list
		return fmt.Errorf("data folder: %w", err)
	}
	if err := a.takeOver(filepath.Join(dir, "data")); err != nil {
		return err
	}
	probe := a.command(ctx, in.bin("postgres"), "--version")
	probe.Dir = dir
	err := probe.Run()
	if err == nil {
		return nil
	}
	for _, path := range []string{dir, in.BinDir} {
		if wall, mode := a.wall(path); wall != "" {
			return fmt.Errorf("postgres runs as user %s, who may not enter %s (mode %04o) on the way to %s: choose another data folder, or chmod o+x %s",
				a.name, wall, mode, path, wall)
		}
	}
	return fmt.Errorf("postgres cannot be run as user %s in %s: %w", a.name, dir, err)
}

// takeOver gives the account a cluster that root owns, as one restored from a
// backup may be.
func (a account) takeOver(dataDir string) error {
	if uid, _, ok := owner(dataDir); !ok || uid == a.uid {
		return nil
	}
	return filepath.WalkDir(dataDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return a.give(path)
	})
}

// wall names the first folder on the way to path that the account may not enter.
func (a account) wall(path string) (string, fs.FileMode) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		at = filepath.Join(at, part)
		fi, err := os.Stat(at)
		if err != nil {
			return "", 0
		}
		uid, gid, _ := owner(at)
		need := fs.FileMode(0o001)
		switch {
		case uid == a.uid:
			need = 0o100
		case gid == a.gid:
			need = 0o010
		}
		if fi.Mode()&need == 0 {
			return at, fi.Mode().Perm()
		}
	}
	return "", 0
}
