package proofback

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// proofFormat names the form of a Proof and its version.
const proofFormat = "proofback ledger proof, version 1"

// Proof shows to whoever has the ledger's public key, and nothing else of ours, that
// what it tells of a conversion, of a statement, or of clicks, was in the ledger when its
// checkpoint was signed. It is kept as JSON.
type Proof struct {
	Format     string        `json:"format"`
	Conversion uuid.UUID     `json:"conversion,omitzero"` // uuid.Nil in others
	Statement  uuid.UUID     `json:"statement,omitzero"`  // uuid.Nil in others
	Entries    []ProvenEntry `json:"entries"`             // in the ledger's order
	Checkpoint string        `json:"checkpoint"`
}

// ProvenEntry is an entry with its way up to the root of the tree.
type ProvenEntry struct {
	Index  int64             `json:"index"` // its place in the ledger, from 0
	Entry  string            `json:"entry"` // its canonical bytes
	Opened map[string]Opened `json:"opened,omitempty"`
	Path   []LedgerHash      `json:"path"` // RFC 6962, section 2.1.1
}

// Opened is an Opening as a proof keeps it.
type Opened struct {
	Salt  []byte `json:"salt"` // base64
	Value string `json:"value"`
}

// Kind is the kind of the entry; "" where it is none.
func (e *ProvenEntry) Kind() EntryKind {
	var f Fact
	_ = json.Unmarshal([]byte(e.Entry), &f) // then it has no kind
	return EntryKind(f["kind"])
}

// NewStatementProof puts the proof of a statement together.
func NewStatementProof(statement uuid.UUID, entries []ProvenEntry, checkpoint string) *Proof {
	return &Proof{Format: proofFormat, Statement: statement, Entries: entries, Checkpoint: checkpoint}
}

// NewProof puts a proof of a conversion together, or with uuid.Nil one of clicks.
func NewProof(conversion uuid.UUID, entries []ProvenEntry, checkpoint string) *Proof {
	return &Proof{Format: proofFormat, Conversion: conversion, Entries: entries, Checkpoint: checkpoint}
}

// Open adds what the reader may see of what the entry holds back.
func (e *ProvenEntry) Open(list []Opening) {
	for _, o := range list {
		if e.Opened == nil {
			e.Opened = make(map[string]Opened, len(list))
		}
		e.Opened[o.Name] = Opened{Salt: o.Salt[:], Value: o.Value}
	}
}

// maxProof bounds what is read as a proof.
const maxProof = 4 << 20

// ParseProof reads a proof.
func ParseProof(b []byte) (*Proof, error) {
	if len(b) > maxProof {
		return nil, errors.New("a proof is not that long")
	}
	var p Proof
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("not a proof: %w", err)
	}
	if p.Format != proofFormat {
		return nil, fmt.Errorf("the format is %q: expected %q", p.Format, proofFormat)
	}
	return &p, nil
}

// Fact is what a verified entry says: its values by their names, opened ones
// included, and times that it leaves out since they follow from others; what stays held
// back is left out.
type Fact map[string]string

// Verify checks a proof against a ledger's public key: the checkpoint's signature,
// the way of each entry up to its root, each value that was opened, and that every
// entry is about the conversion, beginning with how it was made, or about the statement,
// or in a proof of clicks, that each is a count of them. It returns what the entries say. An error says
// what does not hold.
func (p *Proof) Verify(public string) ([]Fact, *Checkpoint, error) {
	checkpoint, err := OpenCheckpoint(p.Checkpoint, public)
	if err != nil {
		return nil, nil, err
	}
	if len(p.Entries) == 0 {
		return nil, nil, errors.New("the proof has no entries")
	}
	facts := make([]Fact, len(p.Entries))
	for i := range p.Entries {
		e := &p.Entries[i]
		if i > 0 && e.Index <= p.Entries[i-1].Index {
			return nil, nil, fmt.Errorf("entry %d does not come after the one before it", e.Index)
		}
		if facts[i], err = e.verify(checkpoint); err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", e.Index, err)
		}
		if err := p.isAbout(facts[i], facts[0]); err != nil {
			return nil, nil, fmt.Errorf("entry %d is %w", e.Index, err)
		}
	}
	if p.Statement != uuid.Nil {
		if err := p.checkStatement(facts); err != nil {
			return nil, nil, err
		}
	}
	return facts, checkpoint, nil
}

// isAbout makes sure that an entry belongs into the proof. A statement tells of a
// conversion by its lines, of which it has the digest: here it is known by its affiliate.
func (p *Proof) isAbout(f, first Fact) error {
	kind := EntryKind(f["kind"])
	switch {
	case p.Statement != uuid.Nil:
		return nil // they are looked at together
	case p.Conversion == uuid.Nil && kind != EntryClickCount:
		return fmt.Errorf("a %s: expected a count of clicks", kind)
	case p.Conversion == uuid.Nil:
		return nil
	case kind == EntryStatement && f["affiliate_id"] == first["affiliate_id"] && first["kind"] == string(EntryConversion):
		return nil
	case kind == EntryStatement:
		return errors.New("a statement of another affiliate")
	case f["conversion_id"] != p.Conversion.String():
		return fmt.Errorf("about the conversion %q, not %s", f["conversion_id"], p.Conversion)
	case first["kind"] != string(EntryConversion):
		return fmt.Errorf("a %s: expected how the conversion was made, first", kind)
	}
	return nil
}

func (e *ProvenEntry) verify(c *Checkpoint) (Fact, error) {
	if err := tlog.CheckRecord(e.Path, c.Size, c.Root, e.Index, tlog.RecordHash([]byte(e.Entry))); err != nil {
		return nil, errors.New("its path does not lead to the root of the checkpoint: it is not what was sealed")
	}
	var f Fact
	if err := json.Unmarshal([]byte(e.Entry), &f); err != nil {
		return nil, fmt.Errorf("its bytes are not an entry: %w", err)
	}
	if string(f.canonical()) != e.Entry {
		return nil, errors.New("its bytes are not in canonical form")
	}
	for name, opened := range e.Opened {
		if len(opened.Salt) != len(Salt{}) {
			return nil, fmt.Errorf("the salt of %s has %d bytes", name, len(opened.Salt))
		}
		o := Opening{Name: name, Salt: Salt(opened.Salt), Value: opened.Value}
		if o.Commitment() != f[o.key()] {
			return nil, fmt.Errorf("%s is not the value that was sealed", name)
		}
		if err := f.open(&o); err != nil {
			return nil, err
		}
	}
	for key := range f {
		if strings.HasSuffix(key, commitmentSuffix) {
			delete(f, key)
		}
	}
	f.complete()
	return f, nil
}

func (f Fact) canonical() []byte {
	list := newFact()
	for _, key := range slices.Sorted(maps.Keys(f)) {
		list.set(key, f[key])
	}
	return list.canonical()
}

// open takes in a value that was held back: an amount stands under its name, its
// currency beside it, as in entries that hold nothing back.
func (f Fact) open(o *Opening) error {
	var value map[string]string
	if err := json.Unmarshal([]byte(o.Value), &value); err != nil {
		return fmt.Errorf("the value of %s is not an object of strings", o.Name)
	}
	for key, v := range value {
		if key == "amount" {
			f[o.Name] = v
		} else {
			f[o.Name+"_"+key] = v
		}
	}
	return nil
}
