package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

type verifyLedgerCommand struct {
	Key        []string `placeholder:"KEY" sep:"none" help:"Public key of the ledger's checkpoints (default that of this program's settings)."`
	Checkpoint string   `placeholder:"FILE" help:"A checkpoint that the ledger must continue (default the last one that was signed from this data folder)."`
}

// Run compares, prints what is different, and fails if anything is.
func (c *verifyLedgerCommand) Run(s *Settings, out io.Writer) error {
	return s.withStore(func(ctx context.Context, store *db.Store) error {
		keys, seen, err := s.knownOfLedger(ctx, store, c.Key, c.Checkpoint)
		if err != nil {
			return err
		}
		differences := 0
		counts, err := store.VerifyLedger(ctx, proofback.System(), keys, seen, func(d db.LedgerDifference) error {
			differences++
			_, err := fmt.Fprintln(out, d)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%d entries under %d checkpoints were derived again, %d are not sealed yet: %d differences\n",
			counts.Entries, counts.Checkpoints, counts.Unsealed, differences); err != nil {
			return err
		}
		if differences > 0 {
			return fmt.Errorf("the ledger has %d differences; the first is where to begin to look", differences)
		}
		return nil
	})
}

// knownOfLedger gives the keys and the checkpoint that the ledger is held against: those
// that were given, else those of the settings and the data folder.
func (s *Settings) knownOfLedger(ctx context.Context, store *db.Store, keys []string, path string) ([]string, *proofback.Checkpoint, error) {
	network, err := store.Network(ctx, proofback.System())
	if err != nil {
		return nil, nil, err
	}
	if len(keys) == 0 {
		key, err := s.ownLedgerKey(network)
		if err != nil {
			return nil, nil, err
		}
		keys = append([]string{key.Public}, s.ledgerBelieved...)
	}
	if path == "" {
		path = s.checkpointPath(network)
	} else if _, err := os.Stat(path); err != nil {
		return nil, nil, wrong("--checkpoint", "cannot be read: %s", oneLine(err))
	}
	seen, err := readCheckpoint(path, keys[0], keys[1:])
	return keys, seen, err
}

// ownLedgerKey makes the key that serve would sign with.
func (s *Settings) ownLedgerKey(network string) (*proofback.LedgerKey, error) {
	if s.ledgerSeed == nil && s.JWTSecret == "" {
		// By now an embedded Postgres has a URL like any other.
		secret, err := s.readKeptSecret()
		if err != nil {
			return nil, cmp.Or(s.requireSecret(), err)
		}
		s.JWTSecret = secret
	}
	if err := s.deriveKeys(); err != nil {
		return nil, err
	}
	return s.ledgerKey(network)
}
