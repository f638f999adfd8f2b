package proofback

import (
	"io"
	"sync"
)

// RandomBlocks gives out what it reads from From, which it asks for more than is
// wanted at a time: an id needs a few bytes, and asking the system for them costs
// more than all else about it. Nobody is given what another was given. Safe for use
// by many goroutines if From is.
type RandomBlocks struct {
	From io.Reader

	blocks sync.Pool // of *randomBlock
}

type randomBlock struct {
	bytes [512]byte
	left  []byte // of them
}

// Read fills p. It fails only when From does.
func (r *RandomBlocks) Read(p []byte) (n int, err error) {
	b, _ := r.blocks.Get().(*randomBlock)
	if b == nil {
		b = new(randomBlock)
	}
	for n < len(p) {
		if len(b.left) == 0 {
			if _, err := io.ReadFull(r.From, b.bytes[:]); err != nil {
				return n, err
			}
			b.left = b.bytes[:]
		}
		given := copy(p[n:], b.left)
		clear(b.left[:given])
		b.left = b.left[given:]
		n += given
	}
	r.blocks.Put(b)
	return n, nil
}
