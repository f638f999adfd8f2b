// Package shared keeps one Postgres for all test programs of this user.
//
// go test runs packages as separate processes at the same time, and starting a
// cluster for each would take longer than their tests. Whoever comes first starts
// it; it stays when that process ends, so the next run finds it warm. withpg,
// which make test runs under, stops it again when nobody else is using it.
package shared

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db/embedded"
	"github.com/proofback/proofback/db/internal/ramdisk"
)

// URLVariable names the environment variable with the URL of a Postgres that tests
// may make databases in. The user it names must be a superuser.
const URLVariable = "PROOFBACK_TEST_DATABASE_URL"

// Prefix begins the name of every database that tests make.
const Prefix = "proofback_test_"

// settings trade durability for speed: what is lost in a crash are test databases.
// Connections are plenty, for several test programs that run in parallel each.
var settings = map[string]string{
	"fsync":              "off",
	"full_page_writes":   "off",
	"synchronous_commit": "off",
	"wal_level":          "minimal",
	"max_wal_senders":    "0",
	"max_wal_size":       "512MB",
	"checkpoint_timeout": "1h",
	"autovacuum":         "off",
	"max_connections":    "500",
}

// Postgres is the shared server as one process sees it.
type Postgres struct {
	// URL names a database that is there for connecting only.
	URL string

	dir     string
	users   *os.File          // locked shared by every process that uses the server
	cluster *embedded.Cluster // where this process started it
}

// Join returns the Postgres that the environment names, else the shared one, which
// it starts where it is not running.
func Join(ctx context.Context, log *slog.Logger) (*Postgres, error) {
	if given := os.Getenv(URLVariable); given != "" {
		return &Postgres{URL: given}, nil
	}
	dir, err := folder(ctx, log)
	if err != nil {
		return nil, err
	}
	return joinIn(ctx, dir, log)
}

func joinIn(ctx context.Context, dir string, log *slog.Logger) (*Postgres, error) {
	starting, err := lock(filepath.Join(dir, "starting"), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock(starting)
	p := &Postgres{dir: dir}
	if p.users, err = lock(filepath.Join(dir, "users"), syscall.LOCK_SH); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(p.urlFile())
	if err == nil && answers(ctx, string(text)) {
		p.URL = string(text)
		return p, nil
	}
	if err := p.start(ctx, log); err != nil {
		unlock(p.users)
		return nil, err
	}
	return p, nil
}

// folder is where this user's server lives: in memory where there is room, else in
// the cache folder. The version is in its name, so that an upgrade of Postgres
// starts afresh.
func folder(ctx context.Context, log *slog.Logger) (string, error) {
	install, err := embedded.Obtain(ctx, log, 0)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("proofback-test-pg-%d-%d", install.Major, os.Geteuid())
	if memory, ok := ramdisk.Dir(); ok {
		if dir := filepath.Join(memory, name); makeOwn(dir) == nil {
			return dir, nil
		}
	}
	cache, err := embedded.CacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	return dir, makeOwn(dir)
}

// makeOwn makes a folder, and refuses one that somebody else has put in its place.
func makeOwn(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || !fi.IsDir() || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a folder of ours", dir)
	}
	return nil
}

func (p *Postgres) clusterDir() string { return filepath.Join(p.dir, "pg") }

func (p *Postgres) urlFile() string { return filepath.Join(p.dir, "url") }

// answers tells whether a server listens at the URL. That it takes no query at the
// moment is no reason to start it anew under the feet of those who use it.
func answers(ctx context.Context, at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return false
	}
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port"))
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) // as many wait to be let in as may
	}
	_ = conn.Close()
	return true
}

func (p *Postgres) start(ctx context.Context, log *slog.Logger) error {
	c, err := embedded.Start(ctx, embedded.Config{Dir: p.clusterDir(), Log: log, Settings: settings})
	if err != nil {
		return err
	}
	p.cluster, p.URL = c, c.URL()
	err = p.dropAll(ctx)
	if err == nil {
		err = os.WriteFile(p.urlFile(), []byte(p.URL), 0o600)
	}
	if err != nil {
		return errors.Join(err, c.Stop(ctx))
	}
	return nil
}

// dropAll removes what test programs that were killed have left.
func (p *Postgres) dropAll(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `
		SELECT datname
		FROM pg_database
		WHERE starts_with(datname, $1)`, Prefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names { // DROP DATABASE takes one, outside a transaction
		if _, err := conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}

// Leave ends this process's use of the server. If this process started it and
// nobody else is using it, it is stopped and its data deleted.
func (p *Postgres) Leave(ctx context.Context) error {
	if p.users == nil {
		return nil
	}
	if p.cluster == nil {
		unlock(p.users)
		return nil
	}
	starting, err := lock(filepath.Join(p.dir, "starting"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock(starting)
	defer unlock(p.users)
	err = syscall.Flock(int(p.users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(p.cluster.Stop(ctx), os.RemoveAll(p.clusterDir()))
}

// lock opens path and waits for its lock, which ends with the file or the process.
func lock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// unlock gives a lock back at once, from processes that are being forked too.
func unlock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}
