package db_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// notary seals the ledger of a desk.
type notary struct {
	*desk
	sealer *db.LedgerSealer
}

func newNotary(t testing.TB) *notary {
	t.Helper()
	key, err := proofback.NewLedgerKey(proofback.LedgerOrigin("test"), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &notary{newDesk(t), &db.LedgerSealer{Key: key}}
}

func (n *notary) seal(t testing.TB) db.Sealed {
	t.Helper()
	done, err := n.store.Seal(t.Context(), proofback.System(), n.sealer)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// verify gives what is different.
func (n *notary) verify(t testing.TB, seen *proofback.Checkpoint) (found []string, counts db.LedgerCounts) {
	t.Helper()
	counts, err := n.store.VerifyLedger(t.Context(), proofback.System(), []string{n.sealer.Key.Public}, seen, func(d db.LedgerDifference) error {
		found = append(found, d.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, counts
}

// sell makes conversions and approves them.
func (n *notary) sell(t testing.TB, count int) {
	t.Helper()
	var queries []string
	for range count {
		click, txid := n.click(t), newID(t).String()
		queries = append(queries, sale(click, txid, "100"), sale(click, txid, "100")+"&status=approved")
	}
	for _, p := range n.decide(t, queries...) {
		if p.Reason != proofback.ReasonAccepted && p.Reason != proofback.ReasonStatusUpdated {
			t.Fatalf("%s: %s", p.Reason, p.Message)
		}
	}
}

// places are the entries in the order of the log.
func (n *notary) places(t testing.TB) (entries []uuid.UUID, canonical [][]byte) {
	t.Helper()
	rows, err := n.store.Pool().Query(t.Context(), `
		SELECT leaf.entry, entry.canonical
		FROM ledger_leaves AS leaf
		JOIN ledger AS entry ON entry.id = leaf.entry
		ORDER BY leaf.seq`)
	if err != nil {
		t.Fatal(err)
	}
	var id uuid.UUID
	var b []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &b}, func() error {
		entries, canonical = append(entries, id), append(canonical, slices.Clone(b))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return entries, canonical
}

// The tree is that of RFC 6962 over what is stored, however many seals it was made
// in, and over the border of a tile.
func TestSealedEntriesMakeTheTreeOfTheRFC(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	for _, sales := range []int{1, 2, 141, 1} { // 2 entries each, and 2 of terms
		n.sell(t, sales)
		done := n.seal(t)
		entries, canonical := n.places(t)
		if int64(len(entries)) != done.Checkpoint.Size || done.More {
			t.Fatalf("%d places, %+v", len(entries), done)
		}
		if root := rfcRoot(canonical); root != done.Checkpoint.Root {
			t.Errorf("the root of %d entries is %s, by the RFC %s", len(entries), done.Checkpoint.Root, tlog.Hash(root))
		}
	}
	if found, counts := n.verify(t, nil); len(found) > 0 || counts.Entries != 2+2*145 || counts.Checkpoints != 4 || counts.Unsealed != 0 {
		t.Errorf("%+v %v", counts, found)
	}
	if done := n.seal(t); done.Entries != 0 || done.Checkpoint.Size != 2+2*145 {
		t.Errorf("nothing new made %+v", done)
	}
}

// A transaction that began before and commits after others were sealed must neither
// be forgotten nor move what has a place.
func TestALateCommitGetsALaterPlace(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	n.seal(t)
	late, err := n.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Rollback(context.WithoutCancel(t.Context())) }()
	const insert = `INSERT INTO ledger (id, kind, at, canonical) VALUES ($1, 'terms', now(), '{}')`
	id := newID(t)
	if _, err := late.Exec(t.Context(), insert, id); err != nil {
		t.Fatal(err)
	}
	n.sell(t, 1)
	n.seal(t)
	before, _ := n.places(t)
	n.sell(t, 1)
	n.seal(t)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.sell(t, 1)
	n.seal(t)
	after, _ := n.places(t)
	if !slices.Equal(before, after[:len(before)]) || !slices.Contains(after, id) || slices.Contains(before, id) {
		t.Errorf("%d places before, %d after; the late one is at %d", len(before), len(after), slices.Index(after, id))
	}
}

// Whoever seals, at whatever moment, each entry is sealed once.
func TestSealersTakeTurns(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	stop := make(chan struct{})
	var sealing sync.WaitGroup
	for range 4 {
		sealing.Go(func() {
			for {
				if _, err := n.store.Seal(t.Context(), proofback.System(), n.sealer); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	var selling sync.WaitGroup
	for range 4 {
		selling.Go(func() {
			for range 5 {
				n.sell(t, 3)
			}
		})
	}
	selling.Wait()
	close(stop)
	sealing.Wait()
	n.seal(t)
	if found, counts := n.verify(t, nil); len(found) > 0 || counts.Entries != 2+4*5*3*2 {
		t.Errorf("%+v %v", counts, found)
	}
}

// A backup that is restored into another cluster brings transaction numbers that
// this one has not reached yet.
func TestARestoredLedgerIsSealedOn(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	n.sell(t, 1)
	n.seal(t)
	n.exec(t, `UPDATE ledger_sealing SET xact = 1::bigint << 40`)
	n.exec(t, `INSERT INTO ledger (id, kind, at, canonical, xact) VALUES ($1, 'terms', now(), '{}', 5)`, newID(t))
	if done := n.seal(t); done.Entries != 1 {
		t.Errorf("%+v", done)
	}
	n.sell(t, 1)
	if done := n.seal(t); done.Entries != 2 {
		t.Errorf("%+v", done)
	}
}

// A database that was put back to an earlier moment, or whose ledger was replaced,
// gets no signature of a machine that remembers.
func TestALedgerThatDoesNotContinueWhatWasSeenIsNotSigned(t *testing.T) {
	t.Parallel()
	n, other := newNotary(t), newNotary(t)
	n.sell(t, 1)
	n.seal(t)
	other.sell(t, 2)
	for _, tt := range []struct {
		name string
		seen *proofback.Checkpoint
		want string
	}{
		{"longer", other.seal(t).Checkpoint, "of 6 entries was seen before"},
		{"another", mustSign(t, n.sealer.Key, 3), "are not those of the checkpoint"},
	} {
		n.sell(t, 1)
		n.sealer.Seen = tt.seen
		_, err := n.store.Seal(t.Context(), proofback.System(), n.sealer)
		if proofback.CodeOf(err) != proofback.CodeInternal || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	n.sealer.Seen = nil
	first := n.seal(t)
	n.sealer.Seen = first.Checkpoint
	n.sell(t, 1)
	if done := n.seal(t); done.Checkpoint.Size != first.Checkpoint.Size+2 {
		t.Errorf("%+v", done)
	}
}

func mustSign(t testing.TB, key *proofback.LedgerKey, size int64) *proofback.Checkpoint {
	t.Helper()
	c, err := key.Sign(size, proofback.LedgerHash{1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
