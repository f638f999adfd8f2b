package proofback

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"
)

// counting gives the numbers from one, in eight bytes each.
type counting struct {
	mu   sync.Mutex
	last uint64
}

func (c *counting) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i+8 <= len(p); i += 8 {
		c.last++
		binary.BigEndian.PutUint64(p[i:], c.last)
	}
	return len(p) / 8 * 8, nil
}

func TestNobodyIsGivenTheRandomnessOfAnother(t *testing.T) {
	t.Parallel()
	random := RandomBlocks{From: new(counting)}
	var given sync.Map
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for i := range 2000 {
				p := make([]byte, 8*(1+i%100)) // up to more than a block
				if n, err := random.Read(p); n != len(p) || err != nil {
					t.Errorf("%d of %d bytes, %v", n, len(p), err)
				}
				for ; len(p) > 0; p = p[8:] {
					number := binary.BigEndian.Uint64(p)
					if _, again := given.LoadOrStore(number, nil); again || number == 0 {
						t.Errorf("%d was given", number)
						return
					}
				}
			}
		})
	}
	readers.Wait()
}

func TestWhereThereIsNoRandomnessNoneIsGiven(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	random := RandomBlocks{From: io.MultiReader(bytes.NewReader(make([]byte, 600)), iotest.ErrReader(broken))}
	if _, err := io.ReadFull(&random, make([]byte, 1024)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
