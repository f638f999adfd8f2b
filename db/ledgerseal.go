package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

// sealAtOnce bounds the entries of one transaction and one checkpoint.
const sealAtOnce = 10_000

// LedgerSealer is what sealing needs that the database must not have.
type LedgerSealer struct {
	Key *proofback.LedgerKey
	// Believed are the public keys that earlier checkpoints may be signed with,
	// beside that of Key.
	Believed []string
	// Seen is the last checkpoint that this process, or one before it on this
	// machine, knows of: a ledger that does not continue it is not signed. Nil
	// when it knows of none.
	Seen *proofback.Checkpoint
}

func (l *LedgerSealer) open(note string) (*proofback.Checkpoint, error) {
	return proofback.OpenCheckpoint(note, append([]string{l.Key.Public}, l.Believed...)...)
}

// Sealed is what Seal did.
type Sealed struct {
	Entries    int                   // that were sealed by this call
	More       bool                  // are there: call again
	Checkpoint *proofback.Checkpoint // the last one; nil when nothing was ever sealed
}

// Seal gives entries that have none a place in the ledger, in the order of the
// transactions that wrote them, adds them to the tree, and signs a checkpoint of it.
// An entry whose transaction ends late gets a later place; nothing that has one is
// moved. Before it signs, it makes sure that the tree continues the last checkpoint
// that was signed and the one that was seen. Processes take turns. System.
func (s *Store) Seal(ctx context.Context, actor proofback.Actor, l *LedgerSealer) (done Sealed, err error) {
	if err := actor.RequireStaff(); err != nil {
		return Sealed{}, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		r := &sealing{Store: s, LedgerSealer: l, tx: tx, done: &done}
		return r.run(ctx)
	})
	return done, domainError(err)
}

// sealing is one run of Seal.
type sealing struct {
	*Store
	*LedgerSealer
	tx   pgx.Tx
	done *Sealed
}

// unsealed is an entry without a place.
type unsealed struct {
	ID        uuid.UUID
	Xact      int64
	Canonical []byte
}

func (r *sealing) run(ctx context.Context) error {
	looked, oldest, err := r.takeTurn(ctx)
	if err != nil {
		return err
	}
	if r.done.Checkpoint, err = lastCheckpoint(ctx, r.tx, r.open); err != nil {
		return err
	}
	entries, err := r.find(ctx, looked)
	if err != nil {
		return err
	}
	if len(entries) == sealAtOnce {
		r.done.More = true
		oldest = min(oldest, entries[len(entries)-1].Xact)
	}
	if oldest != looked {
		if _, err := r.tx.Exec(ctx, `UPDATE ledger_sealing SET xact = $1`, oldest); err != nil {
			return err
		}
	}
	if len(entries) == 0 {
		return r.continues(newTiles(ctx, r.tx))
	}
	return r.add(ctx, entries)
}

