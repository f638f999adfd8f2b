package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

// treeWalk makes the tree anew from its leaves, keeping only its right edge, and
// compares each hash that is stored on the way.
type treeWalk struct {
	size  int64
	edge  []tlog.Hash // roots of the whole subtrees, the largest first
	tiles [8][]byte   // the tile of each level that was read last
	at    [8]int64    // which that is, plus one
}

// stored is the hash that the tiles have for a place of a level, and whether they
// have one.
func (w *treeWalk) stored(ctx context.Context, tx *tx, level int, n int64) (hash tlog.Hash, ok bool, err error) {
	const whole = 1 << proofback.LedgerTileHeight
	if tile := n / whole; w.at[level] != tile+1 {
		var hashes []byte
		err := tx.NewRaw(`SELECT hashes FROM ledger_tiles WHERE level = ? AND n = ?`, level, tile).Scan(ctx, &hashes)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return hash, false, err
		}
		w.tiles[level], w.at[level] = hashes, tile+1
	}
	from := n % whole * tlog.HashSize
	if hashes := w.tiles[level]; from+tlog.HashSize <= int64(len(hashes)) {
		return tlog.Hash(hashes[from : from+tlog.HashSize]), true, nil
	}
	return hash, false, nil
}

// add adds a leaf, and says which hashes above it are not what is stored.
func (w *treeWalk) add(ctx context.Context, tx *tx, leaf tlog.Hash) (wrong []string, err error) {
	hash := leaf
	w.size++
	for height := 1; height <= bits.TrailingZeros64(uint64(w.size)); height++ {
		last := len(w.edge) - 1
		hash = tlog.NodeHash(w.edge[last], hash)
		w.edge = w.edge[:last]
		if height%proofback.LedgerTileHeight != 0 {
			continue
		}
		level, n := height/proofback.LedgerTileHeight, w.size>>height-1
		if stored, ok, err := w.stored(ctx, tx, level, n); err != nil {
			return nil, err
		} else if !ok || stored != hash {
			wrong = append(wrong, fmt.Sprintf("the hash %d of level %d of the tree is not that of the entries below it", n, level))
		}
	}
	w.edge = append(w.edge, hash)
	return wrong, nil
}

// root is the hash of the tree so far, which has a leaf at least.
func (w *treeWalk) root() tlog.Hash {
	root := w.edge[len(w.edge)-1]
	for i := len(w.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(w.edge[i], root)
	}
	return root
}

// knownCheckpoint is one that the tree must come to.
type knownCheckpoint struct {
	*proofback.Checkpoint
	from string // "" where it is one of ours
}

func (c *knownCheckpoint) String() string {
	if c.from != "" {
		return fmt.Sprintf("the checkpoint of %d entries (%s)", c.Size, c.from)
	}
	return fmt.Sprintf("the checkpoint of %d entries", c.Size)
}

// readCheckpoints reads what was signed, holds the signatures against the keys, and
// sorts in what is known from elsewhere.
func (v *ledgerVerifier) readCheckpoints(ctx context.Context) error {
	seen := v.checkpoints
	v.checkpoints = nil
	rows, err := v.tx.QueryContext(ctx, `SELECT size, note FROM ledger_checkpoints ORDER BY size`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var size int64
		var note string
		if err := rows.Scan(&size, &note); err != nil {
			return err
		}
		v.counts.Checkpoints++
		c, err := proofback.OpenCheckpoint(note, v.public...)
		if err == nil && c.Size != size {
			err = fmt.Errorf("it was signed for %d entries", c.Size)
		}
		if err != nil {
			if err := v.found(LedgerDifference{-1, fmt.Sprintf("the checkpoint of %d entries: %v", size, err)}); err != nil {
				return err
			}
			continue
		}
		for len(seen) > 0 && seen[0].Size <= size {
			v.checkpoints, seen = append(v.checkpoints, seen[0]), seen[1:]
		}
		c.Note = "" // of all of them at once, only sizes and roots are kept
		v.checkpoints = append(v.checkpoints, knownCheckpoint{Checkpoint: c})
		v.counts.Last = c
	}
	v.checkpoints = append(v.checkpoints, seen...)
	return rows.Err()
}

// reached compares the tree with the checkpoints of its size.
func (v *ledgerVerifier) reached() error {
	for len(v.checkpoints) > 0 && v.checkpoints[0].Size <= v.tree.size {
		c := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		if c.Size == v.tree.size && c.Root != v.tree.root() {
			if err := v.found(LedgerDifference{-1, fmt.Sprintf("%s has another root: an entry before it was changed, and the tree with it", &c)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreached tells of checkpoints that the ledger is too short for, and of places
// after the last one.
func (v *ledgerVerifier) unreached(end int64) error {
	for i := range v.checkpoints {
		if c := &v.checkpoints[i]; c.Size > end {
			if err := v.found(LedgerDifference{-1, fmt.Sprintf("%s is longer than the ledger, which has %d", c, end)}); err != nil {
				return err
			}
		}
	}
	if last := v.counts.Last; end > 0 && (last == nil || last.Size < end) {
		var signed int64
		if last != nil {
			signed = last.Size
		}
		return v.found(LedgerDifference{-1, fmt.Sprintf("%d entries are sealed, but only %d are under a signed checkpoint", end, signed)})
	}
	return nil
}
