package proofback

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The ledger's entries are sealed into a log that can only grow: a Merkle tree as
// in RFC 6962, section 2.1, whose leaves are the entries' canonical bytes. What is
// published of it follows C2SP: checkpoints (c2sp.org/tlog-checkpoint) as signed
// notes (c2sp.org/signed-note) with Ed25519, and tiles (c2sp.org/tlog-tiles). The
// entries themselves are not published: they are between the partners.

// LedgerTileHeight is the height of a tile: 256 hashes of a level to each.
const LedgerTileHeight = 8

// LedgerHash is a hash of the tree: SHA-256.
type LedgerHash = tlog.Hash

// LeafHash is the hash of an entry as a leaf.
func (e *Entry) LeafHash() LedgerHash { return tlog.RecordHash(e.Canonical) }

// LedgerOrigin names the ledger of a network, in checkpoints and keys.
func LedgerOrigin(network string) string { return "proofback.ledger/" + network }

// LedgerKey signs checkpoints.
type LedgerKey struct {
	signer note.Signer
	// Public is the key that checkpoints are verified with, as it is handed out:
	// origin, key hash and key, as c2sp.org/signed-note writes them.
	Public string
}

// NewLedgerKey makes the key of a ledger from a seed of 32 bytes (RFC 8032).
func NewLedgerKey(origin string, seed []byte) (*LedgerKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("proofback: a ledger key has %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	public, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	name, rest, _ := strings.Cut(public, "+")
	hash, _, _ := strings.Cut(rest, "+")
	const ed25519Type = 1
	private := base64.StdEncoding.EncodeToString(append([]byte{ed25519Type}, seed...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + private)
	if err != nil {
		return nil, err
	}
	return &LedgerKey{signer: signer, Public: public}, nil
}

// Checkpoint is the ledger as it stood when it had so many entries.
type Checkpoint struct {
	Origin string
	Size   int64 // entries
	Root   LedgerHash
	Note   string // as it was signed
}

// Sign signs the tree of a size with a root.
func (k *LedgerKey) Sign(size int64, root LedgerHash) (*Checkpoint, error) {
	c := &Checkpoint{Origin: k.signer.Name(), Size: size, Root: root}
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return nil, err
	}
	c.Note = string(signed)
	return c, nil
}

func (c *Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// maxCheckpoint is far more bytes than a checkpoint has.
const maxCheckpoint = 16 << 10

// OpenCheckpoint reads a signed checkpoint. It must be signed by one of the given
// public keys and name that key's ledger.
func OpenCheckpoint(text string, public ...string) (*Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return nil, errors.New("the checkpoint is too long")
	}
	var known []note.Verifier
	for _, key := range public {
		v, err := note.NewVerifier(strings.TrimSpace(key))
		if err != nil {
			return nil, fmt.Errorf("the key %q is not a public key of a ledger: %w", key, err)
		}
		known = append(known, v)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(known...))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return nil, errors.New("the checkpoint was not signed by the given key")
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint: %w", err)
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	if signed := opened.Sigs[0].Name; c.Origin != signed {
		return nil, fmt.Errorf("the checkpoint is of %q, but signed for %q", c.Origin, signed)
	}
	c.Note = text
	return c, nil
}

// ReadCheckpoint reads a signed checkpoint of our own without asking who signed it.
func ReadCheckpoint(text string) (*Checkpoint, error) {
	c, err := parseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	c.Note = text
	return c, nil
}

// parseCheckpoint reads the text of a checkpoint. Lines after the third are
// extensions and left alone.
func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return nil, errors.New("the checkpoint has fewer than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fmt.Errorf("the checkpoint's size %q is not a count", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, errors.New("the checkpoint's root is not a hash")
	}
	return &Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}
