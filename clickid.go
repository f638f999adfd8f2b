package proofback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// A click id is 40 characters of Crockford's base32, five bits each:
//
//	1   the version of the key it was made with, counted down from Z
//	    (so that no id begins like a number: spreadsheets eat those)
//	36  the click's UUIDv7, then its MAC: the first 52 bits of HMAC-SHA256 over
//	    the version and the UUID, which a forger would have to guess on line
//	3   a checksum over the other 37 that needs no key. It tells damage from
//	    forgery: who alters an id by accident breaks the checksum, who makes one
//	    up can compute the checksum and fails at the MAC.
//
// The checksum is a CRC of 15 bits whose polynomial was chosen so that it sees
// every change of one or two characters wherever they stand (a swap is two
// changes) and every change within three neighbours; the tests try them all.

// ClickIDLength is the number of characters of a click id.
const ClickIDLength = clickIDPayload + clickIDCheck

const (
	clickIDPayload = 37 // version, UUID and MAC
	clickIDCheck   = 3
	clickMACBits   = 52
	clickMACMask   = 1<<clickMACBits - 1

	// MaxClickKeyVersion is the highest version that a click key can have.
	// Versions of keys long dropped may be used again.
	MaxClickKeyVersion = 31
	minClickKeyBytes   = 32
)

// crockford is the alphabet of Crockford's base32: no I, L, O (look-alikes,
// taken for 1, 1 and 0 when read) and no U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// notCrockford stands in crockfordValue for bytes outside the alphabet.
const notCrockford = 0xff

var crockfordValue = func() (values [256]byte) {
	for i := range values {
		values[i] = notCrockford
	}
	set := func(c byte, v int) {
		values[c] = byte(v)
		if c >= 'A' {
			values[c|0x20] = byte(v)
		}
	}
	for v := range len(crockford) {
		set(crockford[v], v)
	}
	set('I', 1)
	set('L', 1)
	set('O', 0)
	return values
}()

// clickCRC advances the checksum by five bits.
var clickCRC = func() (table [32]uint16) {
	const polynomial = 0x4237
	for i := range table {
		crc := uint16(i) << 10
		for range 5 {
			crc <<= 1
			if crc&0x8000 != 0 {
				crc ^= polynomial
			}
		}
		table[i] = crc & 0x7fff
	}
	return table
}()

// clickCRCStart is where the checksum starts: not at nought, so that a row of
// zeros is no id.
const clickCRCStart = 0x2a5b

func clickChecksum(payload []byte) uint16 {
	crc := uint16(clickCRCStart)
	for _, v := range payload {
		crc = clickCRC[byte(crc>>10)^v] ^ crc<<5&0x7fff
	}
	return crc
}

// ClickKey is one key of those that click ids are made and checked with.
type ClickKey struct {
	Version int    // 1 to MaxClickKeyVersion
	Secret  []byte // 32 bytes or more
}

// ClickKeys makes and checks click ids. Keys are rotated by adding a new version
// and making it the current one; an old one may be dropped once no click made
// under it is kept any more. Safe for use by many goroutines. The zero value
// knows no key: it cannot make an id and takes none for its own.
type ClickKeys struct {
	current int
	macs    [MaxClickKeyVersion + 1]*clickMAC // by version, nil for unknown ones
	names   []byte                            // key of Pseudonym
}

// clickMAC computes the MACs of one key, reusing the hash states.
type clickMAC struct{ pool sync.Pool }

type clickHash struct {
	hash.Hash
	in  [1 + len(uuid.UUID{})]byte
	out [sha256.Size]byte
}

// NewClickKeys makes the keys usable: ids are made with the key of version
// current and read with any.
func NewClickKeys(current int, keys ...ClickKey) (*ClickKeys, error) {
	k := &ClickKeys{current: current}
	for _, key := range keys {
		switch {
		case key.Version < 1 || key.Version > MaxClickKeyVersion:
			return nil, fmt.Errorf("click key version %d is not between 1 and %d", key.Version, MaxClickKeyVersion)
		case len(key.Secret) < minClickKeyBytes:
			return nil, fmt.Errorf("click key %d has %d bytes, expected %d or more", key.Version, len(key.Secret), minClickKeyBytes)
		case k.macs[key.Version] != nil:
			return nil, fmt.Errorf("click key version %d is given twice", key.Version)
		}
		secret := slices.Clone(key.Secret)
		k.macs[key.Version] = &clickMAC{sync.Pool{New: func() any {
			return &clickHash{Hash: hmac.New(sha256.New, secret)}
		}}}
	}
	if len(keys) == 0 {
		return nil, errors.New("no click keys")
	}
	oldest := slices.MinFunc(keys, func(a, b ClickKey) int { return a.Version - b.Version })
	k.names = keyedHash(oldest.Secret, "pseudonyms")
	if current < 1 || current > MaxClickKeyVersion || k.macs[current] == nil {
		return nil, fmt.Errorf("the current click key version %d is not among the keys", current)
	}
	return k, nil
}

func (m *clickMAC) sum(version int, id uuid.UUID) uint64 {
	h := m.pool.Get().(*clickHash)
	h.Reset()
	h.in[0] = byte(version)
	copy(h.in[1:], id[:])
	h.Write(h.in[:])
	sum := binary.BigEndian.Uint64(h.Sum(h.out[:0])) >> (64 - clickMACBits)
	m.pool.Put(h)
	return sum
}

// Encode gives the click id of a UUIDv7. It panics on the zero ClickKeys.
func (k *ClickKeys) Encode(id uuid.UUID) string {
	var text [ClickIDLength]byte
	return string(k.Append(text[:0], id))
}

// Append is Encode into dst.
func (k *ClickKeys) Append(dst []byte, id uuid.UUID) []byte {
	if k == nil || k.current == 0 {
		panic("proofback: click ids are made with keys from NewClickKeys")
	}
	var symbols [ClickIDLength]byte
	symbols[0] = clickVersionSymbol(k.current)
	packClick(symbols[1:clickIDPayload], id, k.macs[k.current].sum(k.current, id))
	crc := clickChecksum(symbols[:clickIDPayload])
	symbols[clickIDPayload] = byte(crc >> 10)
	symbols[clickIDPayload+1] = byte(crc>>5) & 31
	symbols[clickIDPayload+2] = byte(crc) & 31
	for _, v := range symbols {
		dst = append(dst, crockford[v])
	}
	return dst
}

// clickVersionSymbol counts down from Z; it is its own inverse.
func clickVersionSymbol(version int) byte { return byte(MaxClickKeyVersion + 1 - version) }

// packClick spreads the 128 bits of id and the 52 of mac over 36 symbols.
func packClick(symbols []byte, id uuid.UUID, mac uint64) {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	// The 180 bits in three words of 60, twelve symbols each.
	words := [3]uint64{hi >> 4, hi&15<<56 | lo>>8, lo<<56>>4 | mac}
	for w, word := range words {
		for i := range 12 {
			symbols[12*w+i] = byte(word>>(55-5*i)) & 31
		}
	}
}

// unpackClick is the inverse of packClick.
func unpackClick(symbols []byte) (id uuid.UUID, mac uint64) {
	var words [3]uint64
	for w := range words {
		for _, v := range symbols[12*w : 12*w+12] {
			words[w] = words[w]<<5 | uint64(v)
		}
	}
	binary.BigEndian.PutUint64(id[:8], words[0]<<4|words[1]>>56)
	binary.BigEndian.PutUint64(id[8:], words[1]<<8|words[2]>>clickMACBits)
	return id, words[2] & clickMACMask
}
