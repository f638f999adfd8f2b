package db_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Whoever has all rights to the database can change it, but not without being found:
// each thing is named, and what was proven before stays proven.
func TestTamperingIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		tamper string
		want   []string // in this order
	}{
		{"an amount", `UPDATE conversions SET payout = 4000 WHERE id = (SELECT id FROM ledger JOIN ledger_leaves ON entry = id WHERE kind = 'conversion' ORDER BY seq LIMIT 1)`, []string{"entry 2: the conversion", "is not what the ledger has"}},
		{"a transition", `DELETE FROM transitions WHERE id = (SELECT id FROM ledger JOIN ledger_leaves ON entry = id WHERE kind = 'transition' ORDER BY seq LIMIT 1)`, []string{"the transition", "was deleted"}},
		{"an entry", `UPDATE ledger SET canonical = convert_to(replace(convert_from(canonical, 'UTF8'), 'sale', 'lead'), 'UTF8') WHERE kind = 'conversion'`, []string{"entry 2: the conversion", "is not what was sealed in this place"}},
		{"two entries swapped", `UPDATE ledger_leaves SET entry = (SELECT entry FROM ledger_leaves WHERE seq = 5 - leaf.seq) FROM (VALUES (2), (3)) AS leaf (seq) WHERE ledger_leaves.seq = leaf.seq`, []string{"entry 2:", "is not what was sealed in this place", "entry 3:", "is not what was sealed in this place"}},
		{"an entry deleted", `DELETE FROM ledger WHERE id = (SELECT entry FROM ledger_leaves WHERE seq = 4)`, []string{"entry 4: the entry", "was deleted", "is not in the ledger"}},
		{"the tail of the log", `WITH l AS (DELETE FROM ledger_leaves WHERE seq >= 6 RETURNING entry) DELETE FROM ledger WHERE id IN (SELECT entry FROM l)`, []string{"entry 6: nothing has this place any more", "entry 7: nothing has this place any more", "is not in the ledger"}},
		{"the tail with its tree and its checkpoint", `
			WITH l AS (DELETE FROM ledger_leaves WHERE seq >= 4 RETURNING entry),
			t AS (UPDATE ledger_tiles SET hashes = substring(hashes FOR 4 * 32)),
			c AS (DELETE FROM ledger_checkpoints WHERE size > 4)
			DELETE FROM ledger WHERE id IN (SELECT entry FROM l)`, []string{"the checkpoint of 8 entries (the one that was seen before) is longer than the ledger, which has 4", "is not in the ledger"}},
		{"a move made up with the id of another", `INSERT INTO transitions SELECT (jsonb_populate_record(t, jsonb_build_object('conversion_id', (SELECT id FROM conversions AS c WHERE c.id <> t.conversion_id LIMIT 1)))).* FROM transitions AS t WHERE from_status IS NOT NULL LIMIT 1`, []string{"the transition", "is not in the ledger"}},
		{"a sale made up", `INSERT INTO conversions SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'txid', 'made up'))).* FROM conversions AS c LIMIT 1`, []string{"the conversion", "is not in the ledger"}},
		{"the tree", `UPDATE ledger_tiles SET hashes = overlay(hashes PLACING decode(repeat('00', 32), 'hex') FROM 1 FOR 32) WHERE level = 0`, []string{"entry 0: the terms", "is not what was sealed", "the checkpoint of 4 entries has another root"}},
		{"a checkpoint", `UPDATE ledger_checkpoints SET note = replace(note, E'\n4\n', E'\n3\n') WHERE size = 4`, []string{"the checkpoint of 4 entries: the checkpoint"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNotary(t)
			n.sell(t, 1)
			n.seal(t)
			n.sell(t, 2)
			seen := n.seal(t).Checkpoint
			proof := n.prove(t, proofback.System())
			if found, counts := n.verify(t, seen); len(found) > 0 || counts.Entries != 8 {
				t.Fatalf("before: %+v %v", counts, found)
			}
			// The triggers that refuse changes are off for the owner of all.
			n.exec(t, `ALTER TABLE ledger_leaves DROP CONSTRAINT ledger_leaves_entry`)
			tx, err := n.store.Pool().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{`SET LOCAL session_replication_role = replica`, tt.tamper} {
				if _, err := tx.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			found, _ := n.verify(t, seen)
			rest := strings.Join(found, "\n")
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is not told, or not in its order:\n%s", want, strings.Join(found, "\n"))
				}
				rest = after
			}
			if _, _, err := proof.Verify(n.sealer.Key.Public); err != nil {
				t.Errorf("a proof from before: %v", err)
			}
		})
	}
}

