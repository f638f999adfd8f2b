package bench

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/embedded"
	"github.com/proofback/proofback/server/bench/load"
)

// bed is what a benchmark stands on: a cluster with a network and its clicks.
type bed struct {
	state
	dir     string
	keep    bool
	cluster *embedded.Cluster
	store   *db.Store
}

// state is what the next run on the same folder must know.
type state struct {
	Codes   []string // of tracking links
	Clicks  load.Clicks
	Runs    int // so that no two runs send the same transaction ids
	Market  market
	Ledgers ledgers
	Grown   grown // at first
}

// maxConnections is enough for baselines with a connection for each client.
const maxConnections = "700"

// keyBytes is the length of all keys of a bed. They protect nothing, and are the
// same in all its processes.
const keyBytes = 32

func makeBed(ctx context.Context, dir string) (*bed, error) {
	b := &bed{dir: dir, keep: dir != ""}
	var err error
	if b.keep {
		err = os.MkdirAll(dir, 0o755)
	} else {
		b.dir, err = os.MkdirTemp("", "proofback-bench-")
	}
	if err == nil {
		err = b.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bed) open(ctx context.Context) error {
	text, err := os.ReadFile(b.statePath())
	if err == nil {
		err = json.Unmarshal(text, &b.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b.cluster, err = embedded.Start(ctx, embedded.Config{
		Dir:      b.dir,
		Log:      slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Settings: map[string]string{"max_connections": maxConnections},
	})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, b.cluster.URL()); err != nil {
		return err
	}
	sealer, err := db.NewSealer(make([]byte, keyBytes))
	if err != nil {
		return err
	}
	if b.store, err = db.Open(ctx, db.Config{URL: b.cluster.URL(), Sealer: sealer}); err != nil {
		return err
	}
	if b.Codes == nil {
		if err := b.makeNetwork(ctx); err != nil {
			return fmt.Errorf("make a network: %w", err)
		}
		b.Clicks = load.Clicks{Secret: make([]byte, keyBytes)}
	}
	b.Runs++
	return b.save()
}

func (b *bed) statePath() string { return filepath.Join(b.dir, "bench.json") }

func (b *bed) save() error {
	text, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	return os.WriteFile(b.statePath(), text, 0o600)
}

// environment is what the program is started with on this bed.
func (b *bed) environment() []string {
	key := base64.StdEncoding.EncodeToString(b.Clicks.Secret)
	return append(os.Environ(),
		"DATABASE_URL="+b.cluster.URL(),
		"PROOFBACK_ADDR=127.0.0.1:0",
		"PROOFBACK_PUBLIC_URL=https://go.network.example",
		"PROOFBACK_JWT_SECRET="+key,
		"PROOFBACK_CLICK_KEYS=1:"+key,
		"PROOFBACK_SECRETS_KEY="+key,
		"PROOFBACK_DEMO=false",
		"PROOFBACK_LOG_LEVEL=warn",
	)
}

// close ends the cluster, and removes it unless it is to be kept.
func (b *bed) close() error {
	if b.store != nil {
		b.store.Close()
	}
	var err error
	if b.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = b.cluster.Stop(ctx)
	}
	if !b.keep && b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	return err
}
