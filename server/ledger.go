package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs"
)

// ledgerSealing seals the ledger and remembers, outside of the database, what was
// signed last: a ledger that was cut off, put back or replaced is not signed on.
type ledgerSealing struct {
	mu     sync.Mutex
	store  *db.Store
	sealer db.LedgerSealer
	path   string // of the file with the last checkpoint
}

// checkpointPath is where a process remembers the last checkpoint of a network.
func (s *Settings) checkpointPath(network string) string {
	return filepath.Join(s.DataDir, "ledger", network)
}

// sealLedger has jobs seal the ledger.
func (p *program) sealLedger(c *jobs.Config) error {
	key, err := p.settings.ledgerKey(p.network)
	if err != nil {
		return err
	}
	l := &ledgerSealing{
		store:  p.store,
		sealer: db.LedgerSealer{Key: key, Believed: p.settings.ledgerBelieved},
		path:   p.settings.checkpointPath(p.network),
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return wrong("PROOFBACK_DATA_DIR", "is %q, where what was last signed of the ledger cannot be kept (%s): expected a folder that can be written to", p.settings.DataDir, oneLine(err))
	}
	if l.sealer.Seen, err = readCheckpoint(l.path, key.Public, p.settings.ledgerBelieved); err != nil {
		return err
	}
	c.Seal, c.Verify = l.seal, func(ctx context.Context) error { return l.verify(ctx, p.log) }
	return nil
}

// verify has the database held against itself and against what was signed last. What is
// different is written down; how much of it there is is logged.
func (l *ledgerSealing) verify(ctx context.Context, log *slog.Logger) error {
	l.mu.Lock()
	seen := l.sealer.Seen
	l.mu.Unlock()
	_, err := l.store.Verify(ctx, proofback.System(), db.VerifyConfig{
		LedgerKeys: append([]string{l.sealer.Key.Public}, l.sealer.Believed...),
		LedgerSeen: seen,
		Done: func(r proofback.SelfCheckResult) error {
			if r.Differences > 0 {
				log.ErrorContext(ctx, "a check of the database found differences", "check", r.Check, "differences", r.Differences, "advice", r.Check.Advice())
			}
			return nil
		},
	})
	return err
}

// readCheckpoint reads a remembered checkpoint; nil where there is none.
func readCheckpoint(path, public string, believed []string) (*proofback.Checkpoint, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // said in the comment
	}
	if err != nil {
		return nil, err
	}
	c, err := proofback.OpenCheckpoint(string(text), append([]string{public}, believed...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: put the ledger's key back, name its public key in PROOFBACK_LEDGER_KEY, or remove the file to begin to remember anew", path, err)
	}
	return c, nil
}

// seal seals all that is there to be sealed.
func (l *ledgerSealing) seal(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		done, err := l.store.Seal(ctx, proofback.System(), &l.sealer)
		if err != nil {
			return err
		}
		if c := done.Checkpoint; c != nil && (l.sealer.Seen == nil || c.Size > l.sealer.Seen.Size) {
			if err := writeSynced(l.path, c.Note); err != nil {
				return err
			}
			l.sealer.Seen = c
		}
		if !done.More {
			return nil
		}
	}
}
