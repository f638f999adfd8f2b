package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

const (
	superuser    = "proofback"
	databaseName = "proofback"
)

// baseline goes into a new cluster's postgresql.conf, where its owner may change
// it. Durability (fsync, synchronous_commit, full_page_writes) stays as Postgres ships
// it: on. Errors and their statements are our log's business, where they are
// masked; here they would also fill the disk, since losing a unique-constraint race is normal.
const baseline = `
# Set by Proofback when it made this cluster; yours to change.
max_connections = 200
shared_buffers = %dMB
max_wal_size = 4GB
checkpoint_timeout = 15min
min_wal_size = 512MB
random_page_cost = 1.1
jit = off
log_min_messages = log
log_min_error_statement = panic
log_checkpoints = off
`

// sharedBuffers is a quarter of the machine's memory in megabytes, what Postgres's own
// documentation begins with (https://www.postgresql.org/docs/current/runtime-config-resource.html):
// the index of the clicks that postbacks may still come for should fit.
func sharedBuffers() int {
	const least, most = 256, 16384
	text, err := os.ReadFile("/proc/meminfo") // where there is none, the least will do
	if err != nil {
		return least
	}
	var kilobytes int
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kilobytes); err != nil {
		return least
	}
	return min(max(kilobytes/1024/4, least), most)
}

const newPrefix = "data.new-"

// initialise makes the cluster beside its place and moves it there when it is
// whole and synced: whatever interrupts it, the next start begins again.
func (c *Cluster) initialise(ctx context.Context) error {
	c.config.Log.InfoContext(ctx, "making a new postgres cluster",
		"data_dir", c.config.Dir, "version", c.install.Major)
	c.removeUnfinished()
	dir, err := os.MkdirTemp(c.config.Dir, newPrefix)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := c.account.give(dir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := c.initdb(ctx, dir); err != nil {
		return err
	}
	if err := appendSynced(filepath.Join(dir, "postgresql.conf"), fmt.Sprintf(baseline, sharedBuffers())); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(dir, c.dataDir()); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return syncDir(c.config.Dir)
}

// removeUnfinished clears away what interrupted initialisations left. An initdb whose
// parent was killed may still be writing there; what it leaves goes the next time.
func (c *Cluster) removeUnfinished() {
	left, _ := filepath.Glob(filepath.Join(c.config.Dir, newPrefix+"*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
}

func (c *Cluster) initdb(ctx context.Context, dir string) error {
	out, err := c.runInitdb(ctx, dir, localeArgs(c.install.Major)...)
	if err != nil && bytes.Contains(out, []byte("invalid locale name")) {
		out, err = c.runInitdb(ctx, dir, "--locale=C")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", c.config.Dir, err, lastLine(out))
	}
	return nil
}

func (c *Cluster) runInitdb(ctx context.Context, dir string, locale ...string) ([]byte, error) {
	args := append([]string{
		"--pgdata=" + dir,
		"--username=" + superuser,
		"--encoding=UTF8",
		"--data-checksums",
		"--auth-local=trust", // the socket's folder is the lock on the door
		"--auth-host=reject",
		"--no-instructions",
	}, locale...)
	cmd := c.account.command(ctx, c.install.bin("initdb"), args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// localeArgs asks for byte order, which no library upgrade can change under our
// indexes, with the character classes of Unicode. Postgres brings that itself from
// version 17 on; before, it is the C library's, where it has one.
func localeArgs(major int) []string {
	if major >= 17 {
		return []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	}
	return []string{"--locale=C", "--lc-ctype=C.UTF-8"}
}

func appendSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}