// takeTurn waits for other sealers, and returns where the last one has looked from
// and the oldest transaction that is still running now: what commits after this
// moment is not older. Where a backup was restored into another cluster its
// transactions may begin anew, and everything is looked at again, once.
func (r *sealing) takeTurn(ctx context.Context) (looked, oldest int64, err error) {
	if err := r.tx.QueryRow(ctx, `SELECT xact FROM ledger_sealing FOR UPDATE`).Scan(&looked); err != nil {
		return 0, 0, err
	}
	// A statement of its own: the snapshot of the first may be from before the wait.
	err = r.tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`).Scan(&oldest)
	if oldest < looked {
		looked = 0
	}
	return looked, oldest, err
}

// find gives the entries without a place.
func (r *sealing) find(ctx context.Context, looked int64) ([]unsealed, error) {
	rows, err := r.tx.Query(ctx, `
		SELECT entry.id, entry.xact, entry.canonical
		FROM ledger AS entry
		WHERE entry.xact >= $1
		  AND NOT EXISTS (SELECT FROM ledger_leaves AS leaf WHERE leaf.entry = entry.id)
		ORDER BY entry.xact, entry.id
		LIMIT $2`, looked, sealAtOnce)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[unsealed])
}

// lastCheckpoint reads what was signed last; nil when nothing was.
func lastCheckpoint(ctx context.Context, tx pgx.Tx, open func(note string) (*proofback.Checkpoint, error)) (*proofback.Checkpoint, error) {
	var text string
	err := tx.QueryRow(ctx, `
		SELECT note
		FROM ledger_checkpoints
		ORDER BY size DESC
		LIMIT 1`).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // said in the comment
	}
	if err != nil {
		return nil, err
	}
	return open(text)
}

// add puts entries at the end of the tree and signs it.
func (r *sealing) add(ctx context.Context, entries []unsealed) error {
	old := r.done.Checkpoint
	if old == nil {
		old = &proofback.Checkpoint{}
	}
	t := newTiles(ctx, r.tx)
	tree, err := t.grow(old)
	if err != nil {
		return broken(err)
	}
	leaves := make([][]any, len(entries))
	for i, e := range entries {
		leaves[i] = []any{old.Size + int64(i), e.ID}
		if err := tree.add(tlog.RecordHash(e.Canonical)); err != nil {
			return broken(err)
		}
	}
	if err := r.continues(t); err != nil {
		return err
	}
	root, err := tlog.TreeHash(tree.size, tree)
	if err != nil {
		return broken(err)
	}
	if err := consistent(tree, root, old); err != nil {
		return err
	}
	if _, err := r.tx.CopyFrom(ctx, pgx.Identifier{"ledger_leaves"}, []string{"seq", "entry"}, pgx.CopyFromRows(leaves)); err != nil {
		return err
	}
	if err := tree.save(ctx, r.tx, old.Size); err != nil {
		return err
	}
	signed, err := r.Key.Sign(tree.size, root)
	if err != nil {
		return err
	}
	r.done.Entries, r.done.Checkpoint = len(entries), signed
	_, err = r.tx.Exec(ctx, `INSERT INTO ledger_checkpoints (size, note, signed_at) VALUES ($1, $2, $3)`, signed.Size, signed.Note, r.clock())
	return err
}

// consistent makes sure, by a proof as an outsider would (RFC 6962, section 2.1.2),
// that the tree continues the one that was signed.
func consistent(tree *growing, root tlog.Hash, old *proofback.Checkpoint) error {
	if old.Size == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.size, old.Size, tree)
	if err != nil {
		return broken(err)
	}
	if err := tlog.CheckTree(proof, tree.size, root, old.Size, old.Root); err != nil {
		return broken(err)
	}
	return nil
}

// continues makes sure that the last signed tree continues the one that was seen:
// a checkpoint outside of the database tells when its ledger was cut off or replaced.
func (r *sealing) continues(t *tiles) error {
	seen, last := r.Seen, r.done.Checkpoint
	if seen == nil || last != nil && *seen == *last {
		return nil
	}
	if last == nil || last.Size < seen.Size {
		return broken(fmt.Errorf("a checkpoint of %d entries was seen before, and the database knows of none that long", seen.Size))
	}
	root, err := tlog.TreeHash(seen.Size, t.reader(last))
	if err != nil {
		return broken(err)
	}
	if root != seen.Root {
		return broken(fmt.Errorf("the first %d entries are not those of the checkpoint that was seen before", seen.Size))
	}
	return nil
}

// broken says that the ledger is not what was signed.
func broken(err error) error {
	return &proofback.Error{
		Code:    proofback.CodeInternal,
		Message: "the ledger is not what was signed: nothing more is sealed until this is looked into (proofback verify ledger)",
		Err:     fmt.Errorf("ledger: %w", err),
	}
}

// LedgerCheckpoint gives the last signed checkpoint as it is published; "" when
// there is none yet. Everybody may have it.
func (s *Store) LedgerCheckpoint(ctx context.Context) (note string, err error) {
	err = s.pool.QueryRow(ctx, `
		SELECT note
		FROM ledger_checkpoints
		ORDER BY size DESC
		LIMIT 1`).Scan(&note)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return note, domainError(err)
}