// prove proves some conversion.
func (n *notary) prove(t testing.TB, actor proofback.Actor) *proofback.Proof {
	t.Helper()
	var id uuid.UUID
	if err := n.store.Pool().QueryRow(t.Context(), `SELECT id FROM conversions ORDER BY id LIMIT 1`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	proof, err := n.store.ConversionProof(t.Context(), actor, id)
	if err != nil || proof == nil {
		t.Fatal(proof, err)
	}
	return proof
}

// A proof holds by the formulas of the RFC alone, and tells each partner what it
// may see.
func TestProofsHoldByTheRFCAndTellEachPartnerItsOwn(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	n.sell(t, 40)
	n.seal(t)
	n.sell(t, 60)
	checkpoint := n.seal(t).Checkpoint
	for _, tt := range []struct {
		actor proofback.Actor
		shown []string
	}{
		{proofback.Actor{Role: proofback.RoleAffiliate, UserID: newID(t), AffiliateID: n.affiliate}, []string{"amount", "payout"}},
		{proofback.Actor{Role: proofback.RoleAdvertiser, UserID: newID(t), AdvertiserID: n.advertiser}, []string{"amount", "revenue"}},
		{proofback.System(), []string{"amount", "payout", "revenue"}},
	} {
		proof := n.prove(t, tt.actor)
		if len(proof.Entries) != 2 {
			t.Fatalf("%s: %d entries: expected the conversion with its first move and another move", tt.actor.Role, len(proof.Entries))
		}
		for _, e := range proof.Entries {
			path := make([][32]byte, len(e.Path))
			for i := range e.Path {
				path[i] = e.Path[i]
			}
			if root, ok := rfcRootOf(rfcLeaf([]byte(e.Entry)), e.Index, checkpoint.Size, path); !ok || root != checkpoint.Root {
				t.Errorf("%s: entry %d does not lead to the root", tt.actor.Role, e.Index)
			}
		}
		var shown []string
		for name := range proof.Entries[0].Opened {
			shown = append(shown, name)
		}
		slices.Sort(shown)
		if !slices.Equal(shown, tt.shown) {
			t.Errorf("%s sees %v, want %v", tt.actor.Role, shown, tt.shown)
		}
		text, err := json.Marshal(proof)
		if err != nil {
			t.Fatal(err)
		}
		back, err := proofback.ParseProof(text)
		if err != nil {
			t.Fatal(err)
		}
		facts, _, err := back.Verify(n.sealer.Key.Public)
		if err != nil {
			t.Fatal(err)
		}
		if facts[0]["payout"] != "3.5" && tt.actor.SeesPayout() || facts[0]["to"] != "pending" || facts[1]["to"] != "approved" {
			t.Errorf("%s: %v", tt.actor.Role, facts)
		}
	}
	foreign := proofback.Actor{Role: proofback.RoleAffiliate, UserID: newID(t), AffiliateID: newID(t)}
	var id uuid.UUID
	if err := n.store.Pool().QueryRow(t.Context(), `SELECT id FROM conversions LIMIT 1`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if proof, err := n.store.ConversionProof(t.Context(), foreign, id); proofback.CodeOf(err) != proofback.CodeNotFound {
		t.Errorf("another affiliate gets %v %v", proof, err)
	}
}
