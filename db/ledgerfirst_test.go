package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// asVersion1 enters a conversion that is not sealed yet as it was entered before first
// moves had a place in the entries of their conversions.
func (a *audited) asVersion1(t testing.TB, id uuid.UUID) {
	t.Helper()
	made, err := a.store.ConversionsByID(t.Context(), proofback.System(), []uuid.UUID{id})
	if err != nil {
		t.Fatal(err)
	}
	moves, err := a.store.TransitionsByConversion(t.Context(), proofback.System(), []uuid.UUID{id})
	if err != nil || made[id] == nil || len(moves[id]) == 0 || moves[id][0].From != "" {
		t.Fatal(made, moves, err)
	}
	xact := a.count(t, `SELECT xact FROM ledger WHERE id = $1`, id)
	a.tamper(t, `DELETE FROM ledger WHERE id = $1`, id)
	for _, e := range []proofback.Entry{made[id].EntryV1(proofback.Salt{1}), moves[id][0].Entry(proofback.Salt{2})} {
		a.exec(t, `INSERT INTO ledger (id, kind, at, canonical, salt, xact) VALUES ($1, $2, $3, $4, $5, $6)`, e.ID, e.Kind, e.At, e.Canonical, e.Salt[:], xact)
	}
}

// A ledger may have conversions with their first moves and conversions beside them: all
// checks hold, and each is proven to everybody who has a part in it, as much of it as of
// the other.
func TestBothFormsOfEntriesAreInOneLedger(t *testing.T) {
	t.Parallel()
	a := newAudited(t, func(a *audited) { a.asVersion1(t, a.closed) })
	if _, found := a.verify(t); len(found) > 0 {
		t.Fatal(found)
	}
	for _, actor := range []proofback.Actor{a.staff, a.affiliateActor(), a.advertiserActor()} {
		told := map[uuid.UUID][]string{}
		for _, id := range []uuid.UUID{a.closed, a.open} {
			facts := a.proven(t, actor, id)
			began := facts[0]
			if id == a.closed {
				if began["v"] != "1" || began["transition_id"] != "" || facts[1]["from"] != "" {
					t.Fatalf("%s: %v", actor.Role, facts)
				}
				for key, value := range facts[1] {
					if key != "kind" {
						began[key] = value
					}
				}
				facts = slices.Delete(facts, 1, 2)
			}
			for key := range began {
				told[id] = append(told[id], key)
			}
			slices.Sort(told[id])
			if began["kind"] != "conversion" || facts[slices.IndexFunc(facts, func(f proofback.Fact) bool { return f["kind"] == "transition" })]["from"] != began["to"] {
				t.Errorf("%s: %v", actor.Role, facts)
			}
		}
		if !slices.Equal(told[a.open], told[a.closed]) {
			t.Errorf("%s learns %v, and learnt %v", actor.Role, told[a.open], told[a.closed])
		}
	}
}

// proven is what a proof of a conversion says that holds offline.
func (a *audited) proven(t testing.TB, actor proofback.Actor, id uuid.UUID) []proofback.Fact {
	t.Helper()
	proof, err := a.store.ConversionProof(t.Context(), actor, id)
	if err != nil || proof == nil {
		t.Fatal(proof, err)
	}
	facts, _, err := proof.Verify(a.sealer.Key.Public)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// Whatever is changed of a first move is found, in both forms, and in the entry's place.
func TestTamperingWithAFirstMoveIsNamed(t *testing.T) {
	t.Parallel()
	const first, other, deleted = ` WHERE conversion_id = $1 AND from_status IS NULL`, "is not what the ledger has", "was deleted"
	a := newAudited(t, func(a *audited) { a.asVersion1(t, a.closed) })
	a.exec(t, `CREATE TABLE transitions_before AS TABLE transitions`)
	for _, tt := range []struct {
		name, tamper   string
		one, two, also string // what is said of an entry with the move, of one beside it, and of both
	}{
		{"nothing", ``, "", "", ""},
		{"its status", `UPDATE transitions SET to_status = 'REJECTED'` + first, other, other, ""},
		{"its time", `UPDATE transitions SET at = at - interval '1 microsecond'` + first, other, other, ""},
		{"by what", `UPDATE transitions SET by_kind = 'SYSTEM'` + first, other, other, ""},
		{"by whom", `UPDATE transitions SET by_user = gen_random_uuid()` + first, other, other, ""},
		{"its request", `UPDATE transitions SET postback_id = gen_random_uuid()` + first, other, other, ""},
		{"its request taken away", `UPDATE transitions SET postback_id = NULL` + first, other, other, ""},
		{"its id", `UPDATE transitions SET id = gen_random_uuid()` + first, other, deleted, "is not in the ledger"},
		{"its removal", `DELETE FROM transitions` + first, deleted, deleted, ""},
		{"its beginning", `UPDATE transitions SET from_status = 'REJECTED'` + first, deleted, other, ""},
		{"its conversion", `UPDATE transitions SET conversion_id = (SELECT id FROM conversions WHERE id <> $1 LIMIT 1)` + first, deleted, other, ""},
		{"another beside it", `INSERT INTO transitions SELECT uuid_v7(at - interval '1 hour'), conversion_id, advertiser_id, affiliate_id, NULL, to_status, at, by_kind, by_user, reason, postback_id FROM transitions` + first, "", "", "is not in the ledger"},
	} {
		for id, want := range map[uuid.UUID]string{a.open: tt.one, a.closed: tt.two} {
			if tt.tamper != "" {
				a.tamper(t, tt.tamper, id)
			}
			_, found := a.verify(t, proofback.CheckLedger)
			list := found[proofback.CheckLedger]
			named := func(what, where string) bool {
				return slices.ContainsFunc(list, func(d string) bool { return strings.HasPrefix(d, where) && strings.Contains(d, what) })
			}
			if want != "" && !named(want, "entry ") || tt.also != "" && !named(tt.also, "the ledger") || want == "" && tt.also == "" && len(list) > 0 {
				t.Errorf("%s: found %q, want %q and %q", tt.name, list, want, tt.also)
			}
			a.tamper(t, `DELETE FROM transitions`)
			a.tamper(t, `INSERT INTO transitions SELECT * FROM transitions_before`)
		}
	}
}
