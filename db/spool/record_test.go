package spool

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var someTime = time.UnixMilli(1_770_000_000_123).UTC()

func segmentOf(payloads ...string) []byte {
	b := []byte(segmentHead)
	for i, p := range payloads {
		b = appendRecord(b, Record{someTime.Add(time.Duration(i) * time.Millisecond), []byte(p)})
	}
	return b
}

func payloads(c contents) []string {
	list := []string{}
	for _, r := range c.records {
		list = append(list, string(r.Payload))
	}
	return list
}

func TestDamageCostsOnlyWhatItHits(t *testing.T) {
	t.Parallel()
	whole := segmentOf("one", "two", "three")
	second := bytes.Index(whole, []byte("two"))
	third := bytes.Index(whole, []byte("three"))
	flip := func(at int) []byte {
		b := slices.Clone(whole)
		b[at] ^= 0x10
		return b
	}
	for _, test := range []struct {
		name    string
		segment []byte
		left    []string
		holes   int
		tail    bool
	}{
		{"nothing is damaged", whole, []string{"one", "two", "three"}, 0, false},
		{"an empty file", nil, []string{}, 0, false},
		{"a head alone", []byte(segmentHead), []string{}, 0, false},
		{"half a head", []byte(segmentHead[:3]), []string{}, 0, true},
		{"cut in the last payload", whole[:len(whole)-2], []string{"one", "two"}, 0, true},
		{"cut in the last length", whole[:third-recordHead+6], []string{"one", "two"}, 0, true},
		{"cut between records", whole[:third-recordHead], []string{"one", "two"}, 0, false},
		{"a changed payload", flip(second), []string{"one", "three"}, 1, false},
		{"a changed length", flip(second - recordHead + 4), []string{"one", "three"}, 1, false},
		{"a huge length", flip(second - recordHead + 7), []string{"one", "three"}, 1, false},
		{"a changed time", flip(second - 3), []string{"one", "three"}, 1, false},
		{"a changed mark", flip(second - recordHead), []string{"one", "three"}, 1, false},
		{"a changed head", flip(2), []string{"one", "two", "three"}, 1, false},
		{"a changed last record", flip(third + 1), []string{"one", "two"}, 0, true},
		{"zeroes at the end", append(slices.Clone(whole), make([]byte, 100)...), []string{"one", "two", "three"}, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := scan(test.segment)
			if got := payloads(c); !slices.Equal(got, test.left) || c.holes != test.holes || (c.tail > 0) != test.tail {
				t.Errorf("got %q with %d holes and a tail of %d bytes", got, c.holes, c.tail)
			}
		})
	}
}

// Whatever happens to a segment's bytes, no record comes out of it that was not
// put in, and those that were not touched do.
func TestNoDamageMakesARecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.StringN(0, 40, 80), 1, 20).Draw(t, "payloads")
		segment := segmentOf(in...)
		ends := []int{len(segmentHead)}
		for _, p := range in {
			ends = append(ends, ends[len(ends)-1]+recordHead+len(p))
		}
		from := rapid.IntRange(0, len(segment)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, min(from+60, len(segment))).Draw(t, "to")
		junk := rapid.SliceOfN(rapid.Byte(), to-from, to-from).Draw(t, "junk")
		copy(segment[from:to], junk)

		want := map[string]int{}
		for i, p := range in {
			if ends[i+1] <= from || ends[i] >= to {
				want[p]++
			}
		}
		got := map[string]int{}
		for _, r := range scan(segment).records {
			got[string(r.Payload)]++
		}
		for p, n := range want {
			if got[p] < n {
				t.Fatalf("%q was not damaged and is lost", p)
			}
		}
		for p := range got {
			if !slices.Contains(in, p) {
				t.Fatalf("%q was never put in", p)
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add(segmentOf("one", "two"))
	f.Add(segmentOf("one")[5:])
	f.Fuzz(func(t *testing.T, segment []byte) {
		c := scan(segment)
		size := c.tail
		for _, r := range c.records {
			size += recordHead + len(r.Payload)
		}
		if size > len(segment) || c.holes > len(c.records) {
			t.Errorf("%d records, %d holes, a tail of %d bytes, out of %d bytes", len(c.records), c.holes, c.tail, len(segment))
		}
	})
}
