package db

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
)

// textID names a user agent or referrer by its content; 0 is no text at all.
func textID(s string) int64 {
	if s == "" {
		return 0
	}
	var storage [512]byte // most texts need no other
	sum := sha256.Sum256(append(storage[:0], s...))
	id := int64(binary.BigEndian.Uint64(sum[:8]))
	if id == 0 {
		return 1
	}
	return id
}

// knownTexts remembers texts that are stored, by textID, and forgets some when
// there are many: to store one again changes nothing. It is read by every click,
// so reading takes no lock and touches one line of memory.
type knownTexts [1 << 13]struct{ ids [8]atomic.Int64 }

// of gives the places that an id may have: ids are hashes, any of their bits do.
func (k *knownTexts) of(id int64) *[8]atomic.Int64 { return &k[uint64(id)%uint64(len(k))].ids }

func (k *knownTexts) has(id int64) bool {
	places := k.of(id)
	for i := range places {
		if places[i].Load() == id {
			return true
		}
	}
	return false
}

// add remembers an id, in the place of another when there is none left.
func (k *knownTexts) add(id int64) {
	places := k.of(id)
	for i := range places {
		if places[i].CompareAndSwap(0, id) || places[i].Load() == id {
			return
		}
	}
	places[uint64(id)>>61].Store(id)
}
