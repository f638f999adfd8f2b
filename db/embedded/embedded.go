// Package embedded runs a private Postgres cluster in a folder.
//
// It is the same Postgres as in production, with the same durability: the
// binaries are the system's own where there are any (find.go), else they are
// installed by the package manager or fetched (obtain.go). The folder holds
//
//	lock           held while a process of ours uses the folder
//	data/          the cluster itself
//	run/           the socket, readable by the server's account alone
//	postgres.log   what the server has to say
//
// The server listens on a Unix socket in a folder that only its own account (and
// root) can enter, and on nothing else, so no password is needed and none can leak.
// It runs in a process group of its own, so that a Ctrl-C in the terminal reaches
// our process first and the server is there until the last click has been stored.
//
// Nothing here ever deletes a cluster. A folder that cannot be used is refused
// with one line that says why.
package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config says where a cluster lives and how it is started.
type Config struct {
	// Dir is the folder that holds the cluster. It is made when it is not there.
	// Under root, data and run in it are given to the account that the server
	// runs as; nothing else changes hands.
	Dir string

	// Log gets one line per step that takes time. The default discards them.
	Log *slog.Logger

	// KeepUp has the server started again, after a pause, when it ends without
	// having been told to. The default leaves it at that.
	KeepUp bool

	// Settings are server settings for this start, such as
	// {"fsync": "off"}; they win over postgresql.conf.
	Settings map[string]string
}

// Cluster is a running server. Its methods may be called from any goroutine.
type Cluster struct {
	config  Config
	install Install
	account account
	socket  socketDir
	lock    *os.File
	server  *server // the one that runs, or ran last; keepUp's until kept is closed

	leaveIt context.CancelFunc // ends keepUp
	kept    chan struct{}      // closed when nobody starts the server again

	stop    sync.Once
	stopErr error
}

// Start brings the cluster in c.Dir up, making it first when the folder is new,
// and returns when it answers queries. A server that a killed process left behind
// in the same folder is shut down first. Errors are one line, meant for the
// person who started the program.
func Start(ctx context.Context, c Config) (*Cluster, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", c.Dir, err)
	}
	c.Dir = dir

	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	cl := &Cluster{config: c, lock: lock}
	if err := cl.start(ctx); err != nil {
		cl.release()
		return nil, err
	}
	return cl, nil
}

func (c *Cluster) start(ctx context.Context) error {
	began := time.Now()
	major, err := clusterMajor(c.dataDir())
	if err != nil {
		return err
	}
	if c.install, err = Obtain(ctx, c.config.Log, major); err != nil {
		return err
	}
	if major != 0 && major != c.install.Major {
		return &VersionError{Dir: c.dataDir(), Found: major, Wanted: c.install.Major}
	}
	if c.account, err = chooseAccount(ctx, c.dataDir()); err != nil {
		return err
	}
	if err := c.account.admit(ctx, c.config.Dir, c.install); err != nil {
		return err
	}
	if err := c.endLeftover(ctx); err != nil {
		return err
	}
	if major == 0 {
		if err := c.initialise(ctx); err != nil {
			return err
		}
	}
	if c.socket, err = makeSocketDir(c.config.Dir, c.account); err != nil {
		return err
	}
	if c.server, err = c.launchFirst(ctx); err != nil {
		return err
	}
	c.config.Log.InfoContext(ctx, "postgres is up",
		"version", c.install.Major, "data_dir", c.config.Dir, "pid", c.server.pid(),
		"took_ms", time.Since(began).Milliseconds())
	running, leaveIt := context.WithCancel(context.WithoutCancel(ctx))
	c.leaveIt, c.kept = leaveIt, make(chan struct{})
	go func() {
		defer close(c.kept)
		if c.config.KeepUp {
			c.keepUp(running)
		}
	}()
	return nil
}

// Program is where a program that comes with Postgres is, if it came with this one.
func (c *Cluster) Program(name string) string { return c.install.bin(name) }

// URL is a connection string for pgx and libpq alike. It names the database
// "proofback" and a superuser; it holds as long as the cluster is up.
func (c *Cluster) URL() string { return c.url(databaseName) }

func (c *Cluster) url(database string) string { return socketURL(c.socket, database) }

func socketURL(s socketDir, database string) string {
	query := url.Values{
		"host":    {s.path},
		"port":    {port},
		"sslmode": {"disable"},
	}.Encode()
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/" + database,
		RawQuery: strings.ReplaceAll(query, "+", "%20"), // to libpq and pgx, a plus is a plus
	}
	return u.String()
}

// Stop shuts the server down and gives the folder free. Open connections are
// ended, committed work is on disk. It takes a few seconds at most, whether or not
// ctx has been cancelled: after that the server is ended at once, which loses
// nothing either but makes the next start recover. Further calls return
// what the first returned.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		c.leaveIt()
		<-c.kept
		c.stopErr = c.server.shutdown(context.WithoutCancel(ctx))
		c.release()
		c.config.Log.InfoContext(ctx, "postgres has stopped", "data_dir", c.config.Dir)
	})
	return c.stopErr
}

func (c *Cluster) release() {
	c.socket.remove()
	// Closing alone would leave it locked for as long as a child that is just being
	// forked holds the descriptor too.
	_ = syscall.Flock(int(c.lock.Fd()), syscall.LOCK_UN)
	_ = c.lock.Close()
}

func (c *Cluster) dataDir() string { return filepath.Join(c.config.Dir, "data") }
func (c *Cluster) logFile() string { return filepath.Join(c.config.Dir, "postgres.log") }
