package db_test

import "crypto/sha256"

// What follows are the formulas of RFC 6962 as they stand there, on purpose without
// the library that the ledger is made with.

// rfcRoot is MTH(D[n]) of section 2.1.
func rfcRoot(entries [][]byte) [32]byte {
	switch n := len(entries); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return rfcLeaf(entries[0])
	default:
		k := 1 // the largest power of two smaller than n
		for k*2 < n {
			k *= 2
		}
		return rfcNode(rfcRoot(entries[:k]), rfcRoot(entries[k:]))
	}
}

func rfcLeaf(entry []byte) [32]byte { return sha256.Sum256(append([]byte{0}, entry...)) }

func rfcNode(left, right [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// rfcRootOf is the root that an inclusion proof of a leaf leads to, as RFC 9162,
// section 2.1.3.2, verifies the paths of RFC 6962; ok is false where the path has
// another length than the tree asks for.
func rfcRootOf(leaf [32]byte, index, size int64, path [][32]byte) (root [32]byte, ok bool) {
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return r, false
		}
		if fn&1 == 1 || fn == sn {
			r = rfcNode(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = rfcNode(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return r, sn == 0
}
