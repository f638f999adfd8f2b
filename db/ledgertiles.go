package db

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

// tiles reads the tree's hashes in a transaction. What it has read it keeps: the
// tiles of the tree's right edge are asked for again and again.
type tiles struct {
	ctx  context.Context //nolint:containedctx // tlog.TileReader has none
	tx   pgx.Tx
	kept map[tlog.Tile][]byte
}

func newTiles(ctx context.Context, tx pgx.Tx) *tiles {
	return &tiles{ctx: ctx, tx: tx, kept: map[tlog.Tile][]byte{}}
}

// reader gives the hashes of a tree of which each is held against its root: a tile
// that was changed is an error.
func (t *tiles) reader(c *proofback.Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, t)
}

// Height implements tlog.TileReader.
func (t *tiles) Height() int { return proofback.LedgerTileHeight }

// SaveTiles implements tlog.TileReader.
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var levels []int16
	var places []int64
	for _, w := range wanted {
		if _, ok := t.kept[wholeTile(w)]; !ok {
			levels, places = append(levels, int16(w.L)), append(places, w.N)
		}
	}
	if len(levels) > 0 {
		rows, err := t.tx.Query(t.ctx, `
			SELECT level, n, hashes
			FROM ledger_tiles
			WHERE (level, n) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))`, levels, places)
		if err != nil {
			return nil, err
		}
		var level int16
		var n int64
		var hashes []byte
		_, err = pgx.ForEachRow(rows, []any{&level, &n, &hashes}, func() error {
			t.kept[wholeTile(tlog.Tile{L: int(level), N: n})] = slices.Clone(hashes)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	found := make([][]byte, len(wanted))
	for i, w := range wanted {
		hashes := t.kept[wholeTile(w)]
		if len(hashes) < w.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d of level %d has %d hashes: expected %d", w.N, w.L, len(hashes)/tlog.HashSize, w.W)
		}
		found[i] = hashes[:w.W*tlog.HashSize]
	}
	return found, nil
}

// wholeTile is the tile that w is the beginning of.
func wholeTile(w tlog.Tile) tlog.Tile {
	return tlog.Tile{H: proofback.LedgerTileHeight, L: w.L, N: w.N, W: 1 << proofback.LedgerTileHeight}
}

// growing is a tree with leaves that are not stored yet.
type growing struct {
	old    tlog.HashReader
	size   int64
	hashes map[int64]tlog.Hash // by tlog.StoredHashIndex
}

// grow begins to add leaves to a tree.
func (t *tiles) grow(c *proofback.Checkpoint) (*growing, error) {
	g := &growing{old: t.reader(c), size: c.Size, hashes: map[int64]tlog.Hash{}}
	if c.Size == 0 {
		return g, nil
	}
	// The tree's hash is made of the roots along its right edge: those are all
	// that new leaves are joined to.
	_, err := tlog.TreeHash(c.Size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes, err := g.old.ReadHashes(indexes)
		for i := range hashes {
			g.hashes[indexes[i]] = hashes[i]
		}
		return hashes, err
	}))
	return g, err
}

// ReadHashes implements tlog.HashReader.
func (g *growing) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	var missing []int64
	var at []int
	for i, index := range indexes {
		hash, ok := g.hashes[index]
		if !ok {
			missing, at = append(missing, index), append(at, i)
		}
		found[i] = hash
	}
	if len(missing) == 0 {
		return found, nil
	}
	old, err := g.old.ReadHashes(missing)
	for i := range old {
		found[at[i]] = old[i]
	}
	return found, err
}

// add adds a leaf.
func (g *growing) add(leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(g.size, leaf, g)
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, g.size)
	for i, hash := range hashes {
		g.hashes[first+int64(i)] = hash
	}
	g.size++
	return nil
}

// save writes the tiles that are new or longer since the tree had so many leaves.
func (g *growing) save(ctx context.Context, tx pgx.Tx, from int64) error {
	var levels []int16
	var places []int64
	var data [][]byte
	for _, tile := range tlog.NewTiles(proofback.LedgerTileHeight, from, g.size) {
		hashes, err := tlog.ReadTileData(tile, g)
		if err != nil {
			return err
		}
		levels, places, data = append(levels, int16(tile.L)), append(places, tile.N), append(data, hashes)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO ledger_tiles (level, n, hashes)
		SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
		ON CONFLICT (level, n) DO UPDATE SET hashes = EXCLUDED.hashes`, levels, places, data)
	return err
}

// LedgerTile gives a tile of the tree as it is published, and whether there is one.
// Everybody may have it.
func (s *Store) LedgerTile(ctx context.Context, tile tlog.Tile) (hashes []byte, ok bool, err error) {
	rows, err := s.pool.Query(ctx, `
		SELECT substring(hashes FOR $3::integer)
		FROM ledger_tiles
		WHERE level = $1
		  AND n = $2
		  AND length(hashes) >= $3::integer`, tile.L, tile.N, tile.W*tlog.HashSize)
	if err != nil {
		return nil, false, domainError(err)
	}
	hashes, err = pgx.CollectOneRow(rows, pgx.RowTo[[]byte])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return hashes, err == nil, domainError(err)
}
