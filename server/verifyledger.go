package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

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

type verifyProofCommand struct {
	File string `arg:"" placeholder:"FILE" help:"The document of a proof, or - for standard input."`
	Key  string `required:"" placeholder:"KEY" help:"Public key of the ledger, as /ledger/key has it."`
}

// Run checks the proof, and prints what it proves.
func (c *verifyProofCommand) Run(out io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	const most = 8 << 20
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return err
	}
	proof, err := proofback.ParseProof(text)
	if err != nil {
		return err
	}
	facts, checkpoint, err := proof.Verify(c.Key)
	if err != nil {
		return fmt.Errorf("the proof does not hold: %w", err)
	}
	var told strings.Builder
	for i, fact := range facts {
		fmt.Fprintf(&told, "entry %d of the ledger\n", proof.Entries[i].Index)
		for _, name := range slices.Sorted(maps.Keys(fact)) {
			fmt.Fprintf(&told, "  %s: %q\n", name, fact[name])
		}
	}
	fmt.Fprintf(&told, "The proof holds: these entries were in the ledger %q when it had %d.\n", checkpoint.Origin, checkpoint.Size)
	_, err = io.WriteString(out, told.String())
	return err
}
