package proofback

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// provenSale is a proof of a conversion in a ledger of two entries, the first its
// own, and the ledger's key.
func provenSale(t testing.TB) (*Proof, *LedgerKey) {
	t.Helper()
	key, err := NewLedgerKey(LedgerOrigin("test"), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	salt := Salt{5}
	c := &Conversion{ID: id(1), Payout: Money{"10.00", "EUR"}, Revenue: Money{"12", "EUR"}, ReceivedAt: time.Unix(0, 0)}
	e := c.Entry(&Transition{ID: id(2), To: StatusApproved, At: c.ReceivedAt, ByKind: ByRule}, salt)
	other := tlog.RecordHash([]byte("another entry"))
	checkpoint, err := key.Sign(2, tlog.NodeHash(e.LeafHash(), other))
	if err != nil {
		t.Fatal(err)
	}
	proven := ProvenEntry{Entry: string(e.Canonical), Path: []LedgerHash{other}}
	proven.Open(c.Openings(salt, Actor{Role: RoleAffiliate}))
	return NewProof(c.ID, []ProvenEntry{proven}, checkpoint.Note), key
}

func TestAProofSurvivesBeingKept(t *testing.T) {
	t.Parallel()
	proof, key := provenSale(t)
	text, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ParseProof(text)
	if err != nil {
		t.Fatal(err)
	}
	facts, checkpoint, err := kept.Verify(key.Public)
	if err != nil || checkpoint.Size != 2 || facts[0]["payout"] != "10" || facts[0]["payout_currency"] != "EUR" {
		t.Errorf("%v %v %v", facts, checkpoint, err)
	}
	if _, told := facts[0]["revenue"]; told || strings.Contains(string(text), `"12"`) {
		t.Error("it tells the revenue")
	}
}

func TestAProofThatWasTouchedDoesNotHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		touch func(*Proof)
		want  string
	}{
		{"another value", func(p *Proof) {
			o := p.Entries[0].Opened["payout"]
			o.Value = `{"amount":"11","currency":"EUR"}`
			p.Entries[0].Opened["payout"] = o
		}, "payout is not the value that was sealed"},
		{"a value that the entry does not hold", func(p *Proof) { p.Entries[0].Opened["bonus"] = Opened{Salt: make([]byte, 16), Value: "{}"} }, "bonus is not the value"},
		{"a short salt", func(p *Proof) { p.Entries[0].Opened["payout"] = Opened{Value: "{}"} }, "the salt of payout has 0 bytes"},
		{"another entry", func(p *Proof) {
			p.Entries[0].Entry = strings.Replace(p.Entries[0].Entry, "conversion", "transition", 1)
		}, "its path does not lead to the root"},
		{"another place", func(p *Proof) { p.Entries[0].Index = 1 }, "its path does not lead to the root"},
		{"a place outside", func(p *Proof) { p.Entries[0].Index = 2 }, "its path does not lead to the root"},
		{"another path", func(p *Proof) { p.Entries[0].Path[0][0]++ }, "its path does not lead to the root"},
		{"another conversion", func(p *Proof) { p.Conversion = id(2) }, "is about the conversion"},
		{"no entries", func(p *Proof) { p.Entries = nil }, "no entries"},
		{"an entry twice", func(p *Proof) { p.Entries = append(p.Entries, p.Entries[0]) }, "does not come after"},
		{"another checkpoint", func(p *Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n2\n", "\n3\n", 1) }, "checkpoint"},
		{"no signature", func(p *Proof) { p.Checkpoint, _, _ = strings.Cut(p.Checkpoint, "\n\n") }, "checkpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proof, key := provenSale(t)
			tt.touch(proof)
			if facts, _, err := proof.Verify(key.Public); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v %v, want %q", facts, err, tt.want)
			}
		})
	}
}

func TestACheckpointIsOfItsKeysLedgerAlone(t *testing.T) {
	t.Parallel()
	proof, key := provenSale(t)
	other, err := NewLedgerKey(LedgerOrigin("test"), bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(proof.Checkpoint, other.Public); err == nil {
		t.Error("another key opens it")
	}
	if _, err := OpenCheckpoint(proof.Checkpoint, "nonsense"); err == nil {
		t.Error("no key opens it")
	}
	c, err := OpenCheckpoint(proof.Checkpoint, other.Public, key.Public)
	if err != nil || c.Origin != "proofback.ledger/test" {
		t.Errorf("%+v %v", c, err)
	}
	if _, err := NewLedgerKey(LedgerOrigin("test"), []byte("short")); err == nil {
		t.Error("a short seed makes a key")
	}
}

func FuzzParseProof(f *testing.F) {
	proof, key := provenSale(f)
	text, err := json.Marshal(proof)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"proofback ledger proof, version 1","entries":[{"index":-1,"path":[]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		facts, _, err := p.Verify(key.Public)
		if err == nil && (len(facts) != len(p.Entries) || facts[0]["payout"] != "" && facts[0]["payout"] != "10") {
			t.Errorf("%s is believed", text)
		}
	})
}
